// Package routetest holds every [hetzner.Route] to the interface's contract. Each part runs on a fake clock, with an
// API that is a small world and not a list of expected calls.
package routetest

import (
	"context"
	"encoding/json"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vipctl/vipctl/hetzner"
)

// Fixture is a route of this host, another host's route for the same address, and the world that both ask. The address
// is the other host's at first.
type Fixture struct {
	New   func() hetzner.Route // this host's, as a new process has it: without a memo
	Rival hetzner.Route

	Holder    func() string // by the world's own knowledge: "us", "rival" or "nobody"
	Mutations func() int    // calls that asked for a change, so far
	Refuse    func()        // from now on this host's credentials are refused
	Down      func()        // from now on nobody can connect
	Up        func()
	// Slow is how long a switch takes from now on.
	Slow func(time.Duration)

	OneCall  bool // Take needs one mutating call in the good case
	CanLeave bool // GiveUp removes the route
}

// Run runs the suite, each part in a world of its own.
func Run(t *testing.T, fresh func(t *testing.T) Fixture) {
	for _, part := range []struct {
		name string
		run  func(t *testing.T, f Fixture)
	}{
		{"holder asks and changes nothing", holderAsks},
		{"take takes", takes},
		{"take of what is ours changes nothing for long", takesAgain},
		{"what was stolen is seen and taken back", stolen},
		{"a memo survives being written down", memoInJSON},
		{"a memo of another configuration is harmless", foreignMemo},
		{"a take that was cut short is finished by the next run", cutShort},
		{"a dead context ends at once and stays pending", deadContext},
		{"who does not lead sends nothing more", demoted},
		{"a refused login is not repeated", refused},
		{"sixty seconds without an API cost five more at most", outage},
		{"an outage of hours is waited for politely", longOutage},
		{"give up asks first", giveUp},
	} {
		t.Run(part.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { part.run(t, fresh(t)) })
		})
	}
}

func leads(context.Context) bool { return true }

// next is the next process: all that it knows is a memo that has been written down.
func (f Fixture) next(t *testing.T, last hetzner.Route) hetzner.Route {
	t.Helper()
	data, err := json.Marshal(last.Memo())
	if err != nil {
		t.Fatal(err)
	}
	var m hetzner.Memo
	if err := json.Unmarshal(data, &m); err != nil {
		t.Fatal(err)
	}
	r := f.New()
	r.Recall(m)
	return r
}

// tick is what a leader's run does with a route. It returns the process's route.
func (f Fixture) tick(t *testing.T, last hetzner.Route) (hetzner.Route, hetzner.RouteState, error) {
	t.Helper()
	r := f.next(t, last)
	s, err := r.Holder(t.Context())
	if err == nil && !s.Ours {
		s, err = r.Take(t.Context(), leads)
	}
	wantSane(t, r, err)
	return r, s, err
}

// wantSane: a switch is pending exactly as long as it has not succeeded, and always has a next time.
func wantSane(t *testing.T, r hetzner.Route, err error) {
	t.Helper()
	m := r.Memo()
	if err == nil && m.Pending != nil {
		t.Errorf("still pending after a success: %+v", *m.Pending)
	}
	if m.Due > now()+time.Hour {
		t.Errorf("due in %v", m.Due-now())
	}
}

// now is the clock that the fixtures' routes are on, as long as they are made with Now.
func now() time.Duration { return Now() }

// Now is a boot clock for routes under test.
func Now() time.Duration { return time.Duration(time.Now().UnixNano()) }

func take(t *testing.T, r hetzner.Route) hetzner.RouteState {
	t.Helper()
	s, err := r.Take(t.Context(), leads)
	if err != nil || !s.Ours || s.Holder == "" {
		t.Fatalf("take: %+v, %v", s, err)
	}
	wantSane(t, r, nil)
	return s
}

func wantHolder(t *testing.T, f Fixture, want string) {
	t.Helper()
	if got := f.Holder(); got != want {
		t.Errorf("the address is at %s, want %s", got, want)
	}
}

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
	if n := f.Mutations(); f.OneCall && n != 1 {
		t.Errorf("%d mutating calls, want one", n)
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
	r.Recall(hetzner.Memo{Config: "another", Target: 99, Server: 98, Pending: &hetzner.Pending{Action: 97}})
	take(t, r)
	wantHolder(t, f, "us")
}

