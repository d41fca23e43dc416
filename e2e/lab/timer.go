package lab

import (
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Timer stands for the systemd timer of a node: it runs `vipctl reconcile` at every interval, never
// two at a time. Like PID 1 it is no process of the node's own: it goes on when those are frozen or
// killed. Start and Stop must not be called concurrently.
type Timer struct {
	host     *Host
	argv     []string // nil where the lab has no vipctl
	interval time.Duration

	mu   sync.Mutex // held while a run is being started, so that nobody mistakes it for a process of the node
	pid  int        // the run under way, 0 for none
	stop chan struct{}
	done chan struct{} // nil while the timer is stopped
}

// Start starts the timer, unless it runs already or there is no vipctl to run.
func (t *Timer) Start() {
	if t.argv == nil || t.done != nil {
		return
	}
	stop, done := make(chan struct{}), make(chan struct{})
	t.stop, t.done = stop, done
	go func() {
		defer close(done)
		tick := time.NewTicker(t.interval)
		defer tick.Stop()
		for {
			t.tick()
			select {
			case <-stop:
				return
			case <-tick.C:
			}
		}
	}()
}

// Stop stops the timer as `systemctl stop` would: a run under way is ended too.
func (t *Timer) Stop() {
	if t.done == nil {
		return
	}
	close(t.stop)
	t.quietly(func() {
		if t.pid != 0 {
			_ = unix.Kill(t.pid, unix.SIGKILL)
		}
	})
	<-t.done
	t.done = nil
}

// tick runs `vipctl reconcile` once.
func (t *Timer) tick() {
	log, err := os.OpenFile(t.host.path("timer.log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return // the lab is being taken away
	}
	defer log.Close()
	cmd := t.host.command(log, t.argv...)
	t.quietly(func() {
		if err = children.start(t.host.NS, cmd); err == nil {
			t.pid = cmd.Process.Pid
		}
	})
	if err != nil {
		return
	}
	_ = children.wait(cmd)
	t.quietly(func() { t.pid = 0 })
}

// quietly calls f while no run starts.
func (t *Timer) quietly(f func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f()
}

// owns reports whether the pid is the run under way. It is called from within quietly.
func (t *Timer) owns(pid int) bool { return t.pid == pid }
