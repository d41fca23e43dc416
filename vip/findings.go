package vip

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/vipctl/vipctl/reconcile"
)

// Findings is what this host can see of what keeps clients from the address, be it here already or not. It takes some
// dumps more than Look, so that only people ask for it.
func (k *Kernel) Findings() reconcile.Findings {
	var found reconcile.Findings
	s, err := k.survey()
	if err != nil {
		found.Add(reconcile.Warning, "look for %s on %s: %v", k.addr(), k.link, err)
		return found
	}
	sight := k.sight(s)
	switch {
	case s.link != nil && found.Failed(k.refuseOwn(s)):
		return found
	case sight.Detail != "":
		found.Add(reconcile.Warning, "%s", sight.Detail)
	}
	if s.link == nil {
		return found
	}
	link, err := k.netlink.LinkByIndex(s.link.Index)
	if err != nil {
		return found
	}
	if links, err := undisturbed(k.netlink.LinkList); err == nil {
		findMaster(&found, s.link.Name, masterOf(s.link, links))
	}
	if why := k.noIPv6(s.link.Name); why != "" {
		found.Add(reconcile.Problem, "%s", why)
	}
	k.findSource(&found, s)
	if !k.routed {
		k.findARP(&found, link)
		k.findIgnored(&found, s)
		k.findSubnet(&found, s)
		k.findReturn(&found, s)
	}
	return found
}

// findMaster finds links that get no frames of their own, and those that only some programs hear.
func findMaster(found *reconcile.Findings, link string, m master) {
	switch {
	case m.kind == "":
	case m.kind != vrf:
		found.Add(reconcile.Problem, "%s is %s, which takes its frames: set vips[].interface to %s", link, m, m.name)
	case sysctl("ipv4/tcp_l3mdev_accept") == 0:
		found.Add(reconcile.Warning, "%s is %s: PostgreSQL has to run in it (ip vrf exec %s ...), or with net.ipv4.tcp_l3mdev_accept=1, else nobody reaches it by the VIP", link, m, m.name)
	}
}

// noIPv6 says why the link takes no IPv6 address, "" where it does or need not.
func (k *Kernel) noIPv6(link string) string {
	if k.addr().Is4() {
		return ""
	}
	if _, err := os.Stat("/proc/sys/net/ipv6"); err != nil {
		return "this kernel has no IPv6 (ipv6.disable=1?)"
	}
	if key := linkConf("ipv6", link, "disable_ipv6"); sysctl(key) != 0 {
		return fmt.Sprintf("IPv6 is disabled on %s: run: sysctl -w %s=0", link, dotted(key))
	}
	return ""
}

// denied says who denied an address. It is no lack of privileges, which is EPERM.
func (k *Kernel) denied(link string, err error) error {
	if why := k.noIPv6(link); why != "" {
		return errors.New(why)
	}
	return fmt.Errorf("%w (not for a lack of capabilities: a security module such as SELinux, see `ausearch -m avc -ts recent`)", err)
}

// findSource finds where the host speaks from a VIP with a prefix, for want of an address of its own.
func (k *Kernel) findSource(found *reconcile.Findings, s survey) {
	subnet := k.prefix.Masked()
	alone := !slices.ContainsFunc(s.neighbours, func(a netlink.Addr) bool {
		return !marked(a) && bits(a) == k.prefix.Bits() && k.ipNet().Contains(a.IP)
	})
	switch {
	case k.addr().Is6(), k.prefix.Bits() == 32:
	case alone:
		found.Add(reconcile.Warning, "no address of this host's own on %s is in %s: it speaks to that subnet from the VIP, and such connections end when the VIP moves; "+
			"set vips[].address to %s, or give the link an address with /%d", s.link.Name, subnet, k.addr(), k.prefix.Bits())
	case slices.ContainsFunc(s.here, s.ahead):
		found.Add(reconcile.Warning, "the VIP came before this host's own address in %s, which therefore speaks from the VIP until that is renewed", subnet)
	}
}

