package lab

import (
	"bytes"
	"errors"
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
	return n.WipeRun()
}

// WipeRun deletes all that vipctl keeps in /run.
func (n *Node) WipeRun() error {
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

// FillRun fills the node's /run, or empties it of that again. In a full one nothing can be written, and what is there can
// be read, locked and deleted.
func (n *Node) FillRun(on bool) error {
	filler := n.path("run", "filler")
	if !on {
		return os.RemoveAll(filler)
	}
	f, err := os.Create(filler)
	if err != nil {
		return err
	}
	defer f.Close()
	for page := make([]byte, 4096); err == nil; {
		_, err = f.Write(page)
	}
	if !errors.Is(err, unix.ENOSPC) {
		return err
	}
	return nil
}

// BreakPatroniYAML makes the node's patroni.yml unreadable, as an operator's slip does, or right again. A Patroni that runs
// has read it already.
func (n *Node) BreakPatroniYAML(on bool) error {
	if !on {
		return n.writePatroniYAML()
	}
	f, err := os.OpenFile(n.path("patroni.yml"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString("\n   - oops: [\n")
	return errors.Join(err, f.Close())
}

// MoveREST gives the REST API another port in the node's patroni.yml, as an operator does who has not reloaded Patroni yet, or
// takes that back.
func (n *Node) MoveREST(on bool) error {
	if err := n.writePatroniYAML(); err != nil || !on {
		return err
	}
	file := n.path("patroni.yml")
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	return os.WriteFile(file, bytes.ReplaceAll(text, []byte(":8008"), []byte(":8009")), 0o644)
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
	return n.changeVIP("eth0", false)
}

// killPID ends one process that was started here.
func killPID(pid int) { _ = unix.Kill(pid, unix.SIGKILL) }
