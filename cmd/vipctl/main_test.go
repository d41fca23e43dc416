package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/urfave/cli/v2"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

const (
	inside   = "VIPCTL_TEST_INSIDE" // why there are no namespaces; empty where there are
	rootDir  = "VIPCTL_TEST_ROOT"
	hasUsers = "VIPCTL_TEST_USERS" // set where the user namespace has more than one
)

// noSandbox is why this machine gives us no namespaces; tests that need them are skipped then.
var noSandbox = os.Getenv(inside)

// programs are what the test binary is under these names.
var programs = map[string]func(){
	"vipctl": main, "as": as, "powerless": powerless, "terminal": terminal, "journal": journal, "unread": unreadProgram,
	"confine": confine, "predict": predict, "powers": powers,
	"python3": idle, "keepalived": idle, "vip-manager": idle, "ucarp": idle, "pgbouncer": idle,
}

// TestMain runs the tests in a throw-away world: user, network and mount namespaces in which they
// are root, whoever runs them, and a root folder with an /etc, /run, /srv and /var of its own.
// Nothing of the host can be changed in there.
func TestMain(m *testing.M) {
	if _, ok := programs[filepath.Base(os.Args[0])]; ok {
		testscript.Main(m, programs)
	}
	if _, ok := os.LookupEnv(inside); ok {
		settle()
		testscript.Main(world{m}, programs)
	}
	os.Exit(intoNamespaces())
}

// world is the tests, run in the world that is made for them.
type world struct{ *testing.M }

func (w world) Run() int {
	syscall.Umask(0o022)
	// A program with the race detector sleeps for a second before it exits.
	os.Setenv("GORACE", strings.TrimSpace(os.Getenv("GORACE")+" atexit_sleep_ms=0"))
	cli.HelpFlag = helpFlag{cli.HelpFlag.(*cli.BoolFlag)}
	// Where testscript put the programs must be open for any user.
	bin, _, _ := strings.Cut(os.Getenv("PATH"), ":")
	if err := os.Chmod(filepath.Dir(bin), 0o755); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return w.M.Run()
}

// helpFlag is the flag that all of the command line library's users share, without what it keeps of
// the last parse: so several runs in one process do not race.
type helpFlag struct{ *cli.BoolFlag }

func (f helpFlag) Apply(set *flag.FlagSet) error {
	own := *f.BoolFlag
	return own.Apply(set)
}

// settle makes the namespaces a world to test in, where there are any. A fuzz target's worker finds
// itself in the world of the process that has started it.
func settle() {
	root := os.Getenv(rootDir)
	if noSandbox != "" || root == "" {
		return
	}
	os.Unsetenv(rootDir)
	if err := errors.Join(upLoopback(), makeRoot(root)); err != nil {
		fmt.Fprintln(os.Stderr, "make a world for the tests:", err)
		os.Exit(1)
	}
}

func upLoopback() error {
	return netlink.LinkSetUp(&netlink.Dummy{LinkAttrs: netlink.LinkAttrs{Index: 1}})
}

// intoNamespaces runs this program again, in the first kind of namespaces that the machine gives
// us, or in none.
func intoNamespaces() int {
	const namespaces = syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET | syscall.CLONE_NEWNS
	ids := func(n int) *syscall.SysProcAttr {
		return &syscall.SysProcAttr{
			Cloneflags:                 namespaces,
			UidMappings:                []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: n}},
			GidMappings:                []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: n}},
			GidMappingsEnableSetgroups: n > 1,
		}
	}
	root, err := os.MkdirTemp("", "vipctl-test-root")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.Remove(root)
	var lack error
	for _, way := range []struct {
		attr *syscall.SysProcAttr
		env  []string
	}{
		{ids(65536), []string{inside + "=", hasUsers + "=1"}},
		{ids(1), []string{inside + "="}},
		{nil, nil},
	} {
		c := exec.Command("/proc/self/exe", os.Args[1:]...)
		c.Stdin, c.Stdout, c.Stderr = os.Stdin, os.Stdout, os.Stderr
		c.SysProcAttr, c.Env = way.attr, append(os.Environ(), append(way.env, rootDir+"="+root)...)
		if way.attr == nil {
			c.Env = append(c.Env, fmt.Sprintf("%s=no namespaces for tests: %v", inside, lack))
		}
		if lack = c.Start(); lack == nil {
			return exitCodeOf(c.Wait())
		}
	}
	return 1
}

func exitCodeOf(err error) int {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit) && exit.ExitCode() > 0:
		return exit.ExitCode()
	}
	return 1
}

// ownFolders are the world's own. Everything else in its root folder is the host's.
var ownFolders = []string{"etc", "run", "srv", "var"}

// makeRoot changes to a root folder on a tmpfs. It belongs to this namespace's root, as do its own
// folders: that is what root is to a process in here.
func makeRoot(dir string) error {
	here, err := os.Getwd()
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	if err := mountTmpfs(dir, ""); err != nil {
		return err
	}
	host, err := os.ReadDir("/")
	if err != nil {
		return err
	}
	for _, own := range ownFolders {
		if err := os.Mkdir(filepath.Join(dir, own), 0o755); err != nil {
			return err
		}
	}
	for _, e := range host {
		if err := takeOver(dir, e); err != nil {
			return err
		}
	}
	for _, needed := range []string{here, filepath.Dir(self)} {
		if err := bind(needed, filepath.Join(dir, needed)); err != nil {
			return err
		}
	}
	if err := errors.Join(unix.Chdir(dir), unix.PivotRoot(".", "."), unix.Unmount(".", unix.MNT_DETACH), unix.Chdir(here)); err != nil {
		return fmt.Errorf("change the root folder: %w", err)
	}
	return os.Setenv("TMPDIR", "/srv")
}

// takeOver makes an entry of the host's root folder one of dir.
func takeOver(dir string, e os.DirEntry) error {
	from, to := "/"+e.Name(), filepath.Join(dir, e.Name())
	if _, err := os.Lstat(to); err == nil {
		return nil
	}
	switch {
	case e.Type() == os.ModeSymlink:
		target, err := os.Readlink(from)
		if err != nil {
			return err
		}
		return os.Symlink(target, to)
	case e.IsDir():
		return bind(from, to)
	}
	return nil
}

// bind puts a folder of the host at to, unless it is there already as part of another.
func bind(from, to string) error {
	if _, err := os.Stat(to); err == nil {
		return nil
	}
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	if err := unix.Mount(from, to, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("bind %s: %w", from, err)
	}
	return nil
}

func mountTmpfs(dir, options string) error {
	if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_NODEV, strings.TrimSuffix("mode=0755,"+options, ",")); err != nil {
		return fmt.Errorf("mount a tmpfs on %s: %w", dir, err)
	}
	return nil
}

// needSandbox skips a test where the machine gives us no namespaces.
func needSandbox(t *testing.T) {
	t.Helper()
	if noSandbox != "" {
		t.Skip(noSandbox)
	}
}
