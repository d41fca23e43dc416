package hetzner_test

import (
	"context"
	"fmt"
	"net"
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

func TestChecksChangeNothing(t *testing.T) {
	type made struct {
		check func(l *lab, t *testing.T) []reconcile.Finding
		name  string
	}
	floating := made{func(l *lab, t *testing.T) []reconcile.Finding {
		return l.floatingIP(t, ourID).Check(t.Context()).Findings
	}, "floating"}
	alias := made{func(l *lab, t *testing.T) []reconcile.Finding { return l.aliasIP(t, ourID).Check(t.Context()).Findings }, "alias"}
	failover := made{func(l *lab, t *testing.T) []reconcile.Finding {
		return l.failover(t, ourID).Check(t.Context()).Findings
	}, "failover"}
	elsewhere := made{func(l *lab, t *testing.T) []reconcile.Finding {
		o := hetzner.FloatingIPOptions{Address: netip.MustParseAddr(fipAddress), Server: rivalID}
		return hetzner.NewFloatingIP(l.cloud(t, ourID), l.metadata(ourID), o).Check(t.Context()).Findings
	}, "another server"}
	wrongFamily := made{func(l *lab, t *testing.T) []reconcile.Finding {
		o := hetzner.FloatingIPOptions{Address: netip.MustParseAddr("2001:db8::1"), FloatingIP: "pg-vip"}
		return hetzner.NewFloatingIP(l.cloud(t, ourID), l.metadata(ourID), o).Check(t.Context()).Findings
	}, "another family"}
	for _, row := range []struct {
		made
		on    string
		fault hetznertest.Fault
		want  string // one finding
	}{
		{floating, "none", nil, "ok floating IP 7 (pg-vip) is 203.0.113.5 and covers 203.0.113.5"},
		{floating, "none", nil, "ok it is assigned to server 42"},
		{floating, "none", nil, "ok this is server 41"},
		{floating, "none", nil, "ok 3597 of 3600 calls are left to this project"},
		{floating, "", hetznertest.Refuse(401, "unauthorized"), "problem look for the floating IP"},
		{floating, "GET /hetzner", hetznertest.Reset(), "problem find this server's id"},
		{floating, "GET /floating_ips", hetznertest.Late(2 * time.Second), "warning the API answered within 2s"},
		{floating, "GET /servers", hetznertest.Refuse(404, "not_found"), "problem look at server 41: HTTP 404"},
		{elsewhere, "none", nil, "problem server 42 is configured, but this is server 41"},
		{wrongFamily, "none", nil, "problem floating IP pg-vip is 203.0.113.5, which is not 2001:db8::1"},
		{alias, "none", nil, "ok 10.0.1.100 is inside the network 4711"},
		{alias, "none", nil, "ok it is the alias of server 42"},
		{alias, "GET /networks", hetznertest.Refuse(403, "forbidden"), "problem look for the network"},
		{failover, "none", nil, "ok it is routed to 192.0.2.2; this server is 192.0.2.1"},
		{failover, "", hetznertest.Refuse(401, "UNAUTHORIZED"), "problem look at failover IP 198.51.100.7: HTTP 401"},
	} {
		t.Run(row.name+" "+row.want, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLab(t)
				times := 0
				l.Script(row.on, times, row.fault)
				found := row.check(l, t)
				if !has(found, row.want) {
					t.Errorf("found %q", found)
				}
				if n := len(l.Mutations()); n != 0 {
					t.Errorf("%d mutating calls", n)
				}
			})
		})
	}
}

func has(found []reconcile.Finding, want string) bool {
	for _, f := range found {
		if strings.HasPrefix(fmt.Sprintf("%s %s", f.Level, f.Text), want) {
			return true
		}
	}
	return false
}

// TestKernelVIPInACloudNetwork: nobody would hear its ARP frames, and nothing would say so.
func TestKernelVIPInACloudNetwork(t *testing.T) {
	for vip, want := range map[string]bool{"10.0.1.9": true, "::ffff:10.0.1.9": true, "10.0.2.9": false, "192.0.2.1": false, "2001:db8::1": false} {
		synctest.Test(t, func(t *testing.T) {
			l := newLab(t)
			asked := 0
			p := hetzner.New(hetzner.Options{Now: routetest.Now, Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
				if asked++; address != metaHost {
					t.Errorf("dials %s", address)
				}
				return l.net.Dial(ctx, network, metadataHost(ourID))
			}})
			for range 2 {
				if found := p.CheckWithoutRoute(t.Context(), netip.MustParseAddr(vip)); (len(found) == 1) != want {
					t.Errorf("%s: %q", vip, found)
				}
			}
			if asked != 1 {
				t.Errorf("asked %d times", asked)
			}
			elsewhere := hetzner.New(hetzner.Options{Now: routetest.Now, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
				return l.net.Dial(ctx, network, "127.0.0.9:9")
			}})
			if found := elsewhere.CheckWithoutRoute(t.Context(), netip.MustParseAddr(vip)); found != nil {
				t.Errorf("%s, not at Hetzner: %q", vip, found)
			}
		})
	}
}
