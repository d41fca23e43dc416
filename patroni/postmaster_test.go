package patroni

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/vipctl/vipctl/patroni/conf"
	"github.com/vipctl/vipctl/reconcile/policy"
)

// pidFile is what PostgreSQL 15 writes.
func pidFile(pid int, status string) string {
	return fmt.Sprintf("%d\n/var/lib/postgresql/15/main\n1795209400\n5432\n/var/run/postgresql\n*\n  5432001         3\n%s\n", pid, status)
}

func TestPostmaster(t *testing.T) {
	alive := func(int, unix.Signal) error { return nil }
	gone := func(int, unix.Signal) error { return unix.ESRCH }
	another := func(int, unix.Signal) error { return unix.EPERM }
	for name, c := range map[string]struct {
		file string // "-" for none
		kill func(int, unix.Signal) error
		want policy.PG
	}{
		"no file":                  {"-", nil, policy.PGDown},
		"ready":                    {pidFile(7, "ready   "), alive, policy.PGAlive},
		"standby":                  {pidFile(7, "standby "), alive, policy.PGAlive},
		"starting":                 {pidFile(7, "starting"), alive, policy.PGAlive},
		"stopping":                 {pidFile(7, "stopping"), alive, policy.PGDown},
		"stopping, padded":         {pidFile(7, "stopping  "), alive, policy.PGDown},
		"stopping, not the eighth": {"7\n/d\n1\nstopping\n\n", alive, policy.PGAlive},
		"another user's":           {pidFile(7, "ready   "), another, policy.PGAlive},
		"stale":                    {pidFile(7, "ready   "), gone, policy.PGUnknown},
		"before PostgreSQL 10":     {strings.TrimSuffix(pidFile(7, ""), "\n"), alive, policy.PGAlive},
		"empty":                    {"", nil, policy.PGUnknown},
		"half a number":            {"12", nil, policy.PGUnknown},
		"no number":                {pidFile(7, "stopping")[1:], nil, policy.PGUnknown},
		"words":                    {"seven\n", nil, policy.PGUnknown},
		"single user":              {pidFile(-7, "stopping"), nil, policy.PGUnknown},
		"everybody":                {pidFile(0, "ready   "), nil, policy.PGUnknown},
		"long":                     {"7\n" + strings.Repeat("x", 1<<16), alive, policy.PGAlive},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			put(t, dir, "PG_VERSION", "15\n")
			if c.file != "-" {
				put(t, dir, "postmaster.pid", c.file)
			}
			kill := func(pid int, sig unix.Signal) error {
				if c.kill == nil || pid != 7 || sig != 0 {
					t.Fatalf("kill(%d, %d)", pid, sig)
				}
				return c.kill(pid, sig)
			}
			if got := postmaster(dir, kill); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func put(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestPostmasterOfRealProcesses asks the kernel.
func TestPostmasterOfRealProcesses(t *testing.T) {
	dir := t.TempDir()
	c := ask(t, "*:8008", "postgresql: {data_dir: '"+dir+"'}\n")
	if got := c.Postmaster(t.Context()); got != policy.PGUnknown {
		t.Errorf("an empty folder, perhaps not mounted: %s", got)
	}
	put(t, dir, "PG_VERSION", "15\n")
	if got := c.Postmaster(t.Context()); got != policy.PGDown {
		t.Errorf("stopped: %s", got)
	}
	put(t, dir, "postmaster.pid", pidFile(os.Getpid(), "ready   "))
	if got := c.Postmaster(t.Context()); got != policy.PGAlive {
		t.Errorf("this process: %s", got)
	}
	dead := exec.Command(os.Args[0], "-test.run=^$")
	if err := dead.Run(); err != nil {
		t.Fatal(err)
	}
	put(t, dir, "postmaster.pid", pidFile(dead.Process.Pid, "ready   "))
	if got := c.Postmaster(t.Context()); got != policy.PGUnknown {
		t.Errorf("a process that has ended: %s", got)
	}
}

// TestPostmasterUnread: what cannot be read proves nothing, and nothing is waited for.
func TestPostmasterUnread(t *testing.T) {
	for _, data := range []string{"", "relative/data", "/nonexistent/data"} {
		c := ask(t, "*:8008", "postgresql: {data_dir: '"+data+"'}\n")
		if got := c.Postmaster(t.Context()); got != policy.PGUnknown {
			t.Errorf("data_dir %q: %s", data, got)
		}
	}
	dir := t.TempDir()
	put(t, dir, "PG_VERSION", "15\n")
	if err := unix.Mkfifo(filepath.Join(dir, "postmaster.pid"), 0o600); err != nil {
		t.Fatal(err)
	}
	// The data directory counts even where the rest of patroni.yml is of no use.
	c := New(Options{Source: conf.Source{Config: write(t, "p.yml", "postgresql: {data_dir: '"+dir+"'}\n")}, Timeout: time.Second})
	began := time.Now()
	if got := c.Postmaster(t.Context()); got != policy.PGUnknown || time.Since(began) > 500*time.Millisecond {
		t.Errorf("a pipe: %s after %v", got, time.Since(began))
	}
	if err := os.Remove(filepath.Join(dir, "postmaster.pid")); err != nil {
		t.Fatal(err)
	}
	if got := c.Postmaster(t.Context()); got != policy.PGDown {
		t.Errorf("stopped: %s", got)
	}
	file := write(t, "file", "")
	if got := postmaster(file, nil); got != policy.PGUnknown {
		t.Errorf("a file for a folder: %s", got)
	}
}

// TestPort: the one that the running PostgreSQL wrote down, whatever patroni.yml says by now.
func TestPort(t *testing.T) {
	for text, want := range map[string]uint16{
		"7\n/data\n1700000000\n5433\n/run/postgresql\n*\n": 5433,
		"7\n/data\n1700000000\n5433":                       0, // half-written
		"7\n/data\n1700000000\nx\n":                        0,
		"":                                                 0,
	} {
		dir := t.TempDir()
		put(t, dir, "postmaster.pid", text)
		if got := ask(t, "*:8008", "postgresql: {data_dir: "+dir+", listen: '*:5432'}\n").Port(); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
	for _, dir := range []string{t.TempDir(), "data", "''"} {
		if got := ask(t, "*:8008", "postgresql: {data_dir: "+dir+"}\n").Port(); got != 0 {
			t.Errorf("data_dir %s: %d, want 0", dir, got)
		}
	}
}
