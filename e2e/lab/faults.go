package lab

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Crash kills every process of the node at once. Its kernel lives on, with the VIP, and so does its timer.
func (n *Node) Crash() (err error) {
	n.timer.quietly(func() { err = n.NS.kill(n.timer.owns) })
	return err
}

// PowerOff ends the node as a power failure does: its processes, its timer, its address, its /run.
func (n *Node) PowerOff() error {
	if err := n.lab.PullCable(n); err != nil {
		return err
	}
	n.StopTimer()
	if err := n.NS.kill(nobody); err != nil {
		return err
	}
	if err := n.DeleteVIP(); err != nil {
		return err
	}
	return n.wipe(func(string) bool { return false })
}

// WipeRun deletes all that vipctl keeps in /run. PostgreSQL's sockets, which the lab has there too, stay.
func (n *Node) WipeRun() error {
	return n.wipe(func(name string) bool { return strings.HasPrefix(name, ".s.PGSQL") })
}

func (n *Node) wipe(spare func(name string) bool) error {
	files, err := os.ReadDir(n.path("run"))
	if err != nil {
		return err
	}
	for _, f := range files {
		if spare(f.Name()) {
			continue
		}
		if err := os.RemoveAll(n.path("run", f.Name())); err != nil {
			return err
		}
	}
	return nil
}

// KillPostmaster ends the node's PostgreSQL as a crash does.
func (n *Node) KillPostmaster() error {
	text, err := os.ReadFile(n.path("data", "pg", "postmaster.pid"))
	if err != nil {
		return err
	}
	line, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		return fmt.Errorf("postmaster.pid on %s: %w", n.Name, err)
	}
	return unix.Kill(pid, unix.SIGKILL)
}

// KillEtcd ends the node's etcd, and returns when it has ended. Its data stays.
func (n *Node) KillEtcd() {
	n.etcd.signal(unix.SIGKILL)
	<-n.etcd.done
}

// FreezePatroni stops the node's Patroni and nothing else: its REST API accepts connections and never answers.
func (n *Node) FreezePatroni() { n.patroni.signal(unix.SIGSTOP) }

// Start starts what does not run on the node: its etcd, its Patroni, its timer.
func (n *Node) Start() error {
	if err := n.startEtcd(); err != nil {
		return err
	}
	if err := n.StartPatroni(); err != nil {
		return err
	}
	n.StartTimer()
	return nil
}

// Freeze stops every process of the node, not its timer and not its kernel: that goes on answering ARP, and accepts
// connections for programs that will never serve them.
func (n *Node) Freeze() {
	n.timer.quietly(func() { n.NS.signalAll(unix.SIGSTOP, n.timer.owns) })
}

// FreezeAll stops the node's timer too.
func (n *Node) FreezeAll() {
	n.StopTimer()
	n.NS.signalAll(unix.SIGSTOP, nobody)
}

// Thaw lets every process of the node go on.
func (n *Node) Thaw() { n.NS.signalAll(unix.SIGCONT, nobody) }

// DeleteVIP removes the VIP from the node, as an operator's `ip addr del` or a network daemon does.
func (n *Node) DeleteVIP() error {
	held, err := n.holds()
	if err != nil || !held {
		return err
	}
	return n.changeVIP(false)
}

// killPID ends one process that was started here.
func killPID(pid int) { _ = unix.Kill(pid, unix.SIGKILL) }
