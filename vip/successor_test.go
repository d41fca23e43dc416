package vip

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mdlayher/ethernet"
	"github.com/mdlayher/packet"
	"github.com/vishvananda/netlink"

	"github.com/vipctl/vipctl/reconcile/policy"
)

var families = []string{"10.77.0.5/32", "fd00::5/128"}

func macOf(a net.HardwareAddr) policy.MAC { return policy.MAC(a.String()) }

func within(t testing.TB, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// A host that has the address replies to the first probe, also when no link here has any other
// address.
func TestSuccessorReplies(t *testing.T) {
	for _, prefix := range families {
		t.Run(prefix, func(t *testing.T) {
			l, successor := newLAN(t), newHost(t)
			l.plug(t, us, "eth0")
			mac := l.plug(t, successor, "eth0")
			successor.do(t, func() { addAddr(t, "eth0", prefix) })
			for _, held := range []bool{false, true} {
				k := kernel(t, prefix, "eth0")
				if held {
					must(t, k.Keep(in(time.Minute)))
				}
				began := time.Now()
				got, err := k.AwaitSuccessor(within(t, 5*time.Second), nil)
				if err != nil || got != macOf(mac) {
					t.Errorf("successor %q %v, want %s", got, err, mac)
				}
				t.Logf("held here too: %v, seen after %v", held, time.Since(began))
			}
		})
	}
}

// A claim that comes later is noticed when it is announced, or at the next probe.
func TestSuccessorAnnounces(t *testing.T) {
	for _, prefix := range families {
		t.Run(prefix, func(t *testing.T) {
			l, successor := newLAN(t), newHost(t)
			l.plug(t, us, "eth0")
			mac := l.plug(t, successor, "eth0")
			wire := successor.capture(t, "eth0")
			k := kernel(t, prefix, "eth0")
			must(t, k.Keep(in(time.Minute)))
			question, err := probe(k.addr(), linkOf(t, "eth0").HardwareAddr)
			must(t, err)
			found := make(chan policy.MAC)
			go func() {
				got, err := k.AwaitSuccessor(within(t, 5*time.Second), nil)
				if err != nil {
					t.Error(err)
				}
				found <- got
			}()
			// Two probes that nobody replies to come first.
			waitFor(t, wire, question.bytes, time.Second)
			waitFor(t, wire, question.bytes, time.Second)
			began := time.Now()
			successor.do(t, func() {
				theirs := New(Options{Clock: bootTime, Prefix: k.prefix, Interface: "eth0"})
				defer theirs.rtnl.close()
				must(t, theirs.Keep(in(time.Minute)))
				must(t, theirs.Announce())
			})
			if got := <-found; got != macOf(mac) {
				t.Errorf("successor %q, want %s", got, mac)
			}
			t.Logf("seen %v after the claim began", time.Since(began))
		})
	}
}

// A second link of ours on the same segment replies for the address of the first, and so may those
// to be ignored.
func TestSuccessorIsNoBystander(t *testing.T) {
	for _, prefix := range families {
		t.Run(prefix, func(t *testing.T) {
			l, proxy, other := newLAN(t), newHost(t), newHost(t)
			l.plug(t, us, "eth0")
			l.plug(t, us, "eth1")
			proxyMAC := l.plug(t, proxy, "eth0")
			k := kernel(t, prefix, "eth0")
			must(t, k.Keep(in(time.Minute)))
			if k.addr().Is6() {
				// For IPv6 Linux replies on the link that has the address only: here both have, as
				// a bridge would.
				must(t, kernel(t, prefix, "eth0").Release())
				addAddr(t, "eth1", prefix)
			}
			if got, err := k.AwaitSuccessor(within(t, 250*time.Millisecond), nil); got != "" || err != nil {
				t.Errorf("successor %q %v, want nobody", got, err)
			}
			proxy.do(t, func() { addAddr(t, "eth0", prefix) })
			ignore := []policy.MAC{"02:00:00:00:00:99", policy.MAC(strings.ToUpper(proxyMAC.String()))}
			if got, err := k.AwaitSuccessor(within(t, 250*time.Millisecond), ignore); got != "" || err != nil {
				t.Errorf("successor %q %v, want nobody", got, err)
			}
			mac := l.plug(t, other, "eth0")
			other.do(t, func() { addAddr(t, "eth0", prefix) })
			if got, err := k.AwaitSuccessor(within(t, 5*time.Second), ignore); got != macOf(mac) || err != nil {
				t.Errorf("successor %q %v, want %s", got, err, mac)
			}
			// With a budget of its own: the questions above may have spent theirs.
			claimants, err := kernel(t, prefix, "eth0").Probe(t.Context(), 300*time.Millisecond)
			want := []policy.MAC{macOf(mac), macOf(proxyMAC)}
			slices.Sort(want)
			if err != nil || !slices.Equal(claimants, want) {
				t.Errorf("claimants %v %v, want %v", claimants, err, want)
			}
		})
	}
}

// The second link really replies: if it did not, the test above would show nothing.
func TestSecondLinkReplies(t *testing.T) {
	l, asker := newLAN(t), newHost(t)
	first := l.plug(t, us, "eth0")
	second := l.plug(t, us, "eth1")
	l.plug(t, asker, "eth0")
	must(t, kernel(t, "10.77.0.5/32", "eth0").Keep(in(time.Minute)))
	want := []policy.MAC{macOf(first), macOf(second)}
	slices.Sort(want)
	var got []policy.MAC
	var err error
	asker.do(t, func() {
		k := New(Options{Clock: bootTime, Prefix: netip.MustParsePrefix("10.77.0.5/32"), Interface: "eth0"})
		defer k.rtnl.close()
		got, err = k.Probe(t.Context(), 150*time.Millisecond)
	})
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%v %v, want %v", got, err, want)
	}
}

