package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Postgres is a node's PostgreSQL. Its Patroni starts and stops it; what is done here, is done past
// that Patroni.
type Postgres struct {
	host *Host
	bin  string // the folder of its programs
	data string // the data directory
}

// Query runs a statement from the node itself and returns its rows as text. It may be called
// concurrently.
func (p *Postgres) Query(ctx context.Context, sql string) ([][]string, error) {
	conn, err := p.host.NS.Dial(ctx, "tcp", "127.0.0.1:5432")
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	c, err := pgOpen(conn)
	if err != nil {
		return nil, err
	}
	defer c.bye()
	return c.query(sql)
}

// Stop stops PostgreSQL by hand, and returns when it is down.
func (p *Postgres) Stop() error { return p.ctl("stop", "-m", "fast") }

// Start starts PostgreSQL by hand, with what Patroni has written into postgresql.conf, and returns
// when it runs.
func (p *Postgres) Start() error { return p.ctl("start", "-l", "/dev/null") }

func (p *Postgres) ctl(args ...string) error {
	var out strings.Builder
	argv := append([]string{filepath.Join(p.bin, "pg_ctl"), "-w", "-D", p.data}, args...)
	if err := children.run(p.host.NS, p.host.command(&out, argv...)); err != nil {
		return fmt.Errorf("pg_ctl %s on %s: %w: %s", args[0], p.host.Name, err, strings.TrimSpace(out.String()))
	}
	return nil
}

// Kill ends the postmaster as a crash does, and does not wait for it.
func (p *Postgres) Kill() error {
	text, err := os.ReadFile(filepath.Join(p.data, "postmaster.pid"))
	if err != nil {
		return err
	}
	line, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		return fmt.Errorf("postmaster.pid on %s: %w", p.host.Name, err)
	}
	return unix.Kill(pid, unix.SIGKILL)
}

// pretend leaves what a PostgreSQL that runs does in its data directory, which is there. Its
// process is this one.
func (p *Postgres) pretend() error {
	pid := fmt.Sprintf("%d\n%s\n0\n5432\n\n\n\nready   \n", os.Getpid(), p.data)
	return errors.Join(os.WriteFile(filepath.Join(p.data, "PG_VERSION"), []byte("15\n"), 0o644),
		os.WriteFile(filepath.Join(p.data, "postmaster.pid"), []byte(pid), 0o644))
}
