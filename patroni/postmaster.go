package patroni

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/vipctl/vipctl/reconcile/policy"
)

// pmStatusLine is the line of postmaster.pid that says how the postmaster is, counted from 1
// (LOCK_FILE_LINE_PM_STATUS in src/include/utils/pidfile.h; PostgreSQL before 10 has no such line). It is one of
// "starting", "stopping", "ready   " and "standby ", padded so that it can be overwritten in place.
const pmStatusLine = 8

// Postmaster reads postmaster.pid in the local data directory. PostgreSQL takes that file away when the postmaster
// exits, after its last child, and writes "stopping" into it when it is told to stop; from then on it accepts no new
// connection. A fast stop, which is what Patroni asks for, ends the sessions at once. A smart stop (pg_ctl stop -m smart,
// SIGTERM) waits for them, and they can go on writing: measured on 15.18. The file does not tell the two apart.
//
// PGDown needs proof: no such file in a folder that is a data directory, for it has a PG_VERSION, or the word
// "stopping". An empty folder may be a file system that is not mounted, and a file whose process is gone was left by a
// crash, after which backends can live on for a moment: both are PGUnknown, as is everything that cannot be read
// before ctx ends, or within the client's timeout.
func (c *Client) Postmaster(ctx context.Context) policy.PG {
	s, _ := c.settings() // what else is wrong with patroni.yml does not matter here
	if !filepath.IsAbs(s.dataDir) {
		return policy.PGUnknown // relative to Patroni's working directory, which is not ours
	}
	found := make(chan policy.PG, 1)
	go func() { found <- postmaster(s.dataDir, unix.Kill) }()
	ctx, cancel := context.WithTimeout(ctx, c.opts.Timeout)
	defer cancel()
	select {
	case pg := <-found:
		return pg
	case <-ctx.Done(): // a network file system that hangs
		return policy.PGUnknown
	}
}

// Port returns the port at which the PostgreSQL listens that left postmaster.pid, 0 where that does not say.
func (c *Client) Port() uint16 {
	const line = 4 // LOCK_FILE_LINE_PORT, counted from 1
	s, _ := c.settings()
	if !filepath.IsAbs(s.dataDir) {
		return 0
	}
	data, err := readFile(filepath.Join(s.dataDir, "postmaster.pid"))
	if lines := bytes.Split(data, []byte("\n")); err == nil && len(lines) > line {
		port, _ := strconv.ParseUint(string(bytes.TrimSpace(lines[line-1])), 10, 16)
		return uint16(port)
	}
	return 0
}

// postmaster judges a data directory. kill is kill(2).
func postmaster(dir string, kill func(pid int, sig unix.Signal) error) policy.PG {
	data, err := readFile(filepath.Join(dir, "postmaster.pid"))
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(filepath.Join(dir, "PG_VERSION")); err == nil {
			return policy.PGDown
		}
		return policy.PGUnknown
	}
	if err != nil {
		return policy.PGUnknown
	}
	lines := bytes.Split(data, []byte("\n"))
	// A first line without its newline is half-written. A negative number is a single-user backend's: it takes no
	// connections but may be replaced by a postmaster any moment. And kill(2) of 0 or less would mean a whole group.
	pid, err := strconv.Atoi(string(bytes.TrimSpace(lines[0])))
	if err != nil || pid <= 0 || len(lines) == 1 {
		return policy.PGUnknown
	}
	if len(lines) >= pmStatusLine && string(bytes.TrimSpace(lines[pmStatusLine-1])) == "stopping" {
		return policy.PGDown
	}
	if err := kill(pid, 0); err == nil || errors.Is(err, unix.EPERM) {
		return policy.PGAlive
	}
	return policy.PGUnknown
}
