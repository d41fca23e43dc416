package vip

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/vishvananda/netlink"
)

// inside marks the process that runs the tests, in namespaces of its own.
const inside = "VIPCTL_TEST_INSIDE"

// noKernel is why this machine gives us no namespaces; the tests on the kernel are skipped then.
var noKernel = os.Getenv(inside)

// TestMain runs the tests again in a throw-away user and network namespace: they change links and
// addresses as root of a network that is theirs alone, whoever the user is.
func TestMain(m *testing.M) {
	if _, ok := os.LookupEnv(inside); ok {
		if noKernel == "" {
			// Package net finds out once, on ::1, whether there is IPv6.
			if err := netlink.LinkSetUp(&netlink.Dummy{LinkAttrs: netlink.LinkAttrs{Index: 1}}); err != nil {
				fmt.Fprintln(os.Stderr, "lo:", err)
				os.Exit(1)
			}
		}
		os.Exit(m.Run())
	}
	if os.Getuid() != 0 {
		os.Exit(run(unprivileged()))
	}
	os.Exit(run(unprivileged(), &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}))
}

func unprivileged() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
	}
}

// run tries the ways in one after the other, and none at all in the end.
func run(ways ...*syscall.SysProcAttr) int {
	var lack error
	for _, way := range append(ways, nil) {
		c := exec.Command("/proc/self/exe", os.Args[1:]...)
		c.Stdin, c.Stdout, c.Stderr = os.Stdin, os.Stdout, os.Stderr
		c.Env = append(os.Environ(), inside+"=")
		c.SysProcAttr = way
		if way == nil {
			c.Env = append(os.Environ(), fmt.Sprintf("%s=no network namespace for tests: %v", inside, lack))
		}
		err := c.Start()
		if err != nil {
			lack = err
			continue
		}
		if err := c.Wait(); err != nil {
			if exit := new(exec.ExitError); errors.As(err, &exit) && exit.ExitCode() > 0 {
				return exit.ExitCode()
			}
			return 1
		}
		return 0
	}
	return 1
}
