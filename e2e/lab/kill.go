package lab

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// KillRuns kills, until ctx ends, every run of vipctl's subcommand ("callback", "reconcile") on any
// of the nodes, each after the time since its exec that the given function returns. The counter
// counts the runs that it has killed before they had ended.
func KillRuns(ctx context.Context, nodes []*Node, subcommand string, after func() time.Duration) (*atomic.Int64, error) {
	var (
		killed atomic.Int64
		done   = make(chan struct{})
		events = make(chan netlink.ProcEvent, 1024)
		broken = make(chan error, 1)
	)
	if err := netlink.ProcEventMonitor(events, done, broken); err != nil {
		return nil, fmt.Errorf("listen for the kernel's process events: %w", err)
	}
	context.AfterFunc(ctx, func() { close(done) })
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-broken:
				return
			case e := <-events:
				exec, ok := e.Msg.(*netlink.ExecProcEvent)
				if !ok || !runs(nodes, int(exec.ProcessTgid), subcommand) {
					continue
				}
				kill, err := later(int(exec.ProcessTgid))
				if err != nil {
					continue // ended already
				}
				time.AfterFunc(after(), func() {
					if kill() {
						killed.Add(1)
					}
				})
			}
		}
	}()
	return &killed, nil
}

// runs reports whether the process is vipctl on one of the nodes with the given subcommand.
func runs(nodes []*Node, pid int, subcommand string) bool {
	argv, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	ours := func(n *Node) bool { return bytes.HasPrefix(argv, []byte(n.Vipctl.program+"\x00")) }
	return err == nil && slices.ContainsFunc(nodes, ours) && bytes.Contains(argv, []byte("\x00"+subcommand+"\x00"))
}

// later opens a process and returns a function that kills that process, and no other that has its
// pid by then.
func later(pid int) (kill func() bool, err error) {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return nil, err
	}
	return func() bool {
		defer unix.Close(fd)
		return unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0) == nil
	}, nil
}
