package routetest

import (
	"errors"
	"testing"

	"github.com/vipctl/vipctl/reconcile"
)

func holderAsks(t *testing.T, f Fixture) {
	r := f.New()
	for range 2 {
		s, err := r.Holder(t.Context())
		if err != nil || s.Ours || s.Holder == "" {
			t.Errorf("holder: %+v, %v", s, err)
		}
	}
	if n := f.Mutations(); n != 0 {
		t.Errorf("%d mutating calls", n)
	}
	if m := r.Memo(); m.Pending != nil || m.Last == nil || m.Checked == 0 {
		t.Errorf("memo %+v", m)
	}
	wantHolder(t, f, "rival")
}

func takes(t *testing.T, f Fixture) {
	r := f.New()
	take(t, r)
	wantHolder(t, f, "us")
	if n := f.Mutations(); n != f.Calls {
		t.Errorf("%d mutating calls, want %d", n, f.Calls)
	}
	if m := r.Memo(); m.Due <= now() || m.Action == nil {
		t.Errorf("memo %+v, want a later check and the switch's duration", m)
	}
	if s, err := r.Holder(t.Context()); err != nil || !s.Ours {
		t.Errorf("holder: %+v, %v", s, err)
	}
}

func takesAgain(t *testing.T, f Fixture) {
	r := f.New()
	for range 3 {
		take(t, r)
		wantHolder(t, f, "us")
	}
}

func stolen(t *testing.T, f Fixture) {
	r := f.New()
	take(t, r)
	take(t, f.Rival)
	r = f.next(t, r)
	if s, err := r.Holder(t.Context()); err != nil || s.Ours {
		t.Fatalf("holder: %+v, %v", s, err)
	}
	if due := r.Memo().Due; due > now() {
		t.Errorf("stolen, and due only in %v", due-now())
	}
	take(t, r)
	wantHolder(t, f, "us")
}

func memoInJSON(t *testing.T, f Fixture) {
	r := f.New()
	take(t, r)
	mutations := f.Mutations()
	r = f.next(t, r)
	if s, err := r.Holder(t.Context()); err != nil || !s.Ours {
		t.Errorf("holder: %+v, %v", s, err)
	}
	if f.Mutations() != mutations {
		t.Error("a look changed something")
	}
}

func foreignMemo(t *testing.T, f Fixture) {
	r := f.New()
	r.Recall(reconcile.RouteMemo{Config: "another", Target: 99, Server: 98, Pending: &reconcile.PendingSwitch{Action: 97}}, nil)
	take(t, r)
	wantHolder(t, f, "us")
}

// callersWords: a route knows nothing of claims, nor of what people have been told.
func callersWords(t *testing.T, f Fixture) {
	for _, config := range []string{f.New().Memo().Config, "another"} {
		r := f.New()
		m := reconcile.RouteMemo{Config: config, Generation: 7, Failure: "HTTP 503"}
		want := func(when string, got reconcile.RouteMemo) {
			t.Helper()
			if got.Generation != m.Generation || got.Failure != m.Failure {
				t.Errorf("%s: generation %d, failure %q", when, got.Generation, got.Failure)
			}
		}
		r.Recall(m, func(kept reconcile.RouteMemo) { want("kept", kept) })
		want("recalled", r.Memo())
		if _, err := r.Holder(t.Context()); err != nil {
			t.Error(err)
		}
		want("after a look", r.Memo())
		take(t, r)
		want("after a take", r.Memo())
		_, _ = r.GiveUp(t.Context())
		want("given up", r.Memo())
		take(t, f.Rival)
	}
}

func giveUp(t *testing.T, f Fixture) {
	r := f.New()
	_, err := r.GiveUp(t.Context())
	if f.CanLeave && err != nil || !f.CanLeave && !errors.Is(err, reconcile.ErrNoGiveUp) {
		t.Errorf("give up: %v", err)
	}
	if n := f.Mutations(); n != 0 {
		t.Errorf("%d mutating calls for another's address", n)
	}
	take(t, r)
	_, err = r.GiveUp(t.Context())
	switch {
	case f.CanLeave && err != nil:
		t.Errorf("give up: %v", err)
	case f.CanLeave:
		wantHolder(t, f, "nobody")
	default:
		wantHolder(t, f, "us")
	}
	if r.Memo().Pending != nil {
		t.Error("given up, and pending")
	}
}
