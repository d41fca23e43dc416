package vip

import (
	"errors"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/vipctl/vipctl/reconcile/policy"
)

func TestLinkMissing(t *testing.T) {
	newLAN(t).plug(t, us, "eth0")
	k := kernel(t, "10.77.0.5/32", "eth7")
	addAddr(t, "eth0", "10.77.0.5/32")
	s, err := k.State()
	if err != nil || s.Presence != policy.PresenceNo || s.Detail != "interface eth7: no such link, on eth0" {
		t.Errorf("%+v %v", s, err)
	}
	must(t, k.Release())
	_, listened := k.Probe(t.Context(), time.Minute)
	for name, err := range map[string]error{"hold": k.Keep(in(time.Minute)), "announce": k.Announce(), "listen": listened} {
		if !errors.Is(err, os.ErrNotExist) || err.Error() != "interface eth7: no such link" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := addrs(t, "eth0"); !slices.Equal(got, []string{"10.77.0.5/32"}) {
		t.Errorf("eth0 has %v", got)
	}
}

func TestLinkByAnyName(t *testing.T) {
	l := newLAN(t)
	mac := l.plug(t, us, "eth0")
	l.plug(t, us, "eth1")
	eth0 := &netlink.Dummy{LinkAttrs: *linkOf(t, "eth0")}
	must(t, netlink.LinkAddAltName(eth0, "uplink"))
	must(t, netlink.LinkAddAltName(eth0, "enx-a-name-of-more-than-fifteen-characters"))
	for _, name := range []string{"eth0", "uplink", "enx-a-name-of-more-than-fifteen-characters", mac.String(), strings.ToUpper(mac.String())} {
		k := kernel(t, "10.77.0.5/32", name)
		must(t, k.Keep(in(time.Minute)))
		if got := addrs(t, "eth0"); !slices.Equal(got, []string{"10.77.0.5/32"}) {
			t.Errorf("%s: %v", name, got)
		}
		must(t, k.Release())
	}

	// A link that was renamed is still found by its MAC, one that was replaced by its name.
	k := kernel(t, "10.77.0.5/32", mac.String())
	must(t, k.Keep(in(time.Minute)))
	must(t, netlink.LinkSetName(eth0, "wan0"))
	must(t, k.Release())
	if got := addrs(t, "wan0"); len(got) > 0 {
		t.Errorf("renamed: %v", got)
	}
	must(t, netlink.LinkSetName(eth0, "eth0"))

	// In a bridge or bond, the address goes on the master that has taken the port's MAC.
	bridge := attrs("br0")
	bridge.HardwareAddr = mac
	must(t, netlink.LinkAdd(&netlink.Bridge{LinkAttrs: bridge}))
	t.Cleanup(func() { must(t, netlink.LinkDel(&netlink.Dummy{LinkAttrs: *linkOf(t, "br0")})) })
	err := k.Keep(in(time.Minute))
	if err == nil || !strings.Contains(err.Error(), "several links have this MAC") {
		t.Errorf("two links with one MAC: %v", err)
	}
	must(t, netlink.LinkSetMasterByIndex(eth0, linkOf(t, "br0").Index))
	must(t, k.Keep(in(time.Minute)))
	if got := addrs(t, "br0"); !slices.Equal(got, []string{"10.77.0.5/32"}) {
		t.Errorf("bridge: %v", got)
	}
	if _, err := kernel(t, "10.77.0.5/32", "02:00:00:00:00:77").State(); err != nil {
		t.Error(err)
	}
}

func TestLinkByMAC(t *testing.T) {
	mac, other := net.HardwareAddr{2, 0, 0, 0, 0, 1}, net.HardwareAddr{2, 0, 0, 0, 0, 2}
	link := func(index int, name string, change func(*netlink.LinkAttrs)) netlink.Link {
		a := netlink.LinkAttrs{Index: index, Name: name, HardwareAddr: mac, NetNsID: -1}
		change(&a)
		return &netlink.Dummy{LinkAttrs: a}
	}
	as := func(*netlink.LinkAttrs) {}
	port := func(a *netlink.LinkAttrs) { a.MasterIndex = 4 }
	master := func(a *netlink.LinkAttrs) { a.HardwareAddr = other }
	onTop := func(a *netlink.LinkAttrs) { a.ParentIndex = 2 }
	bridge := func(a *netlink.LinkAttrs) { a.MasterIndex, a.HardwareAddr = 9, other }
	veth := func(a *netlink.LinkAttrs) { a.ParentIndex, a.NetNsID = 2, 0 } // of a link in another namespace
	for want, links := range map[string][]netlink.Link{
		"eth0":  {link(2, "eth0", as), link(3, "eth0.100", onTop), link(5, "br0", bridge)},
		"bond0": {link(2, "eth0", port), link(3, "eth1", port), link(4, "bond0", as)},
		"eth1":  {link(3, "eth1", port), &netlink.Vrf{LinkAttrs: netlink.LinkAttrs{Index: 4, Name: "blue", HardwareAddr: other}}},
		"interface 02:00:00:00:00:01: no such link":                                                        {link(5, "br0", bridge)},
		"interface 02:00:00:00:00:01: no such link but eth0, a port of the dummy d0: give that one's name": {link(2, "eth0", port), link(4, "d0", master)},
		"interface 02:00:00:00:00:01: several links have this MAC (eth0, veth0): give a name":              {link(2, "eth0", as), link(3, "veth0", veth)},
	} {
		got, err := linkByMAC(links, mac)
		if err != nil && err.Error() != want || err == nil && got.Name != want {
			t.Errorf("%+v %v, want %s", got, err, want)
		}
	}
}

func TestHasNeighbours(t *testing.T) {
	mac := net.HardwareAddr{2, 0, 0, 0, 0, 1}
	for name, c := range map[string]struct {
		link netlink.LinkAttrs
		want bool
	}{
		"Ethernet":   {netlink.LinkAttrs{HardwareAddr: mac, RawFlags: unix.IFF_UP | unix.IFF_BROADCAST | unix.IFF_MULTICAST}, true},
		"lo":         {netlink.LinkAttrs{HardwareAddr: make(net.HardwareAddr, 6), RawFlags: unix.IFF_UP | unix.IFF_LOOPBACK}, false},
		"dummy":      {netlink.LinkAttrs{HardwareAddr: mac, RawFlags: unix.IFF_UP | unix.IFF_BROADCAST | unix.IFF_NOARP}, false},
		"tun, wg":    {netlink.LinkAttrs{RawFlags: unix.IFF_UP | unix.IFF_POINTOPOINT | unix.IFF_NOARP}, false},
		"sit, ipip":  {netlink.LinkAttrs{HardwareAddr: make(net.HardwareAddr, 4), RawFlags: unix.IFF_UP}, false},
		"InfiniBand": {netlink.LinkAttrs{HardwareAddr: make(net.HardwareAddr, 20), RawFlags: unix.IFF_UP | unix.IFF_BROADCAST}, false},
	} {
		if got := hasNeighbours(&c.link); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
