package hetzner_test

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vipctl/vipctl/hetzner"
	"github.com/vipctl/vipctl/hetzner/hetznertest"
	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/reconcile/routetest"

	"github.com/vipctl/vipctl/reconcile/policy"
)

// fromNow is a moment on the routes' clock.
func fromNow(d time.Duration) policy.Moment { return routetest.Now().Add(d) }

const (
	post = "POST /failover/"
	get  = "GET /failover/"
)

func TestFailoverFaults(t *testing.T) {
	refuse := hetznertest.Refuse
	rate := hetznertest.Refuse(403, "RATE_LIMIT_EXCEEDED", map[string]any{"max_request": 50, "interval": 1800})
	for _, row := range []struct {
		name   string
		on     string
		times  int
		fault  hetznertest.Fault
		posts  int
		within time.Duration
		err    string
		due    time.Duration // at the earliest
	}{
		{"good", "none", 0, nil, 1, time.Minute, "", 0},
		{"already routed", post, 1, refuse(409, "FAILOVER_ALREADY_ROUTED"), 1, time.Second, "", 0},
		{"locked", post, 1, refuse(409, "FAILOVER_LOCKED"), 2, 66 * time.Second, "", 0},
		{"locked for long", post, 0, refuse(409, "FAILOVER_LOCKED"), -1, 171 * time.Second, "another switch is under way", time.Second},
		{"failed once", post, 1, refuse(500, "FAILOVER_FAILED"), 2, 71 * time.Second, "", 0},
		{"not complete twice", post, 2, refuse(500, "FAILOVER_NOT_COMPLETE"), 3, 81 * time.Second, "", 0},
		{"fails always", post, 0, refuse(500, "FAILOVER_FAILED"), 3, 21 * time.Second, "FAILOVER_FAILED", time.Minute},
		{"rate limit", post, 0, rate, 1, time.Second, "RATE_LIMIT_EXCEEDED", 30 * time.Minute},
		{"no such server", post, 0, refuse(404, "FAILOVER_NEW_SERVER_NOT_FOUND"), 1, time.Second, "main address", time.Minute},
		{"invalid", post, 0, refuse(400, "INVALID_INPUT", map[string]any{"missing": nil, "invalid": []string{"x"}}), 1, time.Second, "INVALID_INPUT", time.Minute},
		{"maintenance", post, 3, refuse(503, "MAINTENANCE"), 4, 70 * time.Second, "", 0},
		{"reset", post, 2, hetznertest.Reset(), 3, 70 * time.Second, "", 0},
		{"answer lost", post, 1, hetznertest.Unheard(), 1, 70 * time.Second, "", 0},
		{"garbage", post, 1, hetznertest.Raw(200, "<html>"), 2, 70 * time.Second, "", 0},
		{"null", post, 1, hetznertest.Raw(200, `{"failover":null}`), 2, 70 * time.Second, "", 0},
		{"routed elsewhere, it says", post, 1, hetznertest.Raw(200, `{"failover":{"ip":"198.51.100.7","netmask":"255.255.255.255","active_server_ip":null}}`),
			1, time.Second, "says now: nobody", 0},
		{"another's", post, 1, hetznertest.Raw(200, `{"failover":{"ip":"198.51.100.8","netmask":"255.255.255.255"}}`), 1, time.Second, "does not cover", time.Minute},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLab(t)
				l.Pace(10*time.Millisecond, 0, time.Minute)
				l.Script(row.on, row.times, row.fault)
				r := l.failover(t, ourID)
				began := time.Now()
				s, err := r.Take(t.Context(), routetest.Now(), leads)
				checkFault(t, s, err, row.err)
				if took := time.Since(began); took > row.within+time.Second {
					t.Errorf("took %v, want %v", took, row.within)
				}
				if n := len(l.Mutations()); row.posts >= 0 && n != row.posts || n > 15 {
					t.Errorf("%d mutating calls, want %d", n, row.posts)
				}
				if pending(t, r) == (err == nil) || s.Due.Before(fromNow(row.due-time.Second)) {
					t.Errorf("after %v: pending %v, due in %v", err, pending(t, r), s.Due.Sub(routetest.Now()))
				}
			})
		})
	}
}

