package vip

import (
	"context"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/vipctl/vipctl/reconcile"
)

// What is found keeps a neighbour from the VIP indeed, and what the finding says mends it.
func TestFindingsAreTrue(t *testing.T) {
	conf := func(file, value string) func(*testing.T, host) {
		return func(t *testing.T, _ host) { setConf(t, file, value) }
	}
	for name, c := range map[string]struct {
		vip, own string
		spoil    func(t *testing.T, neighbour host)
		want     reconcile.Finding
		mend     func(t *testing.T, neighbour host)
	}{
		"no ARP": {"10.77.0.5/32", "10.77.0.1/24",
			func(t *testing.T, _ host) {
				must(t, netlink.LinkSetARPOff(&netlink.Dummy{LinkAttrs: *linkOf(t, "eth0")}))
			},
			reconcile.Finding{Level: reconcile.Problem, Text: "ARP is switched off on eth0: nobody there finds the VIP, or hears where it went; run: ip link set dev eth0 arp on"},
			func(t *testing.T, _ host) {
				must(t, netlink.LinkSetARPOn(&netlink.Dummy{LinkAttrs: *linkOf(t, "eth0")}))
			}},
		"no ARP, IPv6": {"fd00::5/128", "fd00::1/64",
			func(t *testing.T, _ host) {
				must(t, netlink.LinkSetARPOff(&netlink.Dummy{LinkAttrs: *linkOf(t, "eth0")}))
			},
			reconcile.Finding{Level: reconcile.Problem, Text: "ARP is switched off on eth0: nobody there finds the VIP, or hears where it went; run: ip link set dev eth0 arp on"},
			func(t *testing.T, _ host) {
				must(t, netlink.LinkSetARPOn(&netlink.Dummy{LinkAttrs: *linkOf(t, "eth0")}))
			}},
		"a bridge port": {"10.77.0.5/32", "10.77.0.1/24",
			func(t *testing.T, _ host) {
				must(t, netlink.LinkAdd(&netlink.Bridge{LinkAttrs: attrs("br0")}))
				t.Cleanup(func() { must(t, netlink.LinkDel(&netlink.Dummy{LinkAttrs: *linkOf(t, "br0")})) })
				must(t, netlink.LinkSetMasterByIndex(&netlink.Dummy{LinkAttrs: *linkOf(t, "eth0")}, linkOf(t, "br0").Index))
			},
			reconcile.Finding{Level: reconcile.Problem, Text: "eth0 is a port of the bridge br0, which takes its frames: set vips[].interface to br0"},
			func(t *testing.T, _ host) {
				must(t, kernel(t, "10.77.0.5/32", "eth0").Release())
				delAddr(t, "eth0", "10.77.0.1/24")
				addAddr(t, "br0", "10.77.0.1/24")
				linkUp(t, "br0")
				carries(t, "br0")
				must(t, kernel(t, "10.77.0.5/32", "br0").Keep(in(time.Minute)))
			}},
		"arp_ignore=8 of the link": {"10.77.0.5/32", "10.77.0.1/24", conf("ipv4/conf/eth0/arp_ignore", "8"),
			reconcile.Finding{Level: reconcile.Problem, Text: "net.ipv4.conf.eth0.arp_ignore is 8: this host tells nobody where the VIP is; run: sysctl -w net.ipv4.conf.eth0.arp_ignore=0"},
			conf("ipv4/conf/eth0/arp_ignore", "0")},
		"arp_ignore=8 of all": {"10.77.0.5/32", "10.77.0.1/24", conf("ipv4/conf/all/arp_ignore", "8"),
			reconcile.Finding{Level: reconcile.Problem, Text: "net.ipv4.conf.all.arp_ignore is 8: this host tells nobody where the VIP is; run: sysctl -w net.ipv4.conf.all.arp_ignore=0"},
			conf("ipv4/conf/all/arp_ignore", "0")},
		"arp_ignore=2 without a subnet": {"10.77.0.5/32", "10.77.0.1/32", conf("ipv4/conf/eth0/arp_ignore", "2"),
			reconcile.Finding{Level: reconcile.Problem, Text: "net.ipv4.conf.eth0.arp_ignore is 2: this host answers only hosts in the VIP's subnet, and no address on eth0 has one around 10.77.0.5; run: sysctl -w net.ipv4.conf.eth0.arp_ignore=1"},
			conf("ipv4/conf/eth0/arp_ignore", "1")},
		"in no subnet of the link": {"10.99.0.5/32", "10.77.0.1/24", func(*testing.T, host) {},
			reconcile.Finding{Level: reconcile.Warning, Text: "10.99.0.5 is in no subnet of eth0 (10.77.0.1/24), and no route there has it: only hosts that have a route to it on their link, and routers that do, find it; is it the right link, and the right address? where a provider routes it, set vips[].route"},
			func(t *testing.T, neighbour host) { neighbour.do(t, func() { addLinkRoute(t, "10.99.0.0/24") }) }},
	} {
		t.Run(name, func(t *testing.T) {
			l, neighbour := newLAN(t), newHost(t)
			l.plug(t, us, "eth0")
			l.plug(t, neighbour, "eth0")
			t.Cleanup(func() { setConf(t, "ipv4/conf/all/arp_ignore", "0") })
			neighbour.do(t, func() { addAddr(t, "eth0", "10.77.0.9/24"); addAddr(t, "eth0", "fd00::9/64") })
			addAddr(t, "eth0", c.own)
			addLinkRouteUnless(t, c.own, "10.77.0.0/24")
			c.spoil(t, neighbour)
			k := kernel(t, c.vip, "eth0")
			for _, when := range []string{"before it is claimed", "held"} {
				if got := k.Findings(); !slices.Equal(got, reconcile.Findings{c.want}) {
					t.Errorf("%s: %q, want %q", when, got, c.want)
				}
				must(t, k.Keep(in(time.Minute)))
			}
			if err := neighbour.reach(t, k.addr().String(), 300*time.Millisecond); err == nil {
				t.Error("the neighbour gets through all the same")
			}
			c.mend(t, neighbour)
			if err := neighbour.reach(t, k.addr().String(), 10*time.Second); err != nil {
				t.Errorf("after the mend: %v", err)
			}
		})
	}
}

