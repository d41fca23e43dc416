package lab

import (
	"os"
	"sync"
	"time"
)

// timer stands for the systemd timer of a node: it runs `vipctl reconcile` at every interval, never two at a time. Like
// PID 1 it is no process of the node's own: it goes on when those are frozen or killed.
type timer struct {
	mu   sync.Mutex // held while a run is being started, so that nobody mistakes it for a process of the node
	pid  int        // the run under way, 0 for none
	stop chan struct{}
	done chan struct{}
}

// StartTimer starts the node's timer, unless it runs already.
func (n *Node) StartTimer() {
	if n.lab.opts.Binary == "" || n.timer != nil {
		return
	}
	t := &timer{stop: make(chan struct{}), done: make(chan struct{})}
	n.timer = t
	go func() {
		defer close(t.done)
		tick := time.NewTicker(n.lab.opts.Interval)
		defer tick.Stop()
		for {
			n.tick(t)
			select {
			case <-t.stop:
				return
			case <-tick.C:
			}
		}
	}()
}

// StopTimer stops the node's timer as `systemctl stop` would: a run under way is ended too.
func (n *Node) StopTimer() {
	t := n.timer
	if t == nil {
		return
	}
	close(t.stop)
	t.quietly(func() {
		if t.pid != 0 {
			killPID(t.pid)
		}
	})
	<-t.done
	n.timer = nil
}

// tick runs `vipctl reconcile` once.
func (n *Node) tick(t *timer) {
	log, err := os.OpenFile(n.path("timer.log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return // the lab is being taken away
	}
	defer log.Close()
	cmd := n.command(log, n.vipctl("reconcile")...)
	t.quietly(func() {
		if err = children.start(n.NS, cmd); err == nil {
			t.pid = cmd.Process.Pid
		}
	})
	if err != nil {
		return
	}
	_ = children.wait(cmd)
	t.quietly(func() { t.pid = 0 })
}

// owns reports whether the pid is the timer's run. It is called from within quietly.
func (t *timer) owns(pid int) bool { return t != nil && t.pid == pid }

// quietly calls f while no run starts.
func (t *timer) quietly(f func()) {
	if t != nil {
		t.mu.Lock()
		defer t.mu.Unlock()
	}
	f()
}
