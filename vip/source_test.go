package vip

import (
	"net"
	"net/netip"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/reconcile/policy"
)

// Whatever came first, and whichever way the host's routes go, it does not speak from an IPv4 VIP
// unless it is asked to.
func TestNeverTheSource(t *testing.T) {
	var (
		own32   = func(t *testing.T) { addAddr(t, "eth0", "10.77.0.1/32") }
		own24   = func(t *testing.T) { addAddr(t, "eth0", "10.77.0.1/24") }
		hold32  = func(t *testing.T) { must(t, kernel(t, "10.77.0.5/32", "eth0").Keep(in(time.Minute))) }
		hold24  = func(t *testing.T) { must(t, kernel(t, "10.77.0.5/24", "eth0").Keep(in(time.Minute))) }
		down    = func(t *testing.T) { linkDown(t, "eth0") }
		up      = func(t *testing.T) { linkUp(t, "eth0"); carries(t, "eth0") }
		gateway = func(t *testing.T) { addDefaultRoute(t, "10.77.0.254", "") }
		onLink  = func(t *testing.T) { addLinkRoute(t, "10.77.0.0/24") }
		source  = func(t *testing.T) { addDefaultRoute(t, "10.77.0.254", "10.77.0.1") }
		others  = func(t *testing.T) { addAddr(t, "eth0", "10.77.0.5/32") } // as keepalived adds it
		others0 = func(t *testing.T) { addAddr(t, "eth0", "10.77.0.5/24") }
		peer    = func(t *testing.T) { must(t, kernel(t, "10.77.0.6/32", "eth0").Keep(in(time.Minute))) }
		steps   = func(steps ...func(*testing.T)) []func(*testing.T) { return steps }
	)
	for name, steps := range map[string][]func(*testing.T){
		"own /32 last":                       steps(hold32, own32, gateway),
		"own /32 first":                      steps(own32, hold32, gateway),
		"own /32 last, its subnet on link":   steps(hold32, own32, onLink, gateway),
		"own /32 last, a route with src":     steps(hold32, own32, source),
		"own /24 last":                       steps(hold32, own24, gateway),
		"own /24 first":                      steps(own24, hold32, gateway),
		"VIP /24 second":                     steps(own24, hold24, gateway),
		"VIP /24 first, and renewed":         steps(hold24, own24, gateway, hold24),
		"two VIPs before own /32":            steps(peer, hold32, own32, gateway),
		"left by keepalived, own /32 last":   steps(others, own32, gateway, hold32),
		"left by keepalived, VIP /24":        steps(own24, others0, gateway, hold24),
		"claimed while the link was down":    steps(down, hold32, own32, up, gateway),
		"claimed after ifdown, VIP /24":      steps(down, hold24, own24, up, gateway, hold24),
		"own /24 last, link down meanwhile":  steps(down, hold32, own24, up, gateway),
		"renewed after the host's own moved": steps(own32, hold32, gateway, func(t *testing.T) { delAddr(t, "eth0", "10.77.0.1/32"); own32(t) }, hold32),
	} {
		t.Run(name, func(t *testing.T) {
			newLAN(t).plug(t, us, "eth0")
			for _, step := range steps {
				step(t)
			}
			for _, to := range []string{"10.77.0.254", "10.77.0.9", "10.88.0.9"} {
				if got := sourceTo(t, to); got != "10.77.0.1" {
					t.Errorf("speaks to %s from %s; there are %v", to, got, addrs(t, "eth0"))
				}
			}
		})
	}
}

// sourceTo is the source that the kernel would choose, `ip route get ADDRESS`.
func sourceTo(t *testing.T, to string) string {
	t.Helper()
	routes, err := netlink.RouteGet(netip.MustParseAddr(to).AsSlice())
	must(t, err)
	return routes[0].Src.String()
}

// addLinkRoute is `ip route add SUBNET dev eth0 scope link`.
func addLinkRoute(t *testing.T, subnet string) {
	t.Helper()
	r := &netlink.Route{LinkIndex: linkOf(t, "eth0").Index, Dst: addrOf(t, subnet).IPNet, Scope: unix.RT_SCOPE_LINK}
	must(t, netlink.RouteAdd(r))
}

// Clients reach such an address from their own subnet, from another one and from the host itself,
// and an answer, or whoever binds it, speaks from it.
func TestNarrowScopeIsReached(t *testing.T) {
	for _, c := range []struct{ key, value string }{
		{"arp_ignore", "0"}, {"arp_ignore", "1"}, {"arp_ignore", "3"}, {"arp_announce", "1"}, {"arp_announce", "2"}, {"rp_filter", "1"},
	} {
		t.Run(c.key+"="+c.value, func(t *testing.T) {
			l, router, near, far := newLAN(t), newHost(t), newHost(t), newHost(t)
			outside := newLAN(t)
			l.plug(t, us, "eth0")
			l.plug(t, near, "eth0")
			l.plug(t, router, "eth0")
			outside.plug(t, router, "eth1")
			outside.plug(t, far, "eth0")
			setConf(t, "ipv4/conf/eth0/"+c.key, c.value)
			router.do(t, func() {
				addAddr(t, "eth0", "10.77.0.254/24")
				addAddr(t, "eth1", "10.88.0.254/24")
				setConf(t, "ipv4/ip_forward", "1")
			})
			near.do(t, func() { addAddr(t, "eth0", "10.77.0.9/24") })
			far.do(t, func() { addAddr(t, "eth0", "10.88.0.9/24"); addDefaultRoute(t, "10.88.0.254", "") })

			k := kernel(t, "10.77.0.5/32", "eth0")
			must(t, k.Keep(in(time.Minute)))
			addAddr(t, "eth0", "10.77.0.1/32")
			addDefaultRoute(t, "10.77.0.254", "")
			must(t, k.Keep(in(time.Minute)))
			for _, client := range []host{near, far, us} {
				ping(t, dialEcho(t, client, "10.77.0.5"))
			}
			if got := sourceTo(t, "10.88.0.9"); got != "10.77.0.1" {
				t.Errorf("speaks from %s", got)
			}
			wantBound(t, far)
		})
	}
}

