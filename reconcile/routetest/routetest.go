// Package routetest holds every [reconcile.Route] to the interface's contract. Each part runs on a
// fake clock, with an API that is a small world and not a list of expected calls.
package routetest

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/reconcile/policy"
)

// process is a process of this host with a route, and what its engine remembers of it.
type process struct {
	f     Fixture
	route reconcile.Route
	begun policy.Moment // 0: no switch is under way
	due   policy.Moment
	keep  func(json.RawMessage) // nil where nothing is kept in the middle of a call
}

// start is the first process.
func (f Fixture) start() *process { return &process{f: f, route: f.New()} }

// next is the next process: all that it knows is what has been written down.
func (p *process) next(t *testing.T) *process {
	t.Helper()
	n := &process{f: p.f, route: p.f.New(), begun: p.begun, due: p.due}
	n.recall(t, p.route.Memo())
	return n
}

func (p *process) recall(t *testing.T, memo json.RawMessage) {
	t.Helper()
	if err := p.route.Recall(memo, p.keep); err != nil {
		t.Fatal(err)
	}
}

// ask is the engine's question who has the route.
func (p *process) ask(t *testing.T, ctx context.Context) (reconcile.RouteState, error) {
	t.Helper()
	s, err := p.route.Holder(ctx)
	p.learn(t, s, err)
	return s, err
}

// try is one Take, as the engine calls it.
func (p *process) try(t *testing.T, ctx context.Context, leads func(context.Context) bool) (reconcile.RouteState, error) {
	t.Helper()
	if p.begun.IsZero() {
		p.begun, p.due = now(), policy.Moment{}
	}
	s, err := p.route.Take(ctx, p.begun, leads)
	if err == nil && !s.Ours {
		t.Errorf("taken without an error, and not ours: %+v", s)
	}
	p.learn(t, s, err)
	if errors.Is(err, reconcile.ErrNoLongerLeader) {
		p.begun, p.due = policy.Moment{}, policy.Moment{}
		p.route.Abandon()
	}
	return s, err
}

func (p *process) learn(t *testing.T, s reconcile.RouteState, err error) {
	t.Helper()
	if p.due = s.Due; p.due.After(now().Add(time.Hour)) {
		t.Errorf("due in %v", p.due.Sub(now()))
	}
	if err == nil && s.Ours {
		p.begun = policy.Moment{}
	}
}

// take takes the route, which has to succeed.
func (p *process) take(t *testing.T) {
	t.Helper()
	if s, err := p.try(t, t.Context(), leads); err != nil || s.Holder == "" {
		t.Fatalf("take: %+v, %v", s, err)
	}
}

// tick is what a leader's run does with a route. It returns the process that does it.
func (p *process) tick(t *testing.T) (*process, reconcile.RouteState, error) {
	t.Helper()
	n := p.next(t)
	s, err := n.ask(t, t.Context())
	if err == nil && !s.Ours {
		s, err = n.try(t, t.Context(), leads)
	}
	return n, s, err
}

// finish runs ticks until the address is here.
func (p *process) finish(t *testing.T, within time.Duration) {
	t.Helper()
	for began := time.Now(); ; {
		n, s, err := p.tick(t)
		if err == nil && s.Ours {
			return
		}
		if time.Since(began) > within {
			t.Fatalf("not here after %v: %+v, %v", time.Since(began), s, err)
		}
		time.Sleep(max(2*time.Second, n.due.Sub(now())))
		p = n
	}
}

// Fixture is a route of this host, another host's route for the same address, and the world that
// both ask. The address is the other host's at first.
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

	// Foreign is a memo with ids that were found with another configuration.
	Foreign json.RawMessage

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
		{"a memo survives being written down", memoIsJSON},
		{"a memo of another configuration is harmless", foreignMemo},
		{"a memo of another provider is an error and no more", strangeMemo},
		{"a switch that is abandoned is forgotten", abandoned},
		{"a take that was cut short is finished by the next run", cutShort},
		{"who comes after a killed process waits on, and calls no second time", killed},
		{"a dead context ends at once and stays pending", deadContext},
		{"who does not lead sends nothing more", demoted},
		{"a refused login is not repeated", refused},
		{"sixty seconds without an API cost five more at most", outage},
		{"an outage of hours is waited for politely", longOutage},
		{"give up asks first", giveUp},
		{"a check changes nothing", checks},
	} {
		t.Run(part.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { part.run(t, fresh(t)) })
		})
	}
}

func leads(context.Context) bool { return true }

// now is the clock that the fixtures' routes are on, as long as they are made with Now.
func now() policy.Moment { return Now() }

// Now is a boot clock for routes under test.
func Now() policy.Moment { return policy.SinceBoot(time.Duration(time.Now().UnixNano())) }

// rivals takes the route for the other host.
func (f Fixture) rivals(t *testing.T) {
	t.Helper()
	(&process{f: f, route: f.Rival}).take(t)
}

func wantHolder(t *testing.T, f Fixture, want string) {
	t.Helper()
	if got := f.Holder(); got != want {
		t.Errorf("the address is at %s, want %s", got, want)
	}
}
