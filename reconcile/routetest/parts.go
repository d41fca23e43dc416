package routetest

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/vipctl/vipctl/reconcile"
)

func holderAsks(t *testing.T, f Fixture) {
	p := f.start()
	for range 2 {
		s, err := p.ask(t, t.Context())
		if err != nil || s.Ours || s.Holder == "" {
			t.Errorf("holder: %+v, %v", s, err)
		}
	}
	if n := f.Mutations(); n != 0 {
		t.Errorf("%d mutating calls", n)
	}
	if d := p.route.Details(); d != (reconcile.RouteDetails{}) {
		t.Errorf("details %+v", d)
	}
	wantHolder(t, f, "rival")
}

func takes(t *testing.T, f Fixture) {
	p := f.start()
	p.take(t)
	wantHolder(t, f, "us")
	if n := f.Mutations(); n != f.Calls {
		t.Errorf("%d mutating calls, want %d", n, f.Calls)
	}
	if !p.due.After(now()) || p.route.Details().Took == nil {
		t.Errorf("due in %v, details %+v, want a later question and the switch's duration", p.due.Sub(now()), p.route.Details())
	}
	if s, err := p.ask(t, t.Context()); err != nil || !s.Ours {
		t.Errorf("holder: %+v, %v", s, err)
	}
}

func takesAgain(t *testing.T, f Fixture) {
	p := f.start()
	for range 3 {
		p.take(t)
		wantHolder(t, f, "us")
	}
}

func stolen(t *testing.T, f Fixture) {
	p := f.start()
	p.take(t)
	f.rivals(t)
	p = p.next(t)
	if s, err := p.ask(t, t.Context()); err != nil || s.Ours {
		t.Fatalf("holder: %+v, %v", s, err)
	}
	if p.due.After(now()) {
		t.Errorf("stolen, and due only in %v", p.due.Sub(now()))
	}
	p.take(t)
	wantHolder(t, f, "us")
}

func memoIsJSON(t *testing.T, f Fixture) {
	p := f.start()
	p.take(t)
	mutations, took := f.Mutations(), *p.route.Details().Took
	if !json.Valid(p.route.Memo()) {
		t.Fatalf("memo %q", p.route.Memo())
	}
	p = p.next(t)
	if d := p.route.Details(); d.Took == nil || *d.Took != took {
		t.Errorf("details %+v, want %v", d, took)
	}
	if s, err := p.ask(t, t.Context()); err != nil || !s.Ours {
		t.Errorf("holder: %+v, %v", s, err)
	}
	if f.Mutations() != mutations {
		t.Error("a question changed something")
	}
}

func foreignMemo(t *testing.T, f Fixture) {
	p := f.start()
	p.recall(t, f.Foreign)
	p.take(t)
	wantHolder(t, f, "us")
}

// strangeMemo: a VIP's route has been given to another provider since.
func strangeMemo(t *testing.T, f Fixture) {
	for _, memo := range []string{`"text"`, `[1]`, `{"config":1,"target":"x","switch":7}`, `nonsense`} {
		p := f.start()
		if err := p.route.Recall(json.RawMessage(memo), nil); err == nil {
			t.Errorf("no error for %s", memo)
		}
		p.take(t)
		wantHolder(t, f, "us")
		f.rivals(t)
	}
}

func giveUp(t *testing.T, f Fixture) {
	p := f.start()
	_, err := p.route.GiveUp(t.Context())
	if f.CanLeave && err != nil || !f.CanLeave && !errors.Is(err, reconcile.ErrNoGiveUp) {
		t.Errorf("give up: %v", err)
	}
	if n := f.Mutations(); n != 0 {
		t.Errorf("%d mutating calls for another's address", n)
	}
	p.take(t)
	_, err = p.route.GiveUp(t.Context())
	switch {
	case f.CanLeave && err != nil:
		t.Errorf("give up: %v", err)
	case f.CanLeave:
		wantHolder(t, f, "nobody")
	default:
		wantHolder(t, f, "us")
	}
}

func checks(t *testing.T, f Fixture) {
	for _, took := range []bool{false, true} {
		p := f.start()
		if took {
			p.take(t)
		}
		before := f.Mutations()
		c := p.route.Check(t.Context())
		if len(c.Findings) == 0 || f.Mutations() != before {
			t.Errorf("found %+v, %d mutating calls", c.Findings, f.Mutations()-before)
		}
		if c.Asked && (c.Err != nil || c.State.Ours != took) || !c.Asked && (c.Err != nil || c.State != reconcile.RouteState{}) {
			t.Errorf("learned %+v", c)
		}
		for _, one := range c.Findings {
			if one.Level == reconcile.Problem {
				t.Errorf("problem: %s", one.Text)
			}
		}
	}
	f.Refuse()
	p := f.start()
	if c := p.route.Check(t.Context()); len(c.Findings) != 1 || c.Findings[0].Level != reconcile.Problem || c.Asked && c.Err == nil {
		t.Errorf("with refused credentials: %+v", c)
	}
}
