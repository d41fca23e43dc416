package hetzner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/reconcile/policy"
)

const providerNow = 100 * time.Second

func testProvider(o Options) *Provider {
	o.Now = func() policy.Moment { return policy.SinceBoot(providerNow) }
	return New(o)
}

func written(t *testing.T, name string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// VIPs share a client where credential and endpoint are the same, and only there.
func TestClientsAreShared(t *testing.T) {
	one, two := written(t, "one"), written(t, "two")
	p := testProvider(Options{})
	cloud := func(file, endpoint string) *Cloud {
		t.Helper()
		c, err := p.cloud(file, endpoint)()
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	robot := func(user, file string) *Robot {
		t.Helper()
		c, err := p.robot(user, file, "")()
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
	vip := netip.MustParseAddr("203.0.113.5")
	a, b := p.CloudRoute(CloudOptions{Address: vip}).(*FloatingIP), p.CloudRoute(CloudOptions{Address: vip, Alias: true}).(*AliasIP)
	if a.meta != b.meta || a.meta != p.meta {
		t.Error("there are two metadata clients")
	}
}

// routesOf are one route of each kind, whose secret is in the given file.
func routesOf(p *Provider, file string) map[string]reconcile.Route {
	addr, own := netip.MustParseAddr("203.0.113.5"), netip.MustParseAddr("198.51.100.1")
	return map[string]reconcile.Route{
		"floating IP": p.CloudRoute(CloudOptions{Address: addr, TokenFile: file}),
		"alias IP":    p.CloudRoute(CloudOptions{Address: addr, Alias: true, Network: "n", TokenFile: file}),
		"failover IP": p.RobotRoute(RobotOptions{FailoverOptions: FailoverOptions{Address: addr, Server: own}, User: "u", PasswordFile: file}),
	}
}

// Most runs ask no API, and then no secret is read: a memo comes and goes without one.
func TestSecretsAreReadLate(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	p := testProvider(Options{})
	for kind, r := range routesOf(p, file) {
		m := memo{Config: "another", Target: 1, Login: &waiting{Until: policy.SinceBoot(7), Why: "refused", For: "v"}}
		data, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Recall(data, nil); err != nil {
			t.Fatal(err)
		}
		r.Abandon()
		if d := r.Details(); d.Login == nil || *d.Login != (reconcile.RouteWait{Until: policy.SinceBoot(7), Why: "refused"}) {
			t.Errorf("%s: details %+v", kind, d)
		}
		if text := string(r.Memo()); !strings.Contains(text, `"refused"`) || strings.Contains(text, "target") {
			t.Errorf("%s: memo %s", kind, text)
		}
	}
	if err := os.WriteFile(file, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := p.ReadSecrets(); err != nil {
		t.Errorf("a secret was looked for before the first call: %v", err)
	}
}

// A route whose secret cannot be read says so in every call, keeps what is known, asks nobody, and
// is soon tried again.
func TestUnreadableSecret(t *testing.T) {
	dial := Options{Getenv: func(string) string { return "" }, Explain: func(err error, _ string) error { return err }}
	const missing = "/nowhere/secret"
	for name, call := range map[string]func(reconcile.Route) (reconcile.RouteState, error){
		"Holder": func(r reconcile.Route) (reconcile.RouteState, error) { return r.Holder(t.Context()) },
		"Take": func(r reconcile.Route) (reconcile.RouteState, error) {
			return r.Take(t.Context(), policy.SinceBoot(50*time.Second), func(context.Context) bool { t.Error("asked who leads"); return true })
		},
		"GiveUp": func(r reconcile.Route) (reconcile.RouteState, error) { return r.GiveUp(t.Context()) },
	} {
		for kind, r := range routesOf(testProvider(dial), missing) {
			if _, never := r.(*Failover); never && name == "GiveUp" {
				continue
			}
			var before, after memo
			if err := errors.Join(json.Unmarshal(r.Memo(), &before)); err != nil {
				t.Fatal(err)
			}
			before.Target, before.Wait = 7, &waiting{Until: policy.SinceBoot(5)}
			data, err := json.Marshal(before)
			if err := errors.Join(err, r.Recall(data, nil)); err != nil {
				t.Fatal(err)
			}
			s, err := call(r)
			if !errors.Is(err, os.ErrNotExist) || s != (reconcile.RouteState{Due: policy.SinceBoot(providerNow + secretPause)}) {
				t.Errorf("%s of the %s: got %+v, %v", name, kind, s, err)
			}
			if err := json.Unmarshal(r.Memo(), &after); err != nil {
				t.Fatal(err)
			}
			if after.Config != before.Config || after.Target != 7 || after.Wait == nil || (after.Switch != nil) != (name == "Take") {
				t.Errorf("%s of the %s: left the memo %s", name, kind, r.Memo())
			}
			found := r.Check(t.Context()).Findings
			if len(found) != 1 || found[0].Level != reconcile.Problem || found[0].Text != err.Error() {
				t.Errorf("check of the %s: %+v", kind, found)
			}
		}
	}
}

// Each thing that is in the way is told once, however many VIPs it concerns.
func TestReadSecrets(t *testing.T) {
	p := testProvider(Options{})
	if err := p.ReadSecrets(); err != nil {
		t.Errorf("without routes: %v", err)
	}
	routesOf(p, written(t, "good"))
	if err := p.ReadSecrets(); err != nil {
		t.Errorf("all good: %v", err)
	}
	for range 2 {
		routesOf(p, "/nowhere/secret")
	}
	other := FailoverOptions{Address: netip.MustParseAddr("2001:db8::1"), Server: netip.MustParseAddr("198.51.100.1")}
	r := p.RobotRoute(RobotOptions{FailoverOptions: other, User: "u", PasswordFile: written(t, "good")})
	err := p.ReadSecrets()
	if err == nil || len(strings.Split(err.Error(), "\n")) != 3 || !strings.Contains(err.Error(), "read the token of the Cloud API: ") ||
		!strings.Contains(err.Error(), "read the password of the Robot webservice: ") {
		t.Errorf("got %v", err)
	}
	if _, err := r.Holder(t.Context()); err == nil || !strings.Contains(err.Error(), "must be of the family of the VIP") {
		t.Errorf("addresses of two families: %v", err)
	}
}

// An attempt is told as one line with everything in it, and as fields.
func TestTrace(t *testing.T) {
	a := Attempt{Op: "look at action 7", Method: "GET", Path: "/actions/7", N: 2, Status: 503, Code: "unavailable",
		Correlation: "ab", Remaining: "12", Took: 1234567 * time.Microsecond, Err: "broken"}
	const want = "look at action 7: GET /actions/7: HTTP 503: unavailable: broken in 1.235s (attempt 2, 12 calls left, correlation id ab)"
	if got := a.line(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := (Attempt{Op: "x", Method: "GET", Path: "/", N: 1}).line(); got != "x: GET /: no answer in 0s (attempt 1)" {
		t.Errorf("got %s", got)
	}
	fields := a.fields()
	for key, want := range map[string]any{"op": a.Op, "attempt": 2, "status": 503, "remaining": "12", "took_ms": int64(1235)} {
		if fields[key] != want {
			t.Errorf("%s: got %v, want %v", key, fields[key], fmt.Sprint(want))
		}
	}
}
