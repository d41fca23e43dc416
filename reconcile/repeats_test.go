package reconcile

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestRepeats(t *testing.T) {
	began := time.Date(2026, 11, 26, 14, 3, 22, 0, time.UTC)
	var rs Repeats
	var told []string
	at := now
	for i := range 1234 {
		at = now + time.Duration(i)*2*time.Second
		var tell bool
		var words string
		if rs, tell, words = rs.Count("claim address_missing", at, began.Add(at-now)); tell {
			told = append(told, words)
		}
	}
	want := []string{"", "again, once since 14:03:22 UTC", "again, 10 times since 14:03:22 UTC",
		"again, 100 times since 14:03:22 UTC", "again, 1000 times since 14:03:22 UTC"}
	if !slices.Equal(told, want) {
		t.Errorf("told %q, want %q", told, want)
	}
	if rs, tell, words := rs.Count("claim address_missing", at+repeatsWithin, began); tell || words == "" || rs["claim address_missing"].Times != 1234 {
		t.Errorf("a minute later it is the same still: tell %v, %q, %v", tell, words, rs)
	}
	if r := (Repeat{Last: at}); r.GoesOn(at) {
		t.Error("what came once goes on")
	}
	if r := rs["claim address_missing"]; !r.GoesOn(at+repeatsWithin) || r.GoesOn(at+repeatsWithin+1) {
		t.Error("it goes on for a minute behind the last time")
	}
	if _, what, _ := rs.Ended(at + repeatsWithin); what != "" {
		t.Errorf("%q ended too soon", what)
	}
	rest, what, ended := rs.Ended(at + repeatsWithin + 1)
	if what != "claim address_missing" || ended.String() != "again, 1233 times since 14:03:22 UTC" || len(rest) != 0 || len(rs) != 1 {
		t.Errorf("ended: %q, %v, left %v", what, ended, rest)
	}
	rs, tell, words := rs.Count("claim address_missing", at+repeatsWithin+1, began)
	if !tell || words != "" || rs["claim address_missing"].Times != 0 {
		t.Errorf("a minute later it is something new: tell %v, %q", tell, words)
	}
}

func TestRepeatsAreForgottenWhenNothingIsOwed(t *testing.T) {
	rs, _, _ := Repeats(nil).Count("a", now, time.Time{})
	rs, _, _ = rs.Count("b", now+time.Hour, time.Time{})
	if len(rs) != 1 {
		t.Errorf("%v", rs)
	}
}

// TestAnotherMoverDoesNotFillTheHistory: somebody takes the address away every second, for ten minutes.
func TestAnotherMoverDoesNotFillTheHistory(t *testing.T) {
	w := newWorld(t)
	w.peers = naming("n1")
	e := w.engine()
	e.Movers = func() []string { return []string{"keepalived (pid 4711)"} }
	tick := func() Outcome { return e.Run(t.Context(), Trigger{Event: EventTick, At: w.now})[0] }
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
	if len(w.records) != 5 || last.Code != codeAddressMissing || !strings.HasPrefix(last.Reason, "it came again, 300 times since ") {
		t.Errorf("%d records, the last %+v", len(w.records), last)
	}
}

// TestAFightDoesNotHideAConflict: an address that is put right each tick was claimed once, so that others are asked for.
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
		w.run(EventOnRoleChange, RolePrimary)
		w.vanish()
		w.pass(time.Second)
	}
	if len(w.records) != 3 {
		t.Errorf("%d records, want 3", len(w.records))
	}
}