// On a link that no route leaves by nobody gets an answer, whatever rp_filter says.
func TestNoRouteBack(t *testing.T) {
	for _, filter := range []string{"0", "1", "2"} {
		l, main, neighbour := newLAN(t), newLAN(t), newHost(t)
		main.plug(t, us, "eth0")
		l.plug(t, us, "eth1")
		l.plug(t, neighbour, "eth0")
		neighbour.do(t, func() { addAddr(t, "eth0", "10.77.0.9/24") })
		addAddr(t, "eth0", "10.66.0.1/24")
		addDefaultRoute(t, "10.66.0.254", "")
		setConf(t, "ipv4/conf/eth1/rp_filter", filter)
		k := kernel(t, "10.77.0.5/32", "eth1")
		const want = "no route leaves by eth1: answers to clients there leave by another link, where they may be dropped; " +
			"give eth1 an address or a route, or vips[].address the prefix length of its subnet"
		for range 2 {
			if got := k.Findings(); !slices.Equal(got, reconcile.Findings{{Level: reconcile.Warning, Text: want}}) {
				t.Errorf("rp_filter=%s: %q", filter, got)
			}
			must(t, k.Keep(in(time.Minute)))
		}
		if err := neighbour.reach(t, "10.77.0.5", 300*time.Millisecond); err == nil {
			t.Errorf("rp_filter=%s: the neighbour gets through all the same", filter)
		}
		must(t, kernel(t, "10.77.0.5/24", "eth1").Keep(in(time.Minute)))
		if err := neighbour.reach(t, "10.77.0.5", 10*time.Second); err != nil {
			t.Errorf("rp_filter=%s, after the mend: %v", filter, err)
		}
		for _, link := range []string{"eth0", "eth1"} {
			must(t, netlink.LinkDel(&netlink.Dummy{LinkAttrs: *linkOf(t, link)}))
		}
	}
}

// addLinkRouteUnless adds the route that an address with a prefix brings by itself.
func addLinkRouteUnless(t *testing.T, own, subnet string) {
	if strings.HasSuffix(own, "/32") {
		addLinkRoute(t, subnet)
	}
}

