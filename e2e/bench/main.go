// Command bench prints what vipctl costs: from the start of the process to the first ARP frame of a
// claim, beside a minimal program that makes the same kernel calls, in turns; a tick that changes
// nothing; the size of the binary. Nothing is asserted: machines are noisy, the figures are for
// people.
//
//	bench VIPCTL MINIMAL [CLAIMS]
package main

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
)

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: bench VIPCTL MINIMAL [CLAIMS]")
		os.Exit(64)
	}
	if os.Getenv(inside) == "" {
		os.Exit(reexec())
	}
	claims := 300
	if len(os.Args) > 3 {
		n, err := strconv.Atoi(os.Args[3])
		if err != nil || n < 1 {
			fmt.Fprintf(os.Stderr, "bench: got %q claims, want a number from 1\n", os.Args[3])
			os.Exit(64)
		}
		claims = n
	}
	if err := bench(os.Args[1], os.Args[2], claims); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// inside marks the process that runs in the namespaces of the measurement.
const inside = "VIPCTL_BENCH_INSIDE"

// reexec runs this program again in a user and a network namespace of its own, where it may move
// addresses without being root and without touching the machine's links.
func reexec() int {
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Env = append(os.Environ(), inside+"=1")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	if err := cmd.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		return 1
	}
	return 0
}