func TestListeningEndsWithItsContext(t *testing.T) {
	newLAN(t).plug(t, us, "eth0")
	for _, prefix := range families {
		k := kernel(t, prefix, "eth0")
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			if got, err := k.AwaitSuccessor(ctx, nil); got != "" || err != nil {
				t.Errorf("successor %q, %v", got, err)
			}
		}()
		select {
		case <-ended:
			t.Error("ended by itself")
		case <-time.After(250 * time.Millisecond):
		}
		began := time.Now()
		cancel()
		<-ended
		if took := time.Since(began); took > 50*time.Millisecond {
			t.Errorf("ended %v after its context", took)
		}
	}
}

// A link that goes down and comes up again is listened on all the while; one that is removed is an
// error.
func TestSuccessorOnALinkThatFlaps(t *testing.T) {
	l, successor := newLAN(t), newHost(t)
	l.plug(t, us, "eth0")
	mac := l.plug(t, successor, "eth0")
	successor.do(t, func() { addAddr(t, "eth0", "10.77.0.5/32") })
	linkDown(t, "eth0")
	k := kernel(t, "10.77.0.5/32", "eth0")
	found := make(chan policy.MAC)
	go func() {
		got, err := k.AwaitSuccessor(within(t, 5*time.Second), nil)
		if err != nil {
			t.Error(err)
		}
		found <- got
	}()
	select {
	case got := <-found:
		t.Errorf("successor %q on a link that is down", got)
	case <-time.After(250 * time.Millisecond):
		linkUp(t, "eth0")
		if got := <-found; got != macOf(mac) {
			t.Errorf("successor %q, want %s", got, mac)
		}
	}

	gone := make(chan error)
	go func() {
		_, err := k.AwaitSuccessor(within(t, 5*time.Second), []policy.MAC{macOf(mac)})
		gone <- err
	}()
	select {
	case err := <-gone:
		t.Errorf("ended by itself: %v", err)
	case <-time.After(150 * time.Millisecond):
		must(t, netlink.LinkDel(&netlink.Dummy{LinkAttrs: *linkOf(t, "eth0")}))
		if err := <-gone; err == nil {
			t.Error("no error on a link that is gone")
		}
	}
}

// What must not be taken for a claim, and the next frame that is one.
func TestSuccessorIsNotFaked(t *testing.T) {
	for _, prefix := range families {
		t.Run(prefix, func(t *testing.T) {
			l, neighbour := newLAN(t), newHost(t)
			l.plug(t, us, "eth0")
			mac := l.plug(t, neighbour, "eth0")
			wire := neighbour.capture(t, "eth0")
			k := kernel(t, prefix, "eth0")
			lookalike, err := announcement(netip.MustParsePrefix(map[bool]string{true: "110.77.0.5/32", false: "fd00::1:5/128"}[k.addr().Is4()]).Addr(), mac)
			must(t, err)
			claim, err := announcement(k.addr(), mac)
			must(t, err)
			asking, err := probe(k.addr(), mac)
			must(t, err)
			ours, err := announcement(k.addr(), linkOf(t, "eth0").HardwareAddr)
			must(t, err)
			group := slices.Clone(claim[0].bytes)
			sender := map[bool]int{true: 22, false: 80}[k.addr().Is4()]
			group[sender] |= 1
			frames := append([]frame{asking, {claim[0].to, group}, {claim[0].to, tagged(t, claim[0].bytes, 100)}, {claim[0].to, claim[0].bytes[:30]}}, lookalike...)
			frames = append(frames, ours...)

			found := make(chan policy.MAC)
			listen := func(d time.Duration) {
				ctx := within(t, d)
				go func() {
					got, err := k.AwaitSuccessor(ctx, nil)
					if err != nil {
						t.Error(err)
					}
					found <- got
				}()
			}
			question, err := probe(k.addr(), linkOf(t, "eth0").HardwareAddr)
			must(t, err)
			listen(300 * time.Millisecond)
			waitFor(t, wire, question.bytes, time.Second)
			for _, f := range frames {
				_, err := wire.WriteTo(f.bytes, &packet.Addr{HardwareAddr: f.to})
				must(t, err)
			}
			if got := <-found; got != "" {
				t.Errorf("successor %q, want nobody", got)
			}
			for _, f := range append(claim, frame{claim[0].to, tagged(t, claim[0].bytes, 0)}) {
				wire := neighbour.capture(t, "eth0") // without the probes from before
				listen(5 * time.Second)
				waitFor(t, wire, question.bytes, time.Second)
				_, err := wire.WriteTo(f.bytes, &packet.Addr{HardwareAddr: f.to})
				must(t, err)
				if got := <-found; got != macOf(mac) {
					t.Errorf("successor %q, want %s", got, mac)
				}
			}
		})
	}
}