// TestFailoverRoutedNowhere: active_server_ip may be null.
func TestFailoverRoutedNowhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		l.Route(failoverIP, "")
		r := l.failover(t, ourID)
		s, err := r.Holder(t.Context())
		if err != nil || s.Ours || s.Holder != "nobody" {
			t.Errorf("holder %+v, %v", s, err)
		}
		if _, err := r.Take(t.Context(), routetest.Now(), leads); err != nil {
			t.Error(err)
		}
	})
}

// TestAnothersSwitch: a look that finds a switch under way, of somebody else, does not wait five
// minutes for its end.
func TestAnothersSwitch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		l.Pace(0, 0, time.Minute)
		r := l.failover(t, ourID)
		if _, err := r.Take(t.Context(), routetest.Now(), leads); err != nil {
			t.Fatal(err)
		}
		go func() { _, _ = l.failover(t, rivalID).Take(t.Context(), routetest.Now(), leads) }()
		time.Sleep(time.Second)
		s, err := r.Holder(t.Context())
		if err != nil || !s.Moving || s.Due.After(fromNow(2*time.Minute)) || !s.Due.After(fromNow(0)) {
			t.Errorf("%+v, %v, due in %v", s, err, s.Due.Sub(routetest.Now()))
		}
		time.Sleep(2 * time.Minute)
	})
}

// TestWaitsAreRemembered: the next process neither posts nor looks before the rate limit's end.
func TestWaitsAreRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		end := l.Script(post, 0, hetznertest.Refuse(403, "RATE_LIMIT_EXCEEDED", map[string]any{"interval": 600}))
		r := l.failover(t, ourID)
		if _, err := r.Take(t.Context(), routetest.Now(), leads); err == nil {
			t.Fatal("no error")
		}
		end()
		before := len(l.Calls())
		for range 3 {
			m := r.Memo()
			r = l.failover(t, ourID)
			recall(t, r, m)
			_, err := r.Take(t.Context(), routetest.Now(), leads)
			_, err2 := r.Holder(t.Context())
			if !errors.Is(err, reconcile.ErrNotYet) || !errors.Is(err2, reconcile.ErrNotYet) || !strings.Contains(err.Error(), "rate limit") {
				t.Errorf("errors %v, %v", err, err2)
			}
		}
		if n := len(l.Calls()) - before; n != 0 {
			t.Errorf("%d requests under a rate limit", n)
		}
		time.Sleep(11 * time.Minute)
		if _, err := r.Take(t.Context(), routetest.Now(), leads); err != nil {
			t.Error(err)
		}
	})
}

func TestFailoverSubnets(t *testing.T) {
	for _, row := range []struct {
		name, vip, ip, server, err string
	}{
		{"IPv6, by the VIP", "2001:db8:fff1::10", "", "2001:db8:1:2::1", ""},
		{"IPv6, by the subnet", "2001:db8:fff1::10", "2001:db8:fff1::", "2001:db8:1:2::", ""},
		{"IPv4 subnet", "198.51.100.99", "198.51.100.96", ourMain, ""},
		{"outside", "198.51.100.104", "198.51.100.96", ourMain, "does not cover"},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLab(t)
				l.AddFailover("2001:db8:fff1::", "ffff:ffff:ffff:ffff::", "2001:db8:1:1::", "2001:db8:1:2::")
				l.AddFailover("198.51.100.96", "255.255.255.248", rivalMain, ourMain)
				o := hetzner.FailoverOptions{Address: netip.MustParseAddr(row.vip), Server: netip.MustParseAddr(row.server)}
				if row.ip != "" {
					o.FailoverIP = netip.MustParseAddr(row.ip)
				}
				r, err := hetzner.NewFailover(l.robot(t, ourID), o)
				if err != nil {
					t.Fatal(err)
				}
				s, err := r.Holder(t.Context())
				if row.err == "" && (err != nil || s.Ours) {
					t.Errorf("holder %+v, %v", s, err)
				}
				if err == nil {
					s, err = r.Take(t.Context(), routetest.Now(), leads)
				}
				checkFault(t, s, err, row.err)
			})
		})
	}
	for _, o := range []hetzner.FailoverOptions{
		{Address: netip.MustParseAddr(failoverIP)},
		{Address: netip.MustParseAddr(failoverIP), Server: netip.MustParseAddr("2001:db8::1")},
	} {
		if _, err := hetzner.NewFailover(newLab(t).robot(t, ourID), o); err == nil {
			t.Errorf("%+v was taken", o)
		}
	}
}
