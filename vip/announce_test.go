package vip

import (
	"errors"
	"os"
	"testing"
	"time"

	"github.com/mdlayher/packet"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/vipctl/vipctl/reconcile/policy"
)

func TestAnnounceOnTheWire(t *testing.T) {
	for _, prefix := range []string{"10.77.0.5/32", "fd00::5/128"} {
		t.Run(prefix, func(t *testing.T) {
			l, neighbour := newLAN(t), newHost(t)
			mac := l.plug(t, us, "eth0")
			l.plug(t, neighbour, "eth0")
			wire := neighbour.capture(t, "eth0")
			k := kernel(t, prefix, "eth0")
			must(t, k.Keep(in(time.Minute)))
			must(t, k.Announce())
			frames, err := announcement(k.addr(), mac)
			must(t, err)
			for _, f := range frames {
				waitFor(t, wire, f.bytes, time.Second)
			}
		})
	}
}

// The cache of a neighbour changes at once, also where its entry is younger than Linux's locktime
// of one second.
func TestAnnounceMovesTheNeighbours(t *testing.T) {
	for _, c := range []struct{ prefix, client string }{{"10.77.0.5/32", "10.77.0.9/24"}, {"fd00::5/128", "fd00::9/64"}} {
		t.Run(c.prefix, func(t *testing.T) {
			l, old, client := newLAN(t), newHost(t), newHost(t)
			mac := l.plug(t, us, "eth0")
			oldMAC := l.plug(t, old, "eth0")
			l.plug(t, client, "eth0")
			client.do(t, func() { addAddr(t, "eth0", c.client) })
			old.do(t, func() { addAddr(t, "eth0", c.prefix) })
			k := kernel(t, c.prefix, "eth0")
			addr := k.addr().String()

			client.poke(t, addr)
			eventually(t, "the client knows the old holder", 3*time.Second, func() bool {
				return client.neighbour(t, addr) == macOf(oldMAC)
			})
			young := time.Now()
			old.do(t, func() { delAddr(t, "eth0", c.prefix) })
			must(t, k.Keep(in(time.Minute)))
			must(t, k.Announce())
			eventually(t, "the client knows us", 500*time.Millisecond, func() bool {
				return client.neighbour(t, addr) == macOf(mac)
			})
			t.Logf("the entry changed when it was %v old", time.Since(young))
		})
	}
}

// On links without ARP nobody is told, and nobody is asked.
func TestLinksWithoutARP(t *testing.T) {
	if noKernel != "" {
		t.Skip(noKernel)
	}
	links := []string{"lo"}
	if err := netlink.LinkAdd(&netlink.Dummy{LinkAttrs: attrs("dummy0")}); err == nil { // not with every kernel
		t.Cleanup(func() { must(t, netlink.LinkDel(&netlink.Dummy{LinkAttrs: *linkOf(t, "dummy0")})) })
		linkUp(t, "dummy0")
		links = append(links, "dummy0")
	}
	if _, err := os.Stat("/dev/net/tun"); err == nil {
		tun := &netlink.Tuntap{LinkAttrs: attrs("tun0"), Mode: netlink.TUNTAP_MODE_TUN}
		if err := netlink.LinkAdd(tun); err == nil {
			t.Cleanup(func() { must(t, netlink.LinkDel(tun)) })
			linkUp(t, "tun0")
			links = append(links, "tun0")
		}
	}
	l := newLAN(t)
	for _, name := range []string{"eth0", "eth1"} {
		l.plug(t, us, name)
		must(t, netlink.LinkSetARPOff(&netlink.Dummy{LinkAttrs: *linkOf(t, name)}))
		links = append(links, name)
	}
	l.bridge.do(t, func() { linkDown(t, "port2") }) // eth1 has no carrier, as tun0, which nobody reads
	t.Log(links)
	for _, link := range links {
		for _, prefix := range []string{"10.77.0.5/32", "fd00::5/128"} {
			k := kernel(t, prefix, link)
			must(t, k.Keep(in(time.Minute)))
			must(t, k.Announce())
			claimants, err := k.Probe(t.Context(), 20*time.Millisecond)
			if err != nil || len(claimants) > 0 {
				t.Errorf("%s: %v %v", link, claimants, err)
			}
			must(t, k.Release())
		}
	}
	if got := linkOf(t, "eth0").Statistics; got.TxPackets > 20 {
		t.Errorf("%d frames sent", got.TxPackets)
	}
}

