package hetzner_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vipctl/vipctl/hetzner"
	"github.com/vipctl/vipctl/hetzner/hetznertest"
	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/reconcile/routetest"
)

// authorization is what a Cloud client with the given token sends.
func authorization(t *testing.T, token hetzner.Secret) string {
	t.Helper()
	got := make(chan string, 1)
	s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		got <- r.Header.Get("Authorization")
		rw.WriteHeader(http.StatusForbidden)
	}))
	defer s.Close()
	c, err := hetzner.NewCloud(hetzner.Access{Endpoint: s.URL, Now: routetest.Now}, token)
	if err != nil {
		t.Fatal(err)
	}
	r := hetzner.NewFloatingIP(c, nil, hetzner.FloatingIPOptions{Address: netip.MustParseAddr(fipAddress), FloatingIP: "x", Server: 1})
	if _, err := r.Holder(t.Context()); err == nil {
		t.Error("no error after 403")
	}
	return <-got
}

func TestEndpoints(t *testing.T) {
	for endpoint, want := range map[string]string{
		"":                            "",
		"https://api.example.com/v1/": "",
		"http://127.0.0.1:80":         "",
		"http://[::1]:80":             "",
		"http://localhost:80":         "",
		"http://api.example.com/v1":   "must be https",
		"http://10.0.0.1/":            "must be https",
		"ftp://127.0.0.1/":            "must be https",
		"https://u:geheim@x/":         "scheme, host and path only",
		"https://x/?a=b":              "scheme, host and path only",
		"https://":                    "scheme, host and path only",
		"://geheim":                   "not a URL",
	} {
		a := hetzner.Access{Endpoint: endpoint, Now: routetest.Now}
		_, err := hetzner.NewCloud(a, hetzner.NewSecret("x"))
		_, err2 := hetzner.NewRobot(a, "u", hetzner.NewSecret("x"))
		if (err == nil) != (want == "") || err != nil && (!strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "geheim")) {
			t.Errorf("%q: %v", endpoint, err)
		}
		if (err == nil) != (err2 == nil) {
			t.Errorf("%q: %v, but %v", endpoint, err, err2)
		}
	}
}

func TestNoCredentialsNoClient(t *testing.T) {
	a := hetzner.Access{Now: routetest.Now}
	if _, err := hetzner.NewCloud(a, hetzner.Secret{}); err == nil {
		t.Error("no token, no error")
	}
	if _, err := hetzner.NewRobot(a, "", hetzner.NewSecret("x")); err == nil {
		t.Error("no user, no error")
	}
	if _, err := hetzner.NewRobot(a, "u", hetzner.Secret{}); err == nil {
		t.Error("no password, no error")
	}
}

// TestMetadataUsesNoProxy: an environment with a proxy must not send the question to another
// machine.
func TestMetadataUsesNoProxy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		a := l.access(ourID, "http://"+metadataHost(ourID)+"/hetzner/v1/metadata")
		a.Proxy = func(*http.Request) (*url.URL, error) {
			t.Error("asked for a proxy")
			return nil, nil
		}
		id, err := hetzner.NewMetadata(a).InstanceID(t.Context())
		if err != nil || id != ourID {
			t.Errorf("id %d, %v", id, err)
		}
	})
}

func TestMetadataFaults(t *testing.T) {
	for name, fault := range map[string]hetznertest.Fault{
		"hang": hetznertest.Hang(), "reset": hetznertest.Reset(), "404": hetznertest.Raw(404, "41"),
		"redirect": hetznertest.Raw(302, "", "Location", "http://127.0.0.1/"), "words": hetznertest.Raw(200, "none"),
		"unreadable redirect": hetznertest.Raw(301, "", "Location", "map[id:"+hetznertest.Token+"]"), "negative": hetznertest.Raw(200, "-3"), "empty": hetznertest.Raw(200, ""), "huge": hetznertest.Raw(200, strings.Repeat("1", 1<<20)),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLab(t)
				l.Script("", 0, fault)
				began := time.Now()
				if id, err := l.metadata(ourID).InstanceID(t.Context()); err == nil || id != 0 || strings.Contains(err.Error(), hetznertest.Token) {
					t.Errorf("id %d, %v", id, err)
				}
				if took := time.Since(began); took > 1100*time.Millisecond {
					t.Errorf("took %v", took)
				}
			})
		})
	}
}

