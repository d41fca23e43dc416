package reconcile

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vipctl/vipctl/reconcile/policy"
)

// TestAnotherMoverDoesNotFillTheHistory: somebody takes the address away every second, for ten
// minutes.
func TestAnotherMoverDoesNotFillTheHistory(t *testing.T) {
	w := newWorld(t)
	w.peers = naming("n1")
	e := w.engine()
	e.Movers = func() []string { return []string{"keepalived (pid 4711)"} }
	tick := func() Outcome { return e.Run(t.Context(), policy.Trigger{Event: policy.EventTick, At: w.now})[0] }
	tick()
	for range 300 {
		w.pass(2 * time.Second)
		w.leads()
		w.vanish()
		tick()
		w.want(true)
	}
	if len(w.records) != 4 {
		t.Fatalf("%d records, want 4", len(w.records))
	}
	if why := w.records[1].Reason; !strings.Contains(why, "leader, address missing; again, once since ") || !strings.HasSuffix(why, "; keepalived (pid 4711) runs here") {
		t.Errorf("reason %q", why)
	}
	for range 40 { // and stops
		w.pass(2 * time.Second)
		w.leads()
		tick()
	}
	last := w.records[len(w.records)-1]
	if len(w.records) != 5 || last.Code != policy.Code("address_missing") || !strings.HasPrefix(last.Reason, "it came again, 300 times since ") {
		t.Errorf("%d records, the last %+v", len(w.records), last)
	}
}

// TestAFightDoesNotHideAConflict: an address that is put right each tick was claimed once, so that
// others are asked for.
func TestAFightDoesNotHideAConflict(t *testing.T) {
	w := newWorld(t)
	w.peers, w.successor = naming("n1"), "02:00:00:00:00:0a"
	w.tick()
	for range 6 {
		w.pass(2 * time.Second)
		w.leads()
		w.partly = true
		w.tick()
	}
	if !slices.ContainsFunc(w.records, func(r Record) bool { return r.Do == ChangeConflict }) {
		t.Errorf("no conflict among %+v", w.records)
	}
}

// TestRolesThatChangeAreOnRecord: a claim behind a release is no repetition.
func TestRolesThatChangeAreOnRecord(t *testing.T) {
	w := newWorld(t)
	for range 5 {
		w.leads()
		w.tick()
		w.pass(2 * time.Second)
		w.follows()
		w.tick()
		w.pass(2 * time.Second)
	}
	if len(w.records) != 10 {
		t.Errorf("%d records, want 10", len(w.records))
	}
}

func TestACallbackIsAlwaysOnRecord(t *testing.T) {
	w := newWorld(t)
	for range 3 {
		w.run(policy.Event("on_role_change"), policy.Role("primary"))
		w.vanish()
		w.pass(time.Second)
	}
	if len(w.records) != 3 {
		t.Errorf("%d records, want 3", len(w.records))
	}
}