// A frame for a link without carrier is dropped without an error (seen on Linux 6.18), so that only
// the link can tell.
func TestAnnounceWithoutCarrier(t *testing.T) {
	for _, prefix := range []string{"10.77.0.5/32", "fd00::5/128"} {
		t.Run(prefix, func(t *testing.T) {
			l := newLAN(t)
			mac := l.plug(t, us, "eth0")
			neighbour := newHost(t)
			l.plug(t, neighbour, "eth0")
			wire := neighbour.capture(t, "eth0")
			k := kernel(t, prefix, "eth0")
			l.bridge.do(t, func() { linkDown(t, "port1") })
			eventually(t, "the link loses its carrier", 5*time.Second, func() bool {
				return linkOf(t, "eth0").OperState != netlink.OperUp
			})
			must(t, k.Keep(in(time.Minute)))
			want := "announce " + k.addr().String() + " on eth0: no carrier: network is down"
			if err := k.Announce(); !errors.Is(err, unix.ENETDOWN) || err.Error() != want {
				t.Errorf("%v, want %s", err, want)
			}
			if s, err := k.State(); err != nil || s.Presence != policy.PresenceYes {
				t.Errorf("the address is held all the same: %+v %v", s, err)
			}
			must(t, kernel(t, prefix, "eth0", routed).Announce()) // to nobody, as ever

			l.bridge.do(t, func() { linkUp(t, "port1"); carries(t, "port1") })
			carries(t, "eth0")
			must(t, k.Announce())
			frames, err := announcement(k.addr(), mac)
			must(t, err)
			waitFor(t, wire, frames[0].bytes, time.Second)
		})
	}
}

// A link on top of another (macvlan here: the test machine's kernel has no VLANs and bonds) and a
// bridge announce as any other does.
func TestAnnounceFromAMacvlan(t *testing.T) {
	l, neighbour := newLAN(t), newHost(t)
	l.plug(t, us, "eth0")
	l.plug(t, neighbour, "eth0")
	wire := neighbour.capture(t, "eth0")
	macvlan := attrs("eth0.100")
	macvlan.ParentIndex = linkOf(t, "eth0").Index
	must(t, netlink.LinkAdd(&netlink.Macvlan{LinkAttrs: macvlan, Mode: netlink.MACVLAN_MODE_BRIDGE}))
	linkUp(t, "eth0.100")
	carries(t, "eth0.100")
	promote(t, "eth0.100", "0") // a name with a dot in it
	announceAndWait(t, "eth0.100", wire)

	must(t, netlink.LinkDel(&netlink.Dummy{LinkAttrs: *linkOf(t, "eth0.100")}))
	must(t, netlink.LinkAdd(&netlink.Bridge{LinkAttrs: attrs("br0")}))
	t.Cleanup(func() { must(t, netlink.LinkDel(&netlink.Dummy{LinkAttrs: *linkOf(t, "br0")})) })
	must(t, netlink.LinkSetMasterByIndex(&netlink.Dummy{LinkAttrs: *linkOf(t, "eth0")}, linkOf(t, "br0").Index))
	linkUp(t, "br0")
	carries(t, "br0")
	announceAndWait(t, "br0", wire)
}

func announceAndWait(t *testing.T, link string, wire *packet.Conn) {
	t.Helper()
	k := kernel(t, "10.77.0.5/24", link)
	must(t, k.Keep(in(time.Minute)))
	must(t, k.Announce())
	frames, err := announcement(k.addr(), linkOf(t, link).HardwareAddr)
	must(t, err)
	waitFor(t, wire, frames[1].bytes, time.Second)
	must(t, k.Release())
}
