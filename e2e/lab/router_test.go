package lab

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vipctl/vipctl/hetzner"
	"github.com/vipctl/vipctl/hetzner/hetznertest"
	"github.com/vipctl/vipctl/reconcile"

	"github.com/vipctl/vipctl/reconcile/policy"
)

// routed connects a lab whose nodes run nothing but a server on PostgreSQL's port, which says whose
// it is.
func routed(t *testing.T, p Product) *Lab {
	t.Helper()
	if err := Lacks(); err != nil {
		t.Skip(err)
	}
	l := newLab(Options{Hetzner: p})
	t.Cleanup(func() {
		if err := l.Down(); err != nil {
			t.Error(err)
		}
	})
	if err := errors.Join(l.makeHome(t.Context()), l.connect(t.Context())); err != nil {
		t.Fatal(err)
	}
	l.Hetzner.World.Pace(10*time.Millisecond, 100*time.Millisecond, 100*time.Millisecond)
	for _, n := range l.Nodes {
		host := &endpoint{ns: n.NS, address: ":5432", handler: http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(rw, n.Name)
		})}
		if err := errors.Join(n.Addresses.AddVIP(), host.up()); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(host.down)
	}
	return l
}

// whose asks from the client who answers at the address, "" for nobody.
func whose(t *testing.T, l *Lab, address string) string {
	t.Helper()
	client := l.Clients.Plain.httpClient()
	client.Timeout = time.Second
	resp, err := client.Get("http://" + address + ":5432/")
	if err != nil {
		return ""
	}
	defer resp.Body.Close()
	name, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Error(err)
	}
	return string(name)
}

// route is the product's client as it would run on the node.
func route(t *testing.T, l *Lab, n *Node) reconcile.Route {
	t.Helper()
	began := time.Now()
	access := hetzner.Access{Endpoint: "http://" + apiAddress, UserAgent: "any", Dial: n.NS.Dial, Now: func() policy.Moment { return policy.SinceBoot(time.Since(began)) }}
	vip := netip.MustParseAddr(l.VIP)
	if l.opts.Hetzner == FailoverIP {
		robot, err := hetzner.NewRobot(access, hetznertest.User, hetzner.NewSecret(hetznertest.Password))
		if err != nil {
			t.Fatal(err)
		}
		r, err := hetzner.NewFailover(robot, hetzner.FailoverOptions{Address: vip, Server: netip.MustParseAddr(n.Addr)})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	cloud, err := hetzner.NewCloud(access, hetzner.NewSecret(hetznertest.Token))
	if err != nil {
		t.Fatal(err)
	}
	access.Endpoint = ""
	meta := hetzner.NewMetadata(access)
	if l.opts.Hetzner == AliasIP {
		return hetzner.NewAliasIP(cloud, meta, hetzner.AliasIPOptions{Address: vip, Network: networkName})
	}
	return hetzner.NewFloatingIP(cloud, meta, hetzner.FloatingIPOptions{Address: vip, FloatingIP: floatingName})
}

// Every node has the VIP on its link here: what decides is the API alone.
func TestTrafficFollowsTheAPI(t *testing.T) {
	for p, mutations := range map[Product][]int{FloatingIP: {1, 1}, AliasIP: {1, 2}, FailoverIP: {1, 1}} {
		t.Run(string(p), func(t *testing.T) {
			t.Parallel()
			l := routed(t, p)
			if got := whose(t, l, l.Nodes[2].Addr); got != "n3" {
				t.Fatalf("%q answers at n3's own address", got)
			}
			for i, n := range []*Node{l.Nodes[1], l.Nodes[2]} {
				began := time.Now()
				if _, err := route(t, l, n).Take(t.Context(), policy.Moment{}, func(context.Context) bool { return true }); err != nil {
					t.Fatal(err)
				}
				if got := whose(t, l, l.VIP); got != n.Name {
					t.Errorf("%q answers at the VIP that %s has", got, n.Name)
				}
				calls := l.Hetzner.Calls(began)
				if len(calls.Mutating()) != mutations[i] || !slices.Equal(calls, calls.By(n.Name)) {
					t.Errorf("%v for %s, want %d mutating: %v", calls, n.Name, mutations[i], []hetznertest.Call(calls))
				}
				if err := l.Hetzner.routesTo(n.Name); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func TestAPIOutage(t *testing.T) {
	t.Parallel()
	l := routed(t, FloatingIP)
	n := l.Nodes[1]
	r := route(t, l, n)
	take := func() error {
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		_, err := r.Take(ctx, policy.Moment{}, func(context.Context) bool { return true })
		return err
	}
	l.Hetzner.Down()
	if err := take(); err == nil {
		t.Error("the route was taken without an API")
	}
	if calls := l.Hetzner.Calls(time.Time{}).only(func(c hetznertest.Call) bool { return strings.HasPrefix(c.Path, "/floating_ips") }); len(calls) > 0 {
		t.Errorf("%v reached an API that is down", calls)
	}
	if err := l.Hetzner.Up(); err != nil {
		t.Fatal(err)
	}
	end := l.Hetzner.Hang()
	if err := take(); err == nil {
		t.Error("the route was taken with an API that hangs")
	}
	end()
	if err := take(); err != nil {
		t.Fatal(err)
	}
	if got := whose(t, l, l.VIP); got != n.Name {
		t.Errorf("%q answers at the VIP that %s has", got, n.Name)
	}
	l.Hetzner.World.Assign(floatingID, 0)
	if got := whose(t, l, l.VIP); got != "" {
		t.Errorf("%q answers at the VIP that nobody has", got)
	}
	moves := l.Hetzner.Moves()
	if len(moves) != 2 || moves[0].Node != n.Name || moves[1].Node != "" {
		t.Errorf("got %+v, want a move to %s and one to nobody", moves, n.Name)
	}
}
