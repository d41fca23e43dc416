package routetest

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vipctl/vipctl/reconcile"

	"github.com/vipctl/vipctl/reconcile/policy"
)

func cutShort(t *testing.T, f Fixture) {
	f.Slow(20 * time.Second)
	for _, after := range []time.Duration{time.Millisecond, 300 * time.Millisecond, 2 * time.Second, 10 * time.Second} {
		p := f.start()
		ctx, cancel := context.WithTimeout(t.Context(), after)
		_, err := p.try(t, ctx, leads)
		cancel()
		if err == nil {
			t.Errorf("done within %v", after)
		}
		p.finish(t, time.Minute)
		wantHolder(t, f, "us")
		f.rivals(t)
	}
}

// killed: all that the successor has is when the switch was begun, and what was kept during the
// call.
func killed(t *testing.T, f Fixture) {
	f.Slow(20 * time.Second)
	for _, after := range []time.Duration{5 * time.Second, 15 * time.Second} {
		before := f.Mutations()
		p := f.start()
		kept := p.route.Memo()
		p.keep = func(m json.RawMessage) { kept = slices.Clone(m) }
		p.recall(t, kept)
		ctx, kill := context.WithTimeout(t.Context(), after)
		_, err := p.try(t, ctx, leads)
		kill()
		if err == nil {
			t.Fatalf("done within %v", after)
		}
		next := &process{f: f, route: f.New(), begun: p.begun}
		next.recall(t, kept)
		next.take(t)
		wantHolder(t, f, "us")
		if n := f.Mutations() - before; n != f.Calls {
			t.Errorf("killed after %v: %d mutating calls, want %d", after, n, f.Calls)
		}
		f.rivals(t)
	}
}

// abandoned: the switch of an earlier claim, cut short long ago, neither counts as overdue nor is
// waited for.
func abandoned(t *testing.T, f Fixture) {
	f.Slow(20 * time.Second)
	p := f.start()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if _, err := p.try(t, ctx, leads); err == nil {
		t.Fatal("done at once")
	}
	time.Sleep(time.Hour)
	f.rivals(t)
	p = p.next(t)
	p.route.Abandon()
	if p.begun = (policy.Moment{}); p.route.Details().Wait != nil {
		t.Errorf("details %+v", p.route.Details())
	}
	f.Slow(0)
	before := f.Mutations()
	p.take(t)
	wantHolder(t, f, "us")
	if n := f.Mutations() - before; n != f.Calls {
		t.Errorf("%d mutating calls, want %d", n, f.Calls)
	}
}

func deadContext(t *testing.T, f Fixture) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	p := f.start()
	began := time.Now()
	if _, err := p.try(t, ctx, leads); err == nil {
		t.Error("no error")
	}
	if p.due.After(now()) {
		t.Errorf("due in %v: the next process shall go on at once", p.due.Sub(now()))
	}
	if _, err := p.ask(t, ctx); err == nil {
		t.Error("no error")
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("took %v", took)
	}
	if f.Mutations() != 0 {
		t.Errorf("%d mutating calls", f.Mutations())
	}
}

// demoted: the API comes back after the role has gone.
func demoted(t *testing.T, f Fixture) {
	p := f.start()
	if _, err := p.ask(t, t.Context()); err != nil {
		t.Fatal(err)
	}
	f.Down()
	var asked, demoted atomic.Int32
	time.AfterFunc(5300*time.Millisecond, func() { demoted.Store(1); f.Up() })
	_, err := p.try(t, t.Context(), func(context.Context) bool { asked.Add(1); return demoted.Load() == 0 })
	if !errors.Is(err, reconcile.ErrNoLongerLeader) {
		t.Errorf("take: %v", err)
	}
	if n := f.Mutations(); n != 0 || asked.Load() == 0 {
		t.Errorf("%d mutating calls, asked %d times", n, asked.Load())
	}
	wantHolder(t, f, "rival")
	p.next(t).take(t) // it leads again
	wantHolder(t, f, "us")
}

func refused(t *testing.T, f Fixture) {
	p := f.start()
	f.Refuse()
	for range 20 {
		var err error
		if p, _, err = p.tick(t); err == nil {
			t.Fatal("no error")
		}
		if !p.due.After(now()) {
			t.Fatal("due again at once")
		}
		time.Sleep(p.due.Sub(now()))
	}
	wantHolder(t, f, "rival")
}

func outage(t *testing.T, f Fixture) {
	p := f.start()
	f.Down()
	back := time.Now().Add(time.Minute)
	time.AfterFunc(time.Minute, f.Up)
	// A callback, which the next one kills after a while, and then the ticks.
	ctx, cancel := context.WithTimeout(t.Context(), 17*time.Second)
	defer cancel()
	if _, err := p.try(t, ctx, leads); err == nil {
		t.Fatal("taken without an API")
	}
	p.finish(t, 2*time.Minute)
	if late := time.Since(back); late > 5*time.Second {
		t.Errorf("here %v after the API's return", late)
	}
	wantHolder(t, f, "us")
}

func longOutage(t *testing.T, f Fixture) {
	p := f.start()
	f.Down()
	tries := 0
	for began := time.Now(); time.Since(began) < 3*time.Hour; tries++ {
		p, _, _ = p.tick(t)
		if p.begun.IsZero() {
			if _, err := p.try(t, t.Context(), leads); err == nil {
				t.Fatal("taken without an API")
			}
		}
		time.Sleep(max(2*time.Second, p.due.Sub(now())))
	}
	if tries > 500 {
		t.Errorf("%d runs in three hours asked an API that is down", tries)
	}
	f.Up()
	p.finish(t, 5*time.Minute)
}
