package hetzner_test

import (
	"context"
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
)

func leads(context.Context) bool { return true }

const (
	assign  = "POST /floating_ips/7/actions/assign"
	actions = "GET /actions"
)

func TestFloatingIPFaults(t *testing.T) {
	refuse := hetznertest.Refuse
	for _, row := range []struct {
		name   string
		on     string
		times  int
		fault  hetznertest.Fault
		posts  int           // mutating calls in all
		within time.Duration // of the Take
		err    string        // part of it; "" for success
	}{
		{"good", "none", 0, nil, 1, 0, ""},
		{"500", assign, 2, refuse(500, "server_error"), 3, 3 * time.Second, ""},
		{"502 in HTML", assign, 2, hetznertest.Raw(502, "<html>Bad Gateway</html>"), 3, 3 * time.Second, ""},
		{"503", assign, 2, refuse(503, "unavailable"), 3, 3 * time.Second, ""},
		{"504", assign, 2, refuse(504, "timeout"), 3, 3 * time.Second, ""},
		{"423 locked", assign, 3, refuse(423, "locked"), 4, 4 * time.Second, ""},
		{"409 conflict", assign, 3, refuse(409, "conflict"), 4, 4 * time.Second, ""},
		{"423 protected", assign, 0, refuse(423, "protected"), 1, time.Second, "protected"},
		{"409 uniqueness_error", assign, 0, refuse(409, "uniqueness_error"), 1, time.Second, "uniqueness_error"},
		{"429", assign, 1, refuse(429, "rate_limit_exceeded"), 2, 2 * time.Second, ""},
		{"429, an hour", assign, 1, hetznertest.Raw(429, "{}", "Retry-After", "3600", "RateLimit-Reset", "9999999999"), 2, 5 * time.Second, ""},
		{"401", assign, 0, refuse(401, "unauthorized"), 1, time.Second, "check the token"},
		{"401 token_readonly", assign, 0, refuse(401, "token_readonly"), 1, time.Second, "read and write permission"},
		{"403", assign, 0, refuse(403, "forbidden"), 1, time.Second, "forbidden"},
		{"403 maintenance", assign, 1, refuse(403, "maintenance"), 2, 6 * time.Second, ""},
		{"412", assign, 0, refuse(412, "resource_unavailable"), 1, time.Second, "resource_unavailable"},
		{"422", assign, 0, refuse(422, "invalid_input"), 1, time.Second, "invalid_input"},
		{"410", assign, 0, refuse(410, "deprecated_api_endpoint"), 1, time.Second, "deprecated_api_endpoint"},
		{"redirect", assign, 0, hetznertest.Raw(307, "", "Location", "http://127.0.0.1:1002/"), 1, time.Second, "no redirect is followed"},
		{"hang", assign, 1, hetznertest.Hang(), 2, 5 * time.Second, ""},
		{"slow answer", assign, 1, hetznertest.Late(2 * time.Second), 1, 3 * time.Second, ""},
		{"reset", assign, 2, hetznertest.Reset(), 3, 3 * time.Second, ""},
		{"done, answer lost", assign, 1, hetznertest.Unheard(), -1, 3 * time.Second, ""},
		{"garbage", assign, 1, hetznertest.Raw(201, "{{{"), 2, 2 * time.Second, ""},
		{"another's JSON", assign, 1, hetznertest.Raw(201, `{"action":{"id":"x"}}`), 2, 2 * time.Second, ""},
		{"null", assign, 1, hetznertest.Raw(201, "null"), 2, 2 * time.Second, ""},
		{"30 MB", assign, 1, hetznertest.Raw(201, strings.Repeat(" ", 30<<20)), 2, 2 * time.Second, ""},
		{"always 503", assign, 0, refuse(503, "unavailable"), -1, 31 * time.Second, "HTTP 503: unavailable"},
		{"404 once", assign, 1, refuse(404, "not_found"), 2, time.Second, ""},
		{"404", assign, 0, refuse(404, "not_found"), 2, time.Second, "same project"},
		{"stolen and given back", assign, 1, refuse(422, "floating_ip_assigned"), 3, 2 * time.Second, ""},
		{"action 500", actions, 2, refuse(500, "server_error"), 1, 5 * time.Second, ""},
		{"action 404", actions, 0, refuse(404, "not_found"), -1, 5 * time.Second, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLab(t)
				l.Pace(10*time.Millisecond, 300*time.Millisecond, 0)
				l.Script(row.on, row.times, row.fault)
				r := l.floatingIP(t, ourID)
				began := time.Now()
				s, err := r.Take(t.Context(), routetest.Now(), leads)
				took := time.Since(began)
				time.Sleep(time.Second) // what was cut off ends, by this bubble's clock
				checkFault(t, s, err, row.err)
				if n := len(l.Mutations()); row.posts >= 0 && n != row.posts {
					t.Errorf("%d mutating calls, want %d", n, row.posts)
				}
				if took > row.within+time.Second {
					t.Errorf("took %v, want %v", took, row.within)
				}
				if pending(t, r) == (err == nil) {
					t.Errorf("pending %v after %v", pending(t, r), err)
				}
			})
		})
	}
}

