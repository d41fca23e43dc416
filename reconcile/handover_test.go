package reconcile

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/vipctl/vipctl/reconcile/policy"
)

// TestHandOverBudget has how long a host listens for its successor when nobody comes.
func TestHandOverBudget(t *testing.T) {
	for name, c := range map[string]struct {
		event   policy.Event
		left    time.Duration // of the address's lifetime
		limit   time.Duration
		want    time.Duration
		release bool
	}{
		"a callback: the limit":           {event: policy.Event("on_stop"), left: 20 * time.Second, limit: 5 * time.Second, want: 5 * time.Second, release: true},
		"a callback: what is left":        {event: policy.Event("on_stop"), left: 3 * time.Second, limit: 5 * time.Second, want: 3 * time.Second, release: true},
		"a callback: exactly 1 s is left": {event: policy.Event("on_stop"), left: time.Second, limit: 5 * time.Second, want: time.Second, release: true},
		"a callback: less is left":        {event: policy.Event("on_stop"), left: time.Second - 1, limit: 5 * time.Second, release: true},
		"a callback: no limit":            {event: policy.Event("on_stop"), left: 20 * time.Second, release: true},
		"a callback: a lease without end": {event: policy.Event("on_stop"), left: policy.Forever.Sub(now), limit: 5 * time.Second, want: 5 * time.Second, release: true},
		"a tick: until the next one":      {event: policy.EventTick, left: 20 * time.Second, limit: 5 * time.Second, want: 2 * time.Second},
		"a tick: the limit":               {event: policy.EventTick, left: 20 * time.Second, limit: 1500 * time.Millisecond, want: 1500 * time.Millisecond, release: true},
	} {
		t.Run(name, func(t *testing.T) {
			w := handingOverWorld(t)
			w.follows()
			w.end = w.now.Add(c.left)
			if c.left == policy.Forever.Sub(now) {
				w.end = policy.Forever
			}
			e := w.engine()
			e.VIPs[0].HandOver = c.limit
			began := w.now
			e.Run(t.Context(), policy.Trigger{Event: c.event, Role: policy.Role("demoted"), At: w.now})
			if took := w.now.Sub(began); took != c.want {
				t.Errorf("listened for %v, want %v", took, c.want)
			}
			w.want(!c.release)
		})
	}
}

// TestHandOverShortensTheLifetime: a SIGKILL at any point leaves an address that dies by itself.
func TestHandOverShortensTheLifetime(t *testing.T) {
	for left, want := range map[time.Duration]time.Duration{
		20 * time.Second: 5 * time.Second, 6 * time.Second: 5 * time.Second, 6*time.Second - 1: 6*time.Second - 1, 3 * time.Second: 3 * time.Second,
	} {
		w := handingOverWorld(t)
		w.follows()
		w.end = w.now.Add(left)
		w.tick()
		if got := w.end.Sub((w.now.Add(-2 * time.Second))); got != want {
			t.Errorf("%v left: the lifetime is %v, want %v", left, got, want)
		}
	}
}

func TestAHandOverGoesOnAcrossTicks(t *testing.T) {
	w := handingOverWorld(t)
	w.follows()
	w.end = w.now.Add(20 * time.Second)
	began := w.now
	w.wantCode(w.tick(), policy.Code("postgresql_down"))
	for w.here {
		w.wantCode(w.tick(), policy.Code("handing_over"))
	}
	if took := w.now.Sub(began); took != 5*time.Second {
		t.Errorf("three ticks waited for %v, want the limit of 5 s", took)
	}
	if r := w.records[len(w.records)-1]; r.Do != ChangeHandOver || !strings.Contains(r.Reason, "nobody took over within 5s") {
		t.Errorf("record %+v", r)
	}
}

func TestAHandOverWithoutANote(t *testing.T) {
	for pg, here := range map[policy.PG]bool{policy.PGDown: false, policy.PGAlive: true} {
		w := handingOverWorld(t)
		w.onWait = func() {
			w.mu.Lock()
			w.noteErr = errors.New("read-only file system")
			w.mu.Unlock()
			w.set(pg)
			if pg == policy.PGAlive { // another process may have claimed it anew
				w.end = w.now.Add(time.Minute)
			}
		}
		w.run(policy.Event("on_stop"), policy.Role("demoted"))
		w.want(here)
	}
}

