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

	"github.com/vipctl/vipctl/patroni/conf"
	"github.com/vipctl/vipctl/reconcile/policy"
)

// pmStatusLine is the line of postmaster.pid that says how the postmaster is, counted from 1
// (LOCK_FILE_LINE_PM_STATUS in src/include/utils/pidfile.h; PostgreSQL before 10 has no such line).
// It is one of "starting", "stopping", "ready   " and "standby ", padded so that it can be
// overwritten in place.
const pmStatusLine = 8

// postmasterWithin judges a data directory, as far as ctx lets it.
func postmasterWithin(ctx context.Context, dir string) policy.PG {
	found := make(chan policy.PG, 1)
	go func() { found <- postmaster(dir, unix.Kill) }()
	select {
	case pg := <-found:
		return pg
	case <-ctx.Done(): // a network file system that hangs
		return policy.PGUnknown
	}
}

// postmaster judges a data directory. kill is kill(2).
func postmaster(dir string, kill func(pid int, sig unix.Signal) error) policy.PG {
	data, err := conf.ReadFile(filepath.Join(dir, "postmaster.pid"))
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
	// A first line without its newline is half-written. A negative number is a single-user
	// backend's: it takes no connections but may be replaced by a postmaster any moment. And
	// kill(2) of 0 or less would mean a whole group; so would a number of more than 32 bits, of
	// which the kernel takes the lower ones.
	pid, err := strconv.ParseInt(string(bytes.TrimSpace(lines[0])), 10, 32)
	if err != nil || pid <= 0 || len(lines) == 1 {
		return policy.PGUnknown
	}
	if len(lines) >= pmStatusLine && string(bytes.TrimSpace(lines[pmStatusLine-1])) == "stopping" {
		return policy.PGDown
	}
	if err := kill(int(pid), 0); err == nil || errors.Is(err, unix.EPERM) {
		return policy.PGAlive
	}
	return policy.PGUnknown
}

// postmasterPort is the port in postmaster.pid, 0 where that does not say.
func postmasterPort(dir string) uint16 {
	const line = 4 // LOCK_FILE_LINE_PORT, counted from 1
	data, err := conf.ReadFile(filepath.Join(dir, "postmaster.pid"))
	if lines := bytes.Split(data, []byte("\n")); err == nil && len(lines) > line {
		port, _ := strconv.ParseUint(string(bytes.TrimSpace(lines[line-1])), 10, 16)
		return uint16(port)
	}
	return 0
}