func checkFault(t *testing.T, s reconcile.RouteState, err error, want string) {
	t.Helper()
	switch {
	case want == "" && (err != nil || !s.Ours):
		t.Errorf("%+v, %v", s, err)
	case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
		t.Errorf("error %v, want one with %q", err, want)
	}
}

// TestFloatingIPActions: 201 says that an action was begun, not how it ends.
func TestFloatingIPActions(t *testing.T) {
	for _, row := range []struct {
		name    string
		fail    int
		takes   time.Duration
		posts   int
		looks   int
		minutes bool
		err     bool
	}{
		{"at once", 0, 0, 1, 0, false, false},
		{"a second", 0, time.Second, 1, 3, false, false},
		{"ten seconds", 0, 10 * time.Second, 1, 9, false, false},
		{"fails once", 1, 400 * time.Millisecond, 2, 4, false, false},
		{"fails always", 9, 400 * time.Millisecond, 2, 4, false, true},
		{"two minutes", 0, 2 * time.Minute, 1, -1, true, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLab(t)
				l.Pace(10*time.Millisecond, row.takes, 0)
				l.FailActions(row.fail)
				r := l.floatingIP(t, ourID)
				_, err := r.Take(t.Context(), routetest.Now(), leads)
				if (err != nil) != row.err {
					t.Fatal(err)
				}
				if n := len(l.Mutations()); n != row.posts {
					t.Errorf("%d mutating calls, want %d", n, row.posts)
				}
				if n := l.count(actions); row.looks >= 0 && n != row.looks {
					t.Errorf("%d looks at actions, want %d", n, row.looks)
				}
				if row.minutes {
					time.Sleep(2 * time.Minute)
					s, err := r.Take(t.Context(), routetest.Now(), leads) // finds it done
					checkFault(t, s, err, "")
					if n := len(l.Mutations()); n != 1 {
						t.Errorf("%d mutating calls: a running action was begun again", n)
					}
				}
			})
		})
	}
}

// count is how many calls began with what.
func (l *lab) count(what string) int {
	n := 0
	for _, c := range l.Calls() {
		if strings.HasPrefix(c.Method+" "+c.Path, what) {
			n++
		}
	}
	return n
}

// TestFloatingIPWithKnownIDs: the second claim is a single request.
func TestFloatingIPWithKnownIDs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		r := l.floatingIP(t, ourID)
		if _, err := r.Holder(t.Context()); err != nil {
			t.Fatal(err)
		}
		before := len(l.Calls())
		if _, err := r.Take(t.Context(), routetest.Now(), leads); err != nil {
			t.Fatal(err)
		}
		if n := len(l.Calls()) - before; n != 1 {
			t.Errorf("%d requests, want one: %+v", n, l.Calls()[before:])
		}
	})
}

func TestFloatingIPMadeAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		r := l.floatingIP(t, ourID)
		if _, err := r.Take(t.Context(), routetest.Now(), leads); err != nil {
			t.Fatal(err)
		}
		l.RemoveFloatingIP(fipID)
		l.AddFloatingIP(8, "pg-vip", fipAddress)
		if s, err := r.Holder(t.Context()); err != nil || s.Ours || s.Holder != "nobody" {
			t.Errorf("holder: %+v, %v", s, err)
		}
		if _, err := r.Take(t.Context(), routetest.Now(), leads); err != nil || l.Assigned(8) != ourID {
			t.Errorf("at %d, %v", l.Assigned(8), err)
		}
	})
}

func TestFloatingIPWithoutMetadata(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		lost := hetzner.NewMetadata(l.access(ourID, "http://127.0.0.9:9/"))
		o := hetzner.FloatingIPOptions{Address: netip.MustParseAddr(fipAddress)}
		_, err := hetzner.NewFloatingIP(l.cloud(t, ourID), lost, o).Take(t.Context(), routetest.Now(), leads)
		if err == nil || !strings.Contains(err.Error(), "set server in the configuration") {
			t.Errorf("error %v", err)
		}
		o.Server = ourID
		if _, err := hetzner.NewFloatingIP(l.cloud(t, ourID), lost, o).Take(t.Context(), routetest.Now(), leads); err != nil {
			t.Error(err)
		}
	})
}

func TestErrorsSayWhatToAskSupport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		r := l.floatingIP(t, ourID)
		l.Script(assign, 0, hetznertest.Raw(403, `{"error":{"code":"forbidden","message":"no\nway"}}`, "X-Correlation-Id", "abc123"))
		_, err := r.Take(t.Context(), routetest.Now(), leads)
		var e *hetzner.Error
		if !errors.As(err, &e) || e.Status != 403 || e.Code != "forbidden" || e.Correlation != "abc123" {
			t.Fatalf("error %#v", err)
		}
		want := "assign floating IP 7 to server 41: HTTP 403: forbidden: no way (correlation id abc123)"
		if err.Error() != want {
			t.Errorf("got  %s\nwant %s", err, want)
		}
	})
}
