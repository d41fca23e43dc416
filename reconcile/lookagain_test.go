package reconcile

import (
	"testing"
	"time"

	"github.com/vipctl/vipctl/reconcile/policy"
)

// A loop of Patroni that falls between two ticks is heard by the first of them.
func TestATickHearsTheNextLoop(t *testing.T) {
	w := newWorld(t)
	w.memory.Timing = w.timing
	w.leads()
	loop := w.now
	w.tick()
	w.pass(10 * time.Second)
	w.onWait = w.leads
	w.tick()
	if want := loop.Add(29 * time.Second); w.end != want { // the new value proves that the loop before it refreshed the lock
		t.Errorf("lease ends %v after the first loop, want %v", w.end.Sub(loop), want.Sub(loop))
	}
}

// A leader whose archiver is slow has given the lock away long before its PostgreSQL is down. The
// tick that sees it stop hands over when another leads, not at the next tick.
func TestATickWatchesAStop(t *testing.T) {
	w := newWorld(t)
	w.memory.Timing = w.timing
	w.tick()
	w.pass(2 * time.Second)
	looks := 0
	w.leads()
	w.word.State = "stopping"
	w.onWait = func() {
		if looks++; looks == 5 {
			w.follows()
			w.set(policy.PGDown)
		}
	}
	w.wantCode(w.tick(), policy.Code("postgresql_down"))
	if w.notes["vip"].HandOver == nil {
		t.Error("no hand-over has begun")
	}
}

// A stop that lasts is left to the next tick, in time.
func TestATickWatchesAStopForItsTurn(t *testing.T) {
	w := newWorld(t)
	w.memory.Timing = w.timing
	w.tick()
	w.pass(2 * time.Second)
	began := w.now
	w.word.State = "stopping"
	w.wantCode(w.tick(), policy.Code("leader_stopping"))
	w.want(true)
	if took := w.now.Sub(began); took != 2*time.Second-100*time.Millisecond {
		t.Errorf("took %v of 2s", took)
	}
}
