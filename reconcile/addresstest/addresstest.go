// Package addresstest is the contract of [reconcile.Address] as tests. Every implementation must
// pass them: those on a real link, and those that stand for one in tests.
package addresstest

import (
	"context"
	"testing"
	"time"

	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/reconcile/policy"
)

// New returns an address that is on no link yet, and the clock that its moments are on. Nobody else
// may use the link that the address is to be put on. What New opens, it closes by t.Cleanup.
type New func(t *testing.T) (reconcile.Address, func() policy.Moment)

// Run runs every part of the contract, each on an address of its own. No part needs another host on
// the link.
func Run(t *testing.T, fresh New) {
	for _, part := range []struct {
		name string
		run  func(t *testing.T, a reconcile.Address, now func() policy.Moment)
	}{
		{"not here at first", notHere},
		{"held until", heldUntil},
		{"held for ever", heldForever},
		{"the last hold counts", lastHold},
		{"too short", tooShort},
		{"too short leaves what is held", tooShortWhileHeld},
		{"released", released},
		{"announced", announced},
		{"no successor", noSuccessor},
	} {
		t.Run(part.name, func(t *testing.T) {
			a, now := fresh(t)
			part.run(t, a, now)
		})
	}
}

// slack is how much earlier than asked an address may end: its lifetime and its report are in whole
// seconds.
const slack = 2 * time.Second

func stateOf(t *testing.T, a reconcile.Address) policy.AddressState {
	t.Helper()
	s, err := a.State()
	if err != nil {
		t.Fatalf("state: %v", err)
	}
	return s
}

func hold(t *testing.T, a reconcile.Address, until policy.Moment) {
	t.Helper()
	if err := a.Keep(until); err != nil {
		t.Fatalf("keep until %v: %v", until, err)
	}
}

// wantNo holds that the address is not here, and so has no end either.
func wantNo(t *testing.T, a reconcile.Address) {
	t.Helper()
	if s := stateOf(t, a); s != (policy.AddressState{Presence: policy.PresenceNo}) {
		t.Errorf("state %+v, want no and nothing else", s)
	}
}

// wantUntil holds that the address is here, and ends never later than asked, and little earlier.
func wantUntil(t *testing.T, a reconcile.Address, until policy.Moment) {
	t.Helper()
	s := stateOf(t, a)
	if s.Presence != policy.PresenceYes || s.Detail != "" {
		t.Errorf("state %+v, want yes", s)
	}
	if until == policy.Forever {
		if !s.Forever || !s.End.IsZero() {
			t.Errorf("state %+v, want for ever", s)
		}
		return
	}
	if s.Forever || s.End.After(until) || s.End.Before(until.Add(-slack)) {
		t.Errorf("state %+v, want an end within %v before %v", s, slack, until)
	}
}

func notHere(t *testing.T, a reconcile.Address, _ func() policy.Moment) {
	wantNo(t, a)
	wantNo(t, a)
}

func heldUntil(t *testing.T, a reconcile.Address, now func() policy.Moment) {
	until := now().Add(30 * time.Second)
	for range 3 {
		hold(t, a, until)
		wantUntil(t, a, until)
	}
}

func heldForever(t *testing.T, a reconcile.Address, _ func() policy.Moment) {
	for range 2 {
		hold(t, a, policy.Forever)
		wantUntil(t, a, policy.Forever)
	}
}

func lastHold(t *testing.T, a reconcile.Address, now func() policy.Moment) {
	for _, d := range []time.Duration{time.Minute, 5 * time.Minute, 20 * time.Second} {
		hold(t, a, now().Add(d))
		wantUntil(t, a, now().Add(d))
		hold(t, a, policy.Forever)
		wantUntil(t, a, policy.Forever)
	}
	hold(t, a, now().Add(time.Minute))
	wantUntil(t, a, now().Add(time.Minute))
}

func tooShort(t *testing.T, a reconcile.Address, now func() policy.Moment) {
	for _, d := range []time.Duration{900 * time.Millisecond, 0, -time.Minute} {
		if err := a.Keep(now().Add(d)); err == nil {
			t.Errorf("held for %v", d)
		}
		wantNo(t, a)
	}
}

func tooShortWhileHeld(t *testing.T, a reconcile.Address, now func() policy.Moment) {
	until := now().Add(time.Minute)
	hold(t, a, until)
	if err := a.Keep(now()); err == nil {
		t.Error("held for 0 s")
	}
	wantUntil(t, a, until)
}

func released(t *testing.T, a reconcile.Address, now func() policy.Moment) {
	release := func() {
		t.Helper()
		for range 2 {
			if err := a.Release(); err != nil {
				t.Fatalf("release: %v", err)
			}
			wantNo(t, a)
		}
	}
	release()
	hold(t, a, now().Add(time.Minute))
	release()
	hold(t, a, policy.Forever)
	release()
	hold(t, a, now().Add(time.Minute))
	wantUntil(t, a, now().Add(time.Minute))
}

// announced: an announcement may be repeated as often as one likes, and changes nothing.
func announced(t *testing.T, a reconcile.Address, now func() policy.Moment) {
	until := now().Add(time.Minute)
	hold(t, a, until)
	for range 3 {
		if err := a.Announce(); err != nil {
			t.Errorf("announce: %v", err)
		}
	}
	wantUntil(t, a, until)
}

// noSuccessor: alone on the link there is no successor, whether the address is held or not. Heard
// waits until the context ends, which is no error.
func noSuccessor(t *testing.T, a reconcile.Address, now func() policy.Moment) {
	for range 2 {
		ctx, cancel := context.WithTimeout(t.Context(), 150*time.Millisecond)
		if mac, err := a.AwaitSuccessor(ctx, nil); mac != "" || err != nil {
			t.Errorf("successor %q, %v", mac, err)
		}
		if ctx.Err() == nil {
			t.Error("gave up before the context ended")
		}
		cancel()
		if mac, err := a.AwaitSuccessor(ctx, nil); mac != "" || err != nil {
			t.Errorf("after the end of the context: %q, %v", mac, err)
		}
		hold(t, a, now().Add(time.Minute))
	}
	wantUntil(t, a, now().Add(time.Minute))
}