// findARP finds Ethernet links whose ARP is switched off. Dummies and tunnels have none by nature, and are reached by
// other links or by routes.
func (k *Kernel) findARP(found *reconcile.Findings, link netlink.Link) {
	a := link.Attrs()
	const ethernet = unix.IFF_BROADCAST | unix.IFF_NOARP
	if a.RawFlags&ethernet == ethernet && len(a.HardwareAddr) == 6 && link.Type() != "dummy" {
		found.Add(reconcile.Problem, "ARP is switched off on %s: nobody there finds the VIP, or hears where it went; run: ip link set dev %s arp on", a.Name, a.Name)
	}
}

// findIgnored finds where the kernel does not answer who asks for the address (Documentation/networking/ip-sysctl.rst,
// arp_ignore). Value 1 wants the address on the link that is asked on, where it is, and 3 is met by the scope.
func (k *Kernel) findIgnored(found *reconcile.Findings, s survey) {
	if k.addr().Is6() || !hasNeighbours(s.link) {
		return
	}
	key, value := "", 0
	for _, c := range []string{linkConf("ipv4", "all", "arp_ignore"), linkConf("ipv4", s.link.Name, "arp_ignore")} {
		if v := sysctl(c); v > value {
			key, value = c, v
		}
	}
	switch {
	case value == 8:
		found.Add(reconcile.Problem, "%s is 8: this host tells nobody where the VIP is; run: sysctl -w %s=0", dotted(key), dotted(key))
	case value == 2 && len(k.around(s)) == 0:
		found.Add(reconcile.Problem, "%s is 2: this host answers only hosts in the VIP's subnet, and no address on %s has one around %s; run: sysctl -w %s=1",
			dotted(key), s.link.Name, k.addr(), dotted(key))
	}
}

// findSubnet finds an address that no host on the link would ask for there.
func (k *Kernel) findSubnet(found *reconcile.Findings, s survey) {
	var subnets []string
	for _, a := range s.neighbours {
		if ones := bits(a); ones < k.addr().BitLen() && !a.IP.IsLinkLocalUnicast() && !marked(a) {
			subnets = append(subnets, a.IPNet.String())
		}
	}
	if !hasNeighbours(s.link) || len(subnets) == 0 || len(k.around(s)) > 0 || k.routeTo(s.link) {
		return
	}
	found.Add(reconcile.Warning, "%s is in no subnet of %s (%s), and no route there has it: only hosts that have a route to it on their link, and routers that do, find it; "+
		"is it the right link, and the right address? where a provider routes it, set vips[].route", k.addr(), s.link.Name, strings.Join(subnets, ", "))
}

// findReturn finds a link that the host's answers do not leave by: others have routes, and this one none. With rp_filter=1
// the kernel does not even answer who asks for the address there (net/ipv4/fib_frontend.c, fib_validate_source).
func (k *Kernel) findReturn(found *reconcile.Findings, s survey) {
	if k.addr().Is6() || k.prefix.Bits() < 32 || !hasNeighbours(s.link) || len(k.routes(s.link)) > 0 {
		return
	}
	others, _ := undisturbed(func() ([]netlink.Route, error) { return k.netlink.RouteList(nil, k.family()) })
	if len(others) > 0 {
		found.Add(reconcile.Warning, "no route leaves by %s: answers to clients there leave by another link, where they may be dropped; "+
			"give %s an address or a route, or vips[].address the prefix length of its subnet", s.link.Name, s.link.Name)
	}
}

// around are the subnets of the link that the address is in, its own prefix included.
func (k *Kernel) around(s survey) (subnets []netip.Prefix) {
	if k.prefix.Bits() < k.addr().BitLen() {
		subnets = append(subnets, k.prefix.Masked())
	}
	for _, a := range s.neighbours {
		if p := netip.PrefixFrom(k.addr(), bits(a)).Masked(); bits(a) < k.addr().BitLen() && contains(a, p) {
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
func (k *Kernel) routeTo(link *netlink.LinkAttrs) bool {
	return slices.ContainsFunc(k.routes(link), func(r netlink.Route) bool {
		return !isDefault(r.Dst) && r.Dst.Contains(net.IP(k.addr().AsSlice()))
	})
}