// wantBound: who binds the VIP speaks from it.
func wantBound(t *testing.T, far host) {
	t.Helper()
	var server net.PacketConn
	far.do(t, func() {
		var err error
		server, err = net.ListenPacket("udp", "10.88.0.9:7")
		must(t, err)
	})
	defer server.Close()
	conn, err := net.DialUDP("udp", &net.UDPAddr{IP: net.IP{10, 77, 0, 5}}, &net.UDPAddr{IP: net.IP{10, 88, 0, 9}, Port: 7})
	must(t, err)
	defer conn.Close()
	_, err = conn.Write([]byte("x"))
	must(t, err)
	must(t, server.SetReadDeadline(time.Now().Add(5*time.Second)))
	_, from, err := server.ReadFrom(make([]byte, 1))
	must(t, err)
	if got := from.(*net.UDPAddr).IP.String(); got != "10.77.0.5" {
		t.Errorf("from %s", got)
	}
}

func setConf(t testing.TB, file, value string) {
	t.Helper()
	must(t, os.WriteFile("/proc/sys/net/"+file, []byte(value), 0))
}

// When a VIP gives way to the host's own address in their subnet, whatever goes by that stays:
// routes, and sessions of both.
func TestGivingWayCostsNothing(t *testing.T) {
	l, client := newLAN(t), newHost(t)
	l.plug(t, us, "eth0")
	l.plug(t, client, "eth0")
	client.do(t, func() { addAddr(t, "eth0", "10.77.0.9/24") })
	promote(t, "eth0", "0")
	k := kernel(t, "10.77.0.5/24", "eth0")
	must(t, k.Keep(in(time.Minute)))
	addAddr(t, "eth0", "10.77.0.1/24")
	addDefaultRoute(t, "10.77.0.254", "")
	if got := sourceTo(t, "10.88.0.9"); got != "10.77.0.5" {
		t.Fatalf("speaks from %s already: this shows nothing", got)
	}
	toVIP, toOwn := dialEcho(t, client, "10.77.0.5"), dialEcho(t, client, "10.77.0.1")
	must(t, k.Keep(in(time.Minute)))
	if got := sourceTo(t, "10.88.0.9"); got != "10.77.0.1" {
		t.Errorf("speaks from %s", got)
	}
	ping(t, toVIP)
	ping(t, toOwn)
	if got := addrs(t, "eth0"); !slices.Equal(got, []string{"10.77.0.1/24", "10.77.0.5/24"}) {
		t.Errorf("%v", got)
	}
}

// ifdown and ifup of a leader's link, as ifupdown does them: the VIP is claimed while the link is
// down, so that it is there before the host's own address, and the host speaks from its own all the
// same.
func TestIfdownAndIfupInTheEngine(t *testing.T) {
	for _, prefix := range []string{"10.77.0.5/32", "10.77.0.5/24"} {
		t.Run(prefix, func(t *testing.T) {
			newLAN(t).plug(t, us, "eth0")
			addAddr(t, "eth0", "10.77.0.1/24")
			d := newDesk(func(d *desk) reconcile.Address {
				return kernel(t, prefix, "eth0", func(o *Options) { o.Clock = d.Now })
			})
			d.answer = policy.Leader
			d.wants(t, "promoted", policy.PresenceYes, "claim address_missing")
			for _, a := range addrs(t, "eth0") {
				delAddr(t, "eth0", a)
			}
			linkDown(t, "eth0")
			d.wants(t, "ifdown", policy.PresencePartly, "claim address_missing: announce 10.77.0.5 on eth0: network is down")
			addAddr(t, "eth0", "10.77.0.1/24")
			linkUp(t, "eth0")
			carries(t, "eth0")
			addDefaultRoute(t, "10.77.0.254", "")
			d.wants(t, "ifup", policy.PresenceYes, "claim claim_cut_short")
			if got := sourceTo(t, "10.88.0.9"); got != "10.77.0.1" {
				t.Errorf("speaks from %s; there are %v", got, addrs(t, "eth0"))
			}
		})
	}
}

// What keepalived left is taken over with its sessions, although the kernel has to be given it anew
// for its scope.
func TestTakeOverKeepsSessions(t *testing.T) {
	l, client := newLAN(t), newHost(t)
	l.plug(t, us, "eth0")
	l.plug(t, client, "eth0")
	client.do(t, func() { addAddr(t, "eth0", "10.77.0.9/24") })
	addAddr(t, "eth0", "10.77.0.1/24")
	addAddr(t, "eth0", "10.77.0.5/32")
	conn := dialEcho(t, client, "10.77.0.5")
	k := kernel(t, "10.77.0.5/32", "eth0")
	if s, err := k.State(); err != nil || s.Presence != policy.PresenceYes || s.Detail != "" {
		t.Errorf("before: %+v %v", s, err)
	}
	must(t, k.Keep(in(time.Minute)))
	if got := copyOf(t, "eth0", "10.77.0.5"); got.Scope != unix.RT_SCOPE_HOST || endless(got) {
		t.Errorf("held as %+v", got)
	}
	ping(t, conn)
}
