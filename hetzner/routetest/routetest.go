// Package routetest holds every [reconcile.Route] to the interface's contract. Each part runs on a fake clock, with an
// API that is a small world and not a list of expected calls.
package routetest

import (
	"context"
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vipctl/vipctl/reconcile"
)

// Fixture is a route of this host, another host's route for the same address, and the world that both ask. The address
// is the other host's at first.
type Fixture struct {
	New   func() reconcile.Route // this host's, as a new process has it: without a memo
	Rival reconcile.Route

	Holder    func() string // by the world's own knowledge: "us", "rival" or "nobody"
	Mutations func() int    // calls that asked for a change, so far
	Refuse    func()        // from now on this host's credentials are refused
	Down      func()        // from now on nobody can connect
	Up        func()
	// Slow is how long a switch takes from now on.
	Slow func(time.Duration)

	Calls    int  // that ask for a change, of a Take in the good case
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
		{"what is the caller's in a memo stays", callersWords},
		{"a take that was cut short is finished by the next run", cutShort},
		{"who comes after a killed process waits on, and calls no second time", killed},
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
func (f Fixture) next(t *testing.T, last reconcile.Route) reconcile.Route {
	t.Helper()
	r := f.New()
	r.Recall(written(t, last.Memo()), nil)
	return r
}

// written is a memo as it comes back from where it was kept.
func written(t *testing.T, m reconcile.RouteMemo) (back reconcile.RouteMemo) {
	t.Helper()
	data, err := json.Marshal(m)
	if err == nil {
		err = json.Unmarshal(data, &back)
	}
	if err != nil {
		t.Fatal(err)
	}
	return back
}

// tick is what a leader's run does with a route. It returns the process's route.
func (f Fixture) tick(t *testing.T, last reconcile.Route) (reconcile.Route, reconcile.RouteState, error) {
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
func wantSane(t *testing.T, r reconcile.Route, err error) {
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

func take(t *testing.T, r reconcile.Route) reconcile.RouteState {
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
