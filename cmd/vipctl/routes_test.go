package main

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/vipctl/vipctl/config"
	"github.com/vipctl/vipctl/hetzner"
	"github.com/vipctl/vipctl/reconcile"
)

func testRoutes() *routes { return newRoutes(newLogger(os.Stderr)) }

func secretFile(t *testing.T, name string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// VIPs share a client where credential and endpoint are the same, and only there.
func TestClientsAreShared(t *testing.T) {
	one, two := secretFile(t, "one"), secretFile(t, "two")
	r := testRoutes()
	cloud := func(file, endpoint string) *hetzner.Cloud {
		t.Helper()
		c, err := r.cloud(&config.HetznerCloud{TokenFile: file, Endpoint: endpoint})()
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	robot := func(user, file string) *hetzner.Robot {
		t.Helper()
		c, err := r.robot(&config.HetznerRobot{User: user, PasswordFile: file})()
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	token, user := cloud(one, ""), robot("a", one)
	if cloud(one, "") != token || robot("a", one) != user {
		t.Error("one account has two clients")
	}
	if cloud(two, "") == token || cloud(one, "https://api.example.com") == token {
		t.Error("two tokens or endpoints share a client")
	}
	if robot("b", one) == user || robot("a", two) == user {
		t.Error("two users share a client")
	}
	if meta := r.metadata(); r.metadata() != meta {
		t.Error("there are two metadata clients")
	}
}

// The environment is for processes whose user has set it.
func TestEnvironmentIsTrusted(t *testing.T) {
	if r := testRoutes(); r.access.Proxy == nil || r.getenv == nil {
		t.Error("a process without file capabilities must use the environment's proxy and secrets")
	}
}

func TestRouteKinds(t *testing.T) {
	secret := secretFile(t, "secret")
	vip := func(address string, r *config.Route) config.VIP {
		return config.VIP{Prefix: netip.MustParsePrefix(address), Route: r}
	}
	own := netip.MustParseAddr("198.51.100.1")
	for _, c := range []struct {
		via  string
		vip  config.VIP
		made func(provider) bool
	}{
		{"floating_ip", vip("203.0.113.5/32", &config.Route{HetznerCloud: &config.HetznerCloud{TokenFile: secret}}), is[*hetzner.FloatingIP]},
		{"alias_ip", vip("10.0.1.100/32", &config.Route{HetznerCloud: &config.HetznerCloud{TokenFile: secret, AliasIP: true, Network: "n"}}), is[*hetzner.AliasIP]},
		{"failover_ip", vip("198.51.100.7/32", &config.Route{HetznerRobot: &config.HetznerRobot{User: "u", PasswordFile: secret, ServerIP: own}}), is[*hetzner.Failover]},
	} {
		route := testRoutes().of(c.vip)
		if got := via(c.vip.Route); got != c.via || !c.made(route.use()) {
			t.Errorf("%s: got %s, %T", c.via, got, route.use())
		}
	}
	if route := testRoutes().of(vip("192.0.2.10/32", nil)); route != nil {
		t.Errorf("got a route for a VIP without one: %+v", route)
	}
}

func is[T provider](p provider) bool {
	_, ok := p.(T)
	return ok
}

// stubProvider counts what it is asked.
type stubProvider struct {
	provider
	memo     reconcile.RouteMemo
	recalled int
}

func (s *stubProvider) Holder(context.Context) (reconcile.RouteState, error) {
	return reconcile.RouteState{Holder: "somebody"}, nil
}
func (s *stubProvider) Memo() reconcile.RouteMemo { return s.memo }
func (s *stubProvider) Recall(m reconcile.RouteMemo, _ func(reconcile.RouteMemo)) {
	s.memo, s.recalled = m, s.recalled+1
}

// A route is made at its first call, once, with the memo that was recalled before.
func TestLateRoute(t *testing.T) {
	made := 0
	stub := &stubProvider{}
	l := &lateRoute{open: func() (provider, error) { made++; return stub, nil }, now: func() reconcile.Moment { return 0 }}
	l.Recall(reconcile.RouteMemo{Server: 1}, nil)
	l.Recall(reconcile.RouteMemo{Server: 2}, nil)
	if m := l.Memo(); m.Server != 2 || made != 0 {
		t.Fatalf("before the first call: memo %+v, made %d times", m, made)
	}
	for range 2 {
		if s, err := l.Holder(t.Context()); s.Holder != "somebody" || err != nil {
			t.Fatalf("Holder: %+v, %v", s, err)
		}
	}
	if made != 1 || stub.memo.Server != 2 || stub.recalled != 1 {
		t.Errorf("made %d times, with the memo %+v, recalled %d times", made, stub.memo, stub.recalled)
	}
	l.Recall(reconcile.RouteMemo{Server: 3}, nil)
	if l.Memo().Server != 3 || l.load() != nil {
		t.Errorf("after another Recall: memo %+v, %v", l.Memo(), l.load())
	}
}

// A route that cannot be made says so in every call, keeps what is known, and is soon tried again.
func TestFailedRoute(t *testing.T) {
	why := errors.New("no secret")
	const now = 100 * time.Second
	fail := func() *lateRoute {
		l := &lateRoute{open: func() (provider, error) { return nil, why }, now: func() reconcile.Moment { return now }}
		l.Recall(reconcile.RouteMemo{Config: "c", Target: 7, Login: &reconcile.RouteWait{Until: 5}, Due: 1}, nil)
		return l
	}
	for name, call := range map[string]func(*lateRoute) (reconcile.RouteState, error){
		"Holder": func(l *lateRoute) (reconcile.RouteState, error) { return l.Holder(t.Context()) },
		"Take": func(l *lateRoute) (reconcile.RouteState, error) {
			return l.Take(t.Context(), func(context.Context) bool { t.Error("asked who leads"); return true })
		},
		"GiveUp": func(l *lateRoute) (reconcile.RouteState, error) { return l.GiveUp(t.Context()) },
	} {
		l := fail()
		s, err := call(l)
		if !errors.Is(err, why) || s != (reconcile.RouteState{}) {
			t.Errorf("%s: got %+v, %v", name, s, err)
		}
		m := l.Memo()
		if m.Config != "c" || m.Target != 7 || m.Login == nil || m.Due != now+secretPause || (m.Pending != nil) != (name == "Take") {
			t.Errorf("%s: left the memo %+v", name, m)
		}
	}
	if err := fail().load(); !errors.Is(err, why) {
		t.Errorf("load: %v", err)
	}
	if found := fail().Check(t.Context()); len(found) != 1 || found[0].Level != reconcile.Problem || found[0].Text != why.Error() {
		t.Errorf("Check: %+v", found)
	}
}
