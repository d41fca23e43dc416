package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"github.com/vipctl/vipctl/e2e/lab"
)

// detach runs the demo in a process of its own session, relays what it prints, and returns when it
// says no more: the cluster's timers live in that process, so somebody has to stay.
func detach() int {
	self, err := os.Executable()
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		return 1
	}
	cmd := exec.Command(self, append([]string{"-kept"}, os.Args[1:]...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	out, in, err := os.Pipe()
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		return 1
	}
	cmd.Stdout, cmd.Stderr = in, in
	if err := cmd.Start(); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		return 1
	}
	in.Close()
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt, syscall.SIGTERM)
	go func() {
		for range interrupts {
			_ = cmd.Process.Signal(syscall.SIGTERM)
		}
	}()
	_, _ = io.Copy(os.Stdout, out)
	signal.Stop(interrupts) // it has the cluster now; or it is about to end, having taken the cluster away
	return ended(cmd)
}

// ended returns the exit code of a process that has closed its output, 0 when it lives on.
func ended(cmd *exec.Cmd) int {
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	select {
	case <-done:
		return cmd.ProcessState.ExitCode()
	case <-time.After(time.Second):
		return 0
	}
}

const lookAround = `
The cluster stays up. To look around, as root:
  ip netns exec %[1]s bash                      # be on node n1; n2 and n3 alike
  ip netns exec %[1]s ip addr show eth0         # has it the VIP?
  %[2]s/bin/vipctl --config %[2]s/n1/vipctl.yml status    # within that namespace
  patronictl -c %[2]s/n1/patroni.yml list                 # within that namespace
  ip netns exec %[3]s psql -h %[4]s -U postgres # a client of the VIP
  less %[2]s/n1/patroni.log %[2]s/n1/timer.log
To end it and clean up:
  kill %[5]d
`

// stay keeps the cluster up, its timers running, until somebody ends this process.
func stay(ctx context.Context, l *lab.Lab) error {
	fmt.Printf(lookAround, l.Nodes[0].NS.Name, l.Dir, l.Clients.Plain.Name, l.VIP, os.Getpid())
	if err := silence(); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// silence closes this process's output: nobody reads it from here on.
func silence() error {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer null.Close()
	for fd := range 3 {
		if err := syscall.Dup3(int(null.Fd()), fd, 0); err != nil {
			return err
		}
	}
	return nil
}
