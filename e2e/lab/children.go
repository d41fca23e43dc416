package lab

import (
	"os"
	"os/exec"
	"os/signal"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// children are the processes that this one has to wait for. It stands for the PID 1 of every node:
// PostgreSQL leaves its Patroni at birth, and Patroni's demotion waits until somebody has reaped
// the old postmaster. A container's PID 1 takes a second or two for that, or never does it.
var children registry

type registry struct {
	mu   sync.Mutex
	own  map[int]bool
	once sync.Once
}

// start starts cmd in the namespace. The caller must wait for it with wait.
func (r *registry) start(ns *Namespace, cmd *exec.Cmd) error {
	r.once.Do(r.adopt)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := ns.Do(cmd.Start); err != nil {
		return err
	}
	r.own[cmd.Process.Pid] = true
	return nil
}

func (r *registry) wait(cmd *exec.Cmd) error {
	err := cmd.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.own, cmd.Process.Pid)
	return err
}

// run starts cmd in the namespace and waits until it has ended.
func (r *registry) run(ns *Namespace, cmd *exec.Cmd) error {
	if err := r.start(ns, cmd); err != nil {
		return err
	}
	return r.wait(cmd)
}

// adopt makes this process the parent of every orphan below it, and reaps them.
func (r *registry) adopt() {
	r.own = make(map[int]bool)
	if unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != nil {
		return // they fall to PID 1 then
	}
	died := make(chan os.Signal, 1)
	signal.Notify(died, unix.SIGCHLD)
	go func() {
		late := time.NewTicker(time.Second) // for a signal that was merged into another
		for {
			select {
			case <-died:
			case <-late.C:
			}
			r.reap()
		}
	}()
}

// reap collects the orphans that ended. A child in this process's own session has somebody in this
// process who waits for it. The nodes' processes are started in sessions of their own.
func (r *registry) reap() {
	r.mu.Lock()
	defer r.mu.Unlock()
	me := os.Getpid()
	session, _ := unix.Getsid(0)
	for _, p := range processes() {
		if p.parent == me && p.state == 'Z' && p.session != session && !r.own[p.pid] {
			_, _ = unix.Wait4(p.pid, nil, unix.WNOHANG, nil)
		}
	}
}