// TestTrace: a log can tell every attempt, with what Hetzner's support will ask for.
func TestTrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		l.Script(assign, 1, hetznertest.Refuse(423, "locked"))
		if _, err := l.floatingIP(t, ourID).Take(t.Context(), routetest.Now(), leads); err != nil {
			t.Fatal(err)
		}
		var told []string
		for _, a := range l.trace {
			told = append(told, fmt.Sprintf("%s %s %d %d %s", a.Method, a.Path, a.N, a.Status, a.Code))
			if a.Op == "" || a.Status != 423 && (a.Correlation == "" || a.Remaining == "") {
				t.Errorf("attempt %+v", a)
			}
		}
		want := "GET /floating_ips?name=pg-vip 1 200 , POST /floating_ips/7/actions/assign 1 423 locked, POST /floating_ips/7/actions/assign 2 201 "
		if got := strings.Join(told, ", "); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	})
}

// TestALateConnectionAsksAgain: the first attempt is on its way in time, but the connection takes
// longer than half of what evidence counts; the other half may have gone by when Take was called.
func TestALateConnectionAsksAgain(t *testing.T) {
	for _, leading := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			l := newLab(t)
			a := l.access(ourID, "http://"+cloudHost)
			a.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
				time.Sleep(reconcile.EvidenceAge/2 + 1)
				return l.net.Dial(ctx, network, address)
			}
			c, err := hetzner.NewCloud(a, hetzner.NewSecret(hetznertest.Token))
			if err != nil {
				t.Fatal(err)
			}
			r := hetzner.NewFloatingIP(c, nil, hetzner.FloatingIPOptions{Address: netip.MustParseAddr(fipAddress), FloatingIP: "7", Server: ourID})
			var m map[string]any
			if err := json.Unmarshal(r.Memo(), &m); err != nil {
				t.Fatal(err)
			}
			m["target"] = fipID
			data, err := json.Marshal(m)
			if err != nil {
				t.Fatal(err)
			}
			recall(t, r, data)
			asked := 0
			_, err = r.Take(t.Context(), routetest.Now(), func(context.Context) bool { asked++; return leading })
			if (err == nil) != leading || asked != 1 || len(l.Mutations()) != map[bool]int{true: 1, false: 0}[leading] {
				t.Errorf("leading %v: %v, asked %d times, %d mutating calls", leading, err, asked, len(l.Mutations()))
			}
		})
	}
}

// TestALateConnectionBeforeAnUnassign: the guard stands before a call without parameters, too.
func TestALateConnectionBeforeAnUnassign(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		l.Script(assign, 1, hetznertest.Raw(422, `{"error":{"code":"floating_ip_assigned"}}`, "Connection", "close"))
		l.Script("GET ", 0, func(rw http.ResponseWriter, r *http.Request, honest http.HandlerFunc) {
			rw.Header().Set("Connection", "close")
			honest(rw, r)
		})
		asked := 0
		l.dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			if asked > 0 { // for the unassign
				time.Sleep(reconcile.EvidenceAge/2 + 1)
			}
			return l.net.Dial(ctx, network, address)
		}
		_, err := l.floatingIP(t, ourID).Take(t.Context(), routetest.Now(), func(context.Context) bool { asked++; return asked == 1 })
		if !errors.Is(err, reconcile.ErrNoLongerLeader) || asked != 2 || len(l.Mutations()) != 1 {
			t.Errorf("%v, asked %d times, calls %+v", err, asked, l.Mutations())
		}
	})
}

// TestQuota: what is left is known after each answer.
func TestQuota(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		s, err := l.floatingIP(t, ourID).Holder(t.Context())
		if err != nil || s.Quota == nil || *s.Quota != (reconcile.Quota{Limit: 3600, Remaining: 3599}) {
			t.Errorf("%+v, %v", s.Quota, err)
		}
		l.Exhaust()
		began := time.Now()
		if _, err := l.floatingIP(t, ourID).Take(t.Context(), routetest.Now(), leads); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took > 6*time.Second {
			t.Errorf("took %v with an empty bucket that gains one a second", took)
		}
	})
}