// tagged is the frame in a VLAN, 0 for none but a priority.
func tagged(t testing.TB, b []byte, id uint16) []byte {
	t.Helper()
	var f ethernet.Frame
	must(t, f.UnmarshalBinary(b))
	f.VLAN = &ethernet.VLAN{Priority: 5, ID: id}
	b, err := f.MarshalBinary()
	must(t, err)
	return b
}

func TestGatewayMAC(t *testing.T) {
	for _, c := range []struct{ vip, own, gateway, other string }{
		{"10.77.0.5/32", "10.77.0.1/24", "10.77.0.254", "10.77.0.253"},
		{"fd00::5/128", "fd00::1/64", "fd00::fe", "fd00::fd"},
	} {
		t.Run(c.vip, func(t *testing.T) {
			l := newLAN(t)
			l.plug(t, us, "eth0")
			l.plug(t, us, "eth1")
			addAddr(t, "eth0", c.own)
			k := kernel(t, c.vip, "eth0")
			want := func(mac policy.MAC) {
				t.Helper()
				if got, err := gatewayOn(t, k); got != mac || err != nil {
					t.Errorf("%q %v, want %q", got, err, mac)
				}
			}
			want("")
			index := linkOf(t, "eth0").Index
			for gateway, metric := range map[string]int{c.gateway: 100, c.other: 200} {
				must(t, netlink.RouteAdd(&netlink.Route{LinkIndex: index, Gw: net.ParseIP(gateway), Priority: metric}))
			}
			want("")
			mac := net.HardwareAddr{2, 0, 0, 0, 0, 0xfe}
			must(t, netlink.NeighSet(&netlink.Neigh{LinkIndex: index, IP: net.ParseIP(c.other), HardwareAddr: net.HardwareAddr{2, 0, 0, 0, 0, 0xfd}, State: netlink.NUD_STALE}))
			want("")
			must(t, netlink.NeighSet(&netlink.Neigh{LinkIndex: index, IP: net.ParseIP(c.gateway), HardwareAddr: mac, State: netlink.NUD_STALE}))
			want(macOf(mac))
			if got, err := gatewayOn(t, kernel(t, c.vip, "eth1")); got != "" || err != nil {
				t.Errorf("eth1: %q %v", got, err)
			}
		})
	}
}

func gatewayOn(t *testing.T, k *Kernel) (policy.MAC, error) {
	link, err := findLink(k.rtnl, k.link)
	must(t, err)
	return listener{k.address, link, k.rtnl, k.budget}.gatewayMAC()
}

// In clouds the default gateway replies for every address: it never took over.
func TestSuccessorIsNotTheGateway(t *testing.T) {
	const prefix, gateway = "10.77.0.5/32", "10.77.0.254"
	l, cloud := newLAN(t), newHost(t)
	l.plug(t, us, "eth0")
	mac := l.plug(t, cloud, "eth0")
	cloud.do(t, func() { addAddr(t, "eth0", prefix) })
	addAddr(t, "eth0", "10.77.0.1/24")
	index := linkOf(t, "eth0").Index
	must(t, netlink.RouteAdd(&netlink.Route{LinkIndex: index, Gw: net.ParseIP(gateway)}))
	must(t, netlink.NeighSet(&netlink.Neigh{LinkIndex: index, IP: net.ParseIP(gateway), HardwareAddr: mac, State: netlink.NUD_PERMANENT}))
	k := kernel(t, prefix, "eth0")
	if got, err := k.AwaitSuccessor(within(t, 400*time.Millisecond), nil); got != "" || err != nil {
		t.Errorf("successor %q %v, want nobody", got, err)
	}
}
