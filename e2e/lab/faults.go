package lab

import (
	"os"

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
	files, err := os.ReadDir(n.path("run"))
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := os.RemoveAll(n.path("run", f.Name())); err != nil {
			return err
		}
	}
	return nil
}

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