func cutShort(t *testing.T, f Fixture) {
	f.Slow(20 * time.Second)
	for _, after := range []time.Duration{time.Millisecond, 300 * time.Millisecond, 2 * time.Second, 10 * time.Second} {
		r := f.New()
		r.Recall(r.Memo().Intend(now()))
		ctx, cancel := context.WithTimeout(t.Context(), after)
		_, err := r.Take(ctx, leads)
		cancel()
		if err == nil {
			t.Errorf("done within %v", after)
		}
		if r.Memo().Pending == nil {
			t.Errorf("cut short after %v, and not pending", after)
		}
		finish(t, f, r, time.Minute)
		wantHolder(t, f, "us")
		take(t, f.Rival)
	}
}

// finish runs ticks until the address is here.
func finish(t *testing.T, f Fixture, r hetzner.Route, within time.Duration) {
	t.Helper()
	began := time.Now()
	for {
		var s hetzner.RouteState
		var err error
		if r, s, err = f.tick(t, r); err == nil && s.Ours {
			return
		}
		if time.Since(began) > within {
			t.Fatalf("not here after %v: %+v, %v", time.Since(began), s, err)
		}
		time.Sleep(max(2*time.Second, r.Memo().Due-now()))
	}
}

func deadContext(t *testing.T, f Fixture) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := f.New()
	began := time.Now()
	if _, err := r.Take(ctx, leads); err == nil {
		t.Error("no error")
	}
	if _, err := r.Holder(ctx); err == nil {
		t.Error("no error")
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("took %v", took)
	}
	if r.Memo().Pending == nil || f.Mutations() != 0 {
		t.Errorf("memo %+v, %d mutating calls", r.Memo(), f.Mutations())
	}
}

// demoted: the API comes back after the role has gone.
func demoted(t *testing.T, f Fixture) {
	r := f.New()
	if _, err := r.Holder(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.Down()
	var asked, demoted atomic.Int32
	time.AfterFunc(5300*time.Millisecond, func() { demoted.Store(1); f.Up() })
	_, err := r.Take(t.Context(), func(context.Context) bool { asked.Add(1); return demoted.Load() == 0 })
	if !errors.Is(err, hetzner.ErrNoLongerLeader) {
		t.Errorf("take: %v", err)
	}
	if n := f.Mutations(); n != 0 || asked.Load() == 0 {
		t.Errorf("%d mutating calls, asked %d times", n, asked.Load())
	}
	if r.Memo().Pending != nil {
		t.Error("still pending: who does not lead any more has nothing to finish")
	}
	wantHolder(t, f, "rival")
}

func refused(t *testing.T, f Fixture) {
	r := f.New()
	f.Refuse()
	for range 20 {
		var err error
		if r, _, err = f.tick(t, r); err == nil {
			t.Fatal("no error")
		}
		if due := r.Memo().Due; due <= now() {
			t.Fatal("due again at once")
		}
		time.Sleep(r.Memo().Due - now())
	}
	wantHolder(t, f, "rival")
}

func outage(t *testing.T, f Fixture) {
	r := f.New()
	f.Down()
	back := time.Now().Add(time.Minute)
	time.AfterFunc(time.Minute, f.Up)
	// A callback, which the next one kills after a while, and then the ticks.
	ctx, cancel := context.WithTimeout(t.Context(), 17*time.Second)
	defer cancel()
	if _, err := r.Take(ctx, leads); err == nil {
		t.Fatal("taken without an API")
	}
	finish(t, f, r, 2*time.Minute)
	if late := time.Since(back); late > 5*time.Second {
		t.Errorf("here %v after the API's return", late)
	}
	wantHolder(t, f, "us")
}

func longOutage(t *testing.T, f Fixture) {
	r := f.New()
	f.Down()
	tries := 0
	for began := time.Now(); time.Since(began) < 3*time.Hour; tries++ {
		r, _, _ = f.tick(t, r)
		if r.Memo().Pending == nil {
			if _, err := r.Take(t.Context(), leads); err == nil {
				t.Fatal("taken without an API")
			}
		}
		time.Sleep(max(2*time.Second, r.Memo().Due-now()))
	}
	if tries > 500 {
		t.Errorf("%d runs in three hours asked an API that is down", tries)
	}
	f.Up()
	finish(t, f, r, 5*time.Minute)
}

func giveUp(t *testing.T, f Fixture) {
	r := f.New()
	_, err := r.GiveUp(t.Context())
	if f.CanLeave && err != nil || !f.CanLeave && !errors.Is(err, hetzner.ErrNoGiveUp) {
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
