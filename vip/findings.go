package vip

import (
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/reconcile/policy"
)

// inspection is a survey with what was found beside it. Each of its find methods adds at most one
// finding, with the setting or command that mends it.
type inspection struct {
	survey
	found reconcile.Findings
}

// inspect finds what keeps clients from the address. Nobody on the link asks for a routed address,
// so that only the host's own settings count for it.
func inspect(own ownership, now policy.Moment, routed bool) reconcile.Findings {
	i := inspection{survey: own.survey}
	state := stateOf(own, now)
	switch {
	case i.link != nil && i.found.Failed(own.refuse()):
		return i.found
	case state.Detail != "":
		i.found.Add(reconcile.Warning, "%s", state.Detail)
	}
	if i.link == nil {
		return i.found
	}
	link, err := i.rtnl.handle.LinkByIndex(i.link.Index)
	if err != nil {
		return i.found
	}
	if links, err := i.rtnl.links(); err == nil {
		findMaster(&i.found, i.link.Name, masterOf(i.link, links))
	}
	if why := noIPv6(i.addr(), i.link.Name); why != "" {
		i.found.Add(reconcile.Problem, "%s", why)
	}
	i.findSource()
	if !routed {
		i.findARP(link)
		i.findIgnored()
		i.findSubnet()
		i.findReturn()
	}
	return i.found
}

// findMaster finds links that get no frames of their own, and those that only some programs receive
// from.
func findMaster(found *reconcile.Findings, link string, m master) {
	switch {
	case m.kind == "":
	case m.kind != vrf:
		found.Add(reconcile.Problem, "%s is %s, which takes its frames: set vips[].interface to %s", link, m, m.name)
	case sysctl("ipv4/tcp_l3mdev_accept") == 0:
		found.Add(reconcile.Warning, "%s is %s: PostgreSQL has to run in it (ip vrf exec %s ...), or with net.ipv4.tcp_l3mdev_accept=1, else nobody reaches it by the VIP", link, m, m.name)
	}
}

// findSource finds where the host speaks from a VIP with a prefix, because it has no address of its
// own in that subnet, or because that came later.
func (i *inspection) findSource() {
	subnet := i.prefix.Masked()
	alone := !slices.ContainsFunc(i.beside, func(a netlink.Addr) bool {
		return !marked(a) && bits(a) == i.prefix.Bits() && i.ipNet().Contains(a.IP)
	})
	switch {
	case i.addr().Is6(), i.prefix.Bits() == 32:
	case alone:
		i.found.Add(reconcile.Warning, "no address of this host's own on %s is in %s: it speaks to that subnet from the VIP, and such connections end when the VIP moves; "+
			"set vips[].address to %s, or give the link an address with /%d", i.link.Name, subnet, i.addr(), i.prefix.Bits())
	case slices.ContainsFunc(i.here, i.ahead):
		i.found.Add(reconcile.Warning, "the VIP came before this host's own address in %s, which therefore speaks from the VIP until that is renewed", subnet)
	}
}

// findARP finds Ethernet links whose ARP is switched off. Dummies and tunnels have no ARP by
// nature, and are reached by other links or by routes.
func (i *inspection) findARP(link netlink.Link) {
	a := link.Attrs()
	const ethernet = unix.IFF_BROADCAST | unix.IFF_NOARP
	if a.RawFlags&ethernet == ethernet && len(a.HardwareAddr) == 6 && link.Type() != "dummy" {
		i.found.Add(reconcile.Problem, "ARP is switched off on %s: nobody there finds the VIP, or hears where it went; run: ip link set dev %s arp on", a.Name, a.Name)
	}
}

// findIgnored finds where the kernel does not reply to who asks for the address
// (Documentation/networking/ip-sysctl.rst, arp_ignore). Value 1 does no harm: it wants the address
// on the link that the question came by, and there it is. Value 3 is met by the scope, see
// [scopeOf].
func (i *inspection) findIgnored() {
	if i.addr().Is6() || !hasNeighbours(i.link) {
		return
	}
	switch key, value := arpIgnore(i.link.Name); {
	case value == 8:
		i.found.Add(reconcile.Problem, "%s is 8: this host tells nobody where the VIP is; run: sysctl -w %s=0", dotted(key), dotted(key))
	case value == 2 && len(i.around()) == 0:
		i.found.Add(reconcile.Problem, "%s is 2: this host answers only hosts in the VIP's subnet, and no address on %s has one around %s; run: sysctl -w %s=1",
			dotted(key), i.link.Name, i.addr(), dotted(key))
	}
}

// findSubnet finds an address that no host on the link would ask for there.
func (i *inspection) findSubnet() {
	var subnets []string
	for _, a := range i.beside {
		if ones := bits(a); ones < i.addr().BitLen() && !a.IP.IsLinkLocalUnicast() && !marked(a) {
			subnets = append(subnets, a.IPNet.String())
		}
	}
	if !hasNeighbours(i.link) || len(subnets) == 0 || len(i.around()) > 0 || i.routeTo() {
		return
	}
	i.found.Add(reconcile.Warning, "%s is in no subnet of %s (%s), and no route there has it: only hosts that have a route to it on their link, and routers that do, find it; "+
		"is it the right link, and the right address? where a provider routes it, set vips[].route", i.addr(), i.link.Name, strings.Join(subnets, ", "))
}

// findReturn finds a link that the host's replies do not leave by: other links have routes, and
// this one has none. With rp_filter=1 the kernel does not even reply to who asks for the address
// there (net/ipv4/fib_frontend.c, fib_validate_source).
func (i *inspection) findReturn() {
	if i.addr().Is6() || i.prefix.Bits() < 32 || !hasNeighbours(i.link) || len(i.routes()) > 0 {
		return
	}
	if elsewhere, _ := i.rtnl.routes(i.family(), netlink.Route{}, 0); len(elsewhere) > 0 {
		i.found.Add(reconcile.Warning, "no route leaves by %s: answers to clients there leave by another link, where they may be dropped; "+
			"give %s an address or a route, or vips[].address the prefix length of its subnet", i.link.Name, i.link.Name)
	}
}

// around are the subnets of the link that the address is in, its own prefix included.
func (i *inspection) around() (subnets []netip.Prefix) {
	if i.prefix.Bits() < i.addr().BitLen() {
		subnets = append(subnets, i.prefix.Masked())
	}
	for _, a := range i.beside {
		if p := netip.PrefixFrom(i.addr(), bits(a)).Masked(); bits(a) < i.addr().BitLen() && contains(a, p) {
			subnets = append(subnets, p)
		}
	}
	return subnets
}

func contains(a netlink.Addr, p netip.Prefix) bool {
	ip, _ := netip.AddrFromSlice(a.IP)
	return p.Contains(ip)
}

// routeTo reports whether a route on the link, other than a default route, has the address.
func (i *inspection) routeTo() bool {
	return slices.ContainsFunc(i.routes(), func(r netlink.Route) bool {
		return !isDefault(r.Dst) && r.Dst.Contains(net.IP(i.addr().AsSlice()))
	})
}
