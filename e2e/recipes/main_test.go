package recipes

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// inside is set in the process that runs the tests, in namespaces of its own; to why there are none
// where it is not.
const inside, ours = "VIPCTL_TEST_INSIDE", "yes"

// TestMain runs the tests again in a network, mount and PID namespace: whatever they start ends
// with them.
func TestMain(m *testing.M) {
	if os.Getenv(inside) != "" {
		os.Exit(m.Run())
	}
	runtime.LockOSThread() // Pdeathsig is the death of this thread
	c := exec.Command("/proc/self/exe", os.Args[1:]...)
	c.Stdin, c.Stdout, c.Stderr = os.Stdin, os.Stdout, os.Stderr
	c.Env = append(os.Environ(), inside+"="+ours)
	c.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWNET | unix.CLONE_NEWNS | unix.CLONE_NEWPID,
		Pdeathsig:  unix.SIGKILL,
	}
	if err := c.Start(); err != nil {
		_ = os.Setenv(inside, fmt.Sprintf("no namespaces of its own (root has them): %v", err))
		os.Exit(m.Run())
	}
	if c.Wait() != nil {
		os.Exit(max(c.ProcessState.ExitCode(), 1))
	}
}

// alone skips the test where this process has no namespaces of its own.
func alone(t *testing.T) {
	t.Helper()
	if why := os.Getenv(inside); why != ours {
		t.Skip(why)
	}
	must(t, furnish())
}

// furnish mounts what the programs want to see, and sets lo up, once. Where /sys is read-only
// networkd takes the place for a container, and does not wait for udev.
var furnish = sync.OnceValue(func() error {
	for _, m := range []struct {
		what, where string
		flags       uintptr
	}{
		{"", "/", unix.MS_REC | unix.MS_PRIVATE},
		{"proc", "/proc", 0},
		{"sysfs", "/sys", unix.MS_RDONLY},
		{"tmpfs", "/run", 0},
		{"tmpfs", "/etc/systemd/network", 0}, // the machine's own files
	} {
		if err := unix.Mount(m.what, m.where, m.what, m.flags, ""); err != nil {
			return fmt.Errorf("mount %s on %s: %w", m.what, m.where, err)
		}
	}
	return netlink.LinkSetUp(&netlink.Dummy{LinkAttrs: netlink.LinkAttrs{Index: 1}}) // lo
})

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// eventually waits until ok, for ten seconds at the most.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within 10 s: %s", what)
		}
	}
}