// reach connects to an address of ours, and tries anew for the given time: a neighbour that was not
// found is not asked for again at once.
func (h host) reach(t *testing.T, addr string, patience time.Duration) (err error) {
	t.Helper()
	server, err := net.Listen("tcp", ":0")
	must(t, err)
	defer server.Close()
	_, port, _ := net.SplitHostPort(server.Addr().String())
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	h.do(t, func() {
		for dialer := (net.Dialer{Timeout: 300 * time.Millisecond}); ; {
			var conn net.Conn
			if conn, err = dialer.DialContext(ctx, "tcp", net.JoinHostPort(addr, port)); err == nil {
				conn.Close()
				return
			}
			if ctx.Err() != nil {
				return
			}
		}
	})
	return err
}

// Where clients get through, nothing is said.
func TestNothingIsFound(t *testing.T) {
	for name, c := range map[string]struct {
		vip  string
		make func(t *testing.T)
		opts []func(*Options)
	}{
		"its subnet":                {"10.77.0.5/32", func(t *testing.T) { addAddr(t, "eth0", "10.77.0.1/24") }, nil},
		"with its prefix":           {"10.77.0.5/24", func(t *testing.T) { addAddr(t, "eth0", "10.77.0.1/24") }, nil},
		"IPv6":                      {"fd00::5/128", func(t *testing.T) { addAddr(t, "eth0", "fd00::1/64") }, nil},
		"arp_ignore=1":              {"10.77.0.5/32", func(t *testing.T) { addAddr(t, "eth0", "10.77.0.1/24"); setConf(t, "ipv4/conf/eth0/arp_ignore", "1") }, nil},
		"arp_ignore=2 in a subnet":  {"10.77.0.5/32", func(t *testing.T) { addAddr(t, "eth0", "10.77.0.1/24"); setConf(t, "ipv4/conf/eth0/arp_ignore", "2") }, nil},
		"arp_ignore=3":              {"10.77.0.5/32", func(t *testing.T) { addAddr(t, "eth0", "10.77.0.1/24"); setConf(t, "ipv4/conf/eth0/arp_ignore", "3") }, nil},
		"a route on the link":       {"10.77.0.5/32", func(t *testing.T) { addAddr(t, "eth0", "10.66.0.1/24"); addLinkRoute(t, "10.77.0.0/24") }, nil},
		"a host with /32 addresses": {"10.77.0.5/32", func(t *testing.T) { addAddr(t, "eth0", "10.66.0.1/32"); addLinkRoute(t, "10.77.0.0/24") }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			l, neighbour := newLAN(t), newHost(t)
			l.plug(t, us, "eth0")
			l.plug(t, neighbour, "eth0")
			neighbour.do(t, func() { addAddr(t, "eth0", "10.77.0.9/24"); addAddr(t, "eth0", "fd00::9/64") })
			c.make(t)
			k := kernel(t, c.vip, "eth0", c.opts...)
			if strings.Contains(name, "a route") {
				// The neighbour's packets must find their way back.
				setConf(t, "ipv4/conf/eth0/rp_filter", "0")
			}
			for range 2 {
				if got := k.Findings(); len(got) > 0 {
					t.Errorf("found %q", got)
				}
				must(t, k.Keep(in(time.Minute)))
			}
			if err := neighbour.reach(t, k.addr().String(), 10*time.Second); err != nil {
				t.Error(err)
			}
		})
	}
}

// What a provider routes needs no ARP and no subnet; lo and dummies are reached by other links.
func TestNothingIsFoundWhereNobodyAsks(t *testing.T) {
	newLAN(t).plug(t, us, "eth0")
	addAddr(t, "eth0", "10.66.0.1/24")
	setConf(t, "ipv4/conf/eth0/arp_ignore", "8")
	for _, k := range []*Kernel{kernel(t, "10.77.0.5/32", "eth0", routed), kernel(t, "10.77.0.5/32", "lo")} {
		if got := k.Findings(); len(got) > 0 {
			t.Errorf("%s: found %q", k.link, got)
		}
	}
}

