package sim

import (
	"context"
	"time"
)

// executor runs a Patroni's callbacks, one at a time. The next one kills the one that runs, and
// takes the place of one that has not begun (patroni/postgresql/callback_executor.py).
type executor struct {
	n       *node
	wake    chan struct{}
	next    *command
	running *process
}

type command struct {
	action, role string
	life         context.Context // of the Patroni that wants it
}

// call asks for a callback. The world is locked.
func (e *executor) call(action, role string) {
	if e.running != nil {
		e.running.kill()
		e.running = nil
	}
	e.next = &command{action, role, e.n.patroni.life}
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

func (e *executor) run() {
	for {
		select {
		case <-e.wake:
		case <-e.n.w.ctx.Done():
			return
		}
		e.n.w.mu.Lock()
		d := between(e.n.patroni.r, time.Millisecond, 15*time.Millisecond)
		e.n.w.mu.Unlock()
		if !e.n.w.sleep(d) || !e.n.frozen.pass(&e.n.w.mu, e.n.w.ctx.Done()) {
			return
		}
		e.n.w.mu.Lock()
		c := e.next
		e.next = nil
		e.n.w.mu.Unlock()
		if c == nil || c.life == nil || c.life.Err() != nil {
			continue
		}
		p := e.n.callback(c.action, c.role)
		e.n.w.mu.Lock()
		e.running = p
		e.n.w.mu.Unlock()
		select {
		case <-p.done:
		case <-p.dead:
		}
		e.n.w.mu.Lock()
		if e.running == p {
			e.running = nil
		}
		e.n.w.mu.Unlock()
	}
}
