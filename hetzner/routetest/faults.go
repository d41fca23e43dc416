package routetest

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vipctl/vipctl/reconcile"
)

func cutShort(t *testing.T, f Fixture) {
	f.Slow(20 * time.Second)
	for _, after := range []time.Duration{time.Millisecond, 300 * time.Millisecond, 2 * time.Second, 10 * time.Second} {
		r := f.New()
		r.Recall(r.Memo().Intend(now()), nil)
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

// killed: all that the successor has is what was kept before the call and during it.
func killed(t *testing.T, f Fixture) {
	f.Slow(20 * time.Second)
	for _, after := range []time.Duration{5 * time.Second, 15 * time.Second} {
		before := f.Mutations()
		r := f.New()
		kept := r.Memo().Intend(now())
		r.Recall(kept, func(m reconcile.RouteMemo) { kept = written(t, m) })
		ctx, kill := context.WithTimeout(t.Context(), after)
		_, err := r.Take(ctx, leads)
		kill()
		if err == nil || kept.Pending == nil {
			t.Fatalf("killed after %v: %v, kept %+v", after, err, kept)
		}
		r = f.New()
		r.Recall(kept, nil)
		take(t, r)
		wantHolder(t, f, "us")
		if n := f.Mutations() - before; n != f.Calls {
			t.Errorf("killed after %v: %d mutating calls, want %d", after, n, f.Calls)
		}
		take(t, f.Rival)
	}
}

// finish runs ticks until the address is here.
func finish(t *testing.T, f Fixture, r reconcile.Route, within time.Duration) {
	t.Helper()
	began := time.Now()
	for {
		var s reconcile.RouteState
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
	if !errors.Is(err, reconcile.ErrNoLongerLeader) {
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