// A host that speaks from the VIP, an address of its own, and what Look reports are findings too.
func TestMoreFindings(t *testing.T) {
	for name, c := range map[string]struct {
		vip   string
		make  func(t *testing.T)
		level reconcile.Level
		want  string
	}{
		"no address in its subnet": {"10.77.0.5/24", func(t *testing.T) { addAddr(t, "eth0", "10.66.0.1/24") }, reconcile.Warning,
			"no address of this host's own on eth0 is in 10.77.0.0/24: it speaks to that subnet from the VIP, and such connections end when the VIP moves; set vips[].address to 10.77.0.5, or give the link an address with /24"},
		"before the host's own": {"10.77.0.5/24", func(t *testing.T) {
			must(t, kernel(t, "10.77.0.5/24", "eth0").Keep(in(time.Minute)))
			addAddr(t, "eth0", "10.77.0.1/24")
		}, reconcile.Warning, "the VIP came before this host's own address in 10.77.0.0/24, which therefore speaks from the VIP until that is renewed"},
		"the host's own": {"10.77.0.1/32", func(t *testing.T) { addAddr(t, "eth0", "10.77.0.1/24") }, reconcile.Problem, "10.77.0.1/24 is this host's own address, as it seems "},
		"IPv6 is off":    {"fd00::5/128", func(t *testing.T) { setConf(t, "ipv6/conf/eth0/disable_ipv6", "1") }, reconcile.Problem, "IPv6 is disabled on eth0: run: sysctl -w net.ipv6.conf.eth0.disable_ipv6=0"},
		"another prefix": {"10.77.0.5/32", func(t *testing.T) {
			addAddr(t, "eth0", "10.77.0.1/24")
			addAddr(t, "eth0", "10.77.0.5/24")
		}, reconcile.Warning, "as /24"},
		"no such link": {"10.77.0.5/32", func(t *testing.T) { must(t, netlink.LinkDel(&netlink.Dummy{LinkAttrs: *linkOf(t, "eth0")})) }, reconcile.Warning, "interface eth0: no such link"},
	} {
		t.Run(name, func(t *testing.T) {
			newLAN(t).plug(t, us, "eth0")
			c.make(t)
			got := kernel(t, c.vip, "eth0").Findings()
			if len(got) != 1 || got[0].Level != c.level || !strings.HasPrefix(got[0].Text, c.want) {
				t.Errorf("%q, want %s: %q", got, c.level, c.want)
			}
		})
	}
}

// The test machine's kernel has no VRFs, bonds and teams.
func TestMasters(t *testing.T) {
	port := &netlink.LinkAttrs{Index: 2, Name: "eth0", MasterIndex: 4}
	on := netlink.LinkAttrs{Index: 4, Name: "m0"}
	for want, master := range map[string]netlink.Link{
		"problem: eth0 is a port of the bond m0, which takes its frames: set vips[].interface to m0":                                                                       &netlink.Bond{LinkAttrs: on},
		"problem: eth0 is a port of the team m0, which takes its frames: set vips[].interface to m0":                                                                       &netlink.GenericLink{LinkAttrs: on, LinkType: "team"},
		"problem: eth0 is a port of the bridge m0, which takes its frames: set vips[].interface to m0":                                                                     &netlink.Bridge{LinkAttrs: on},
		"warning: eth0 is a port of the vrf m0: PostgreSQL has to run in it (ip vrf exec m0 ...), or with net.ipv4.tcp_l3mdev_accept=1, else nobody reaches it by the VIP": &netlink.Vrf{LinkAttrs: on},
	} {
		var found reconcile.Findings
		findMaster(&found, "eth0", masterOf(port, []netlink.Link{&netlink.Dummy{LinkAttrs: *port}, master}))
		if len(found) != 1 || string(found[0].Level)+": "+found[0].Text != want {
			t.Errorf("%q, want %q", found, want)
		}
	}
	var found reconcile.Findings
	findMaster(&found, "eth1", masterOf(&netlink.LinkAttrs{Index: 3, Name: "eth1"}, nil))
	if len(found) > 0 {
		t.Errorf("of no port: %q", found)
	}
}

func TestDotted(t *testing.T) {
	for link, want := range map[string]string{"eth0": "net.ipv4.conf.eth0.arp_ignore", "eth0.100": "net/ipv4/conf/eth0.100/arp_ignore"} {
		if got := dotted(linkConf("ipv4", link, "arp_ignore")); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
