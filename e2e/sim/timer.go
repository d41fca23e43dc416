package sim

import "time"

// timer is the systemd timer: a tick each interval, counted from the last one's start, and never
// two at a time.
type timer struct {
	n    *node
	on   bool
	last time.Duration // when a tick began last
}

func (t *timer) run() {
	r := t.n.rand("timer")
	if !t.n.w.sleep(between(r, 0, interval)) {
		return
	}
	for {
		began := t.n.w.now()
		if !t.n.frozen.pass(&t.n.w.mu, t.n.w.ctx.Done()) {
			return
		}
		t.n.w.mu.Lock()
		on := t.on
		t.n.w.mu.Unlock()
		if on {
			t.n.w.mu.Lock()
			t.last = t.n.w.now()
			t.n.w.mu.Unlock()
			p := t.n.tick()
			select {
			case <-p.done:
			case <-p.dead:
			}
		}
		rest := max(time.Millisecond, began+interval-t.n.w.now())
		if !t.n.w.sleep(rest + between(r, 0, 30*time.Millisecond)) {
			return
		}
	}
}