// The old primary's /run is full: its note cannot tell of the hand-over, and the successor ends it
// all the same.
func TestAHandOverThatCannotBeNoted(t *testing.T) {
	for name, full := range map[string]func(*world){
		"since the claim": func(w *world) { w.tick(); w.saveErr = errors.New("no space left on device") },
		"from the start":  func(w *world) { w.saveErr = errors.New("no space left on device"); w.tick() },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			full(w)
			w.want(true)
			w.follows()
			w.set(policy.PGDown)
			w.successor = "02:00:00:00:00:02"
			w.run(policy.Event("on_stop"), policy.Role("demoted"))
			w.want(false)
		})
	}
}

// Two processes hand over side by side, and neither can note it: whoever finds the address gone has
// nothing to record. It may have gone by itself where nobody took over.
func TestAHandOverThatAnotherHasEndedIsOnRecordOnce(t *testing.T) {
	for successor, want := range map[policy.MAC]int{"02:00:00:00:00:02": 0, "": 1} {
		w := newWorld(t)
		w.tick()
		w.saveErr = errors.New("no space left on device")
		w.follows()
		w.set(policy.PGDown)
		w.end, w.successor = w.now.Add(3*time.Second), successor
		before := len(w.records)
		w.onDecided = w.vanish
		w.run(policy.Event("on_stop"), policy.Role("demoted"))
		if got := len(w.records) - before; got != want {
			t.Errorf("successor %q: records %+v, want %d", successor, w.records[before:], want)
		}
	}
}

// The address is gone, and the note cannot say so: that is no news in each tick.
func TestAReleaseThatCannotBeNotedIsOnRecordOnce(t *testing.T) {
	w := newWorld(t)
	w.tick()
	w.saveErr = errors.New("no space left on device")
	w.follows()
	for range 10 {
		w.tick()
		w.pass(2 * time.Second)
	}
	if len(w.records) != 2 {
		t.Errorf("records %+v, want the claim and the release", w.records)
	}
}

// A process that is told to stop leaves the rest to the next tick: the address is where it was,
// with a lifetime that ends, and PostgreSQL may be up again.
func TestAHandOverThatIsToldToStop(t *testing.T) {
	w := newWorld(t)
	w.tick()
	w.set(policy.PGDown)
	ctx, stop := context.WithCancel(t.Context())
	w.onWait = func() { w.set(policy.PGAlive); stop() }
	w.engine().Run(ctx, policy.Trigger{Event: policy.Event("on_stop"), Role: policy.Role("primary"), Cluster: "demo", At: w.now})
	w.want(true)
	if left := w.end.Sub(w.now); left > 5*time.Second {
		t.Errorf("the address ends in %v, want the hand-over's 5s at most", left)
	}
	w.onWait = nil
	w.wantCode(w.tick(), policy.Code("leader"))
	if len(w.records) != 1 {
		t.Errorf("records %+v, want the first claim alone", w.records)
	}
}

// A lease that rolls from tick to tick, for want of room, would leave a hand-over no time.
func TestAHandOverOfARollingLease(t *testing.T) {
	for name, c := range map[string]struct {
		timing policy.Timing
		seen   time.Duration // ago
		want   time.Duration
	}{
		"no room":                        {policy.Timing{TTL: 20 * time.Second, LoopWait: 10 * time.Second, RetryTimeout: 5 * time.Second}, 10 * time.Second, 5 * time.Second},
		"no room, and the lock is over":  {policy.Timing{TTL: 20 * time.Second, LoopWait: 10 * time.Second, RetryTimeout: 5 * time.Second}, 16 * time.Second, 2 * time.Second},
		"no room, and it is over sooner": {policy.Timing{TTL: 20 * time.Second, LoopWait: 10 * time.Second, RetryTimeout: 5 * time.Second}, 17 * time.Second, 1500 * time.Millisecond},
		"room":                           {policy.Timing{TTL: 30 * time.Second, LoopWait: 10 * time.Second, RetryTimeout: 5 * time.Second}, time.Second, 1500 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			w := handingOverWorld(t)
			w.memory.Timing = c.timing
			w.memory.Leading.SeenAt = w.now.Add(-c.seen)
			w.follows()
			w.end = w.now.Add(1500 * time.Millisecond)
			began := w.now
			w.run(policy.Event("on_stop"), policy.Role("demoted"))
			if took := w.now.Sub(began); took != c.want {
				t.Errorf("listened for %v, want %v", took, c.want)
			}
			w.want(false)
		})
	}
}
