package vip

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// errOwn is what Hold and Release fail with where the address is this host's own: whoever takes that away, or gives it an
// end, takes the host off the network.
var errOwn = errors.New("this host's own address, as it seems")

// own says why a copy must be this host's own address; "" where it is a VIP. A VIP is marked as deprecated, or is noted,
// or is what others leave of one: an address beside the host's own in their subnet, or a /32.
func (k *Kernel) own(s survey, c netlink.Addr) (why string) {
	if marked(c) {
		return ""
	}
	subnet := netip.PrefixFrom(k.addr(), bits(c)).Masked()
	switch {
	case bits(c) == k.addr().BitLen():
		why = k.ownHostRoute(s)
	case k.addr().Is4() && c.Flags&unix.IFA_F_SECONDARY == 0:
		why = fmt.Sprintf("the primary address of %s", subnet)
	case k.addr().Is6() && (!endless(c) || !s.shares(subnet)):
		why = fmt.Sprintf("the address that brings %s to the link", subnet)
	}
	if why != "" && k.noted() {
		return ""
	}
	return why
}

// ownHostRoute says why a /32 or /128 must be this host's own address: the host reaches others by it.
func (k *Kernel) ownHostRoute(s survey) string {
	for _, r := range k.defaultRoutes(s.link) {
		switch {
		case r.Src.Equal(k.addr().AsSlice()):
			return "the source of a default route"
		case !s.shares(netip.PrefixFrom(k.addr(), 0).Masked()):
			return "the only address of a link with a default route"
		}
	}
	return ""
}

func (k *Kernel) defaultRoutes(link *netlink.LinkAttrs) []netlink.Route {
	return slices.DeleteFunc(k.routes(link), func(r netlink.Route) bool { return !isDefault(r.Dst) })
}

// routes are the link's to other hosts, of every table: a VRF has its own. What cannot be asked is taken for none.
func (k *Kernel) routes(link *netlink.LinkAttrs) []netlink.Route {
	all := &netlink.Route{LinkIndex: link.Index, Table: unix.RT_TABLE_UNSPEC}
	routes, _ := undisturbed(func() ([]netlink.Route, error) {
		return k.netlink.RouteListFiltered(k.family(), all, netlink.RT_FILTER_OIF|netlink.RT_FILTER_TABLE)
	})
	return slices.DeleteFunc(routes, func(r netlink.Route) bool { return r.Type != unix.RTN_UNICAST })
}

// shares reports whether the host has another address of its own within the subnet on the link. Link-local ones and those
// that the kernel makes up for a while do not count, and neither do other VIPs.
func (s survey) shares(subnet netip.Prefix) bool {
	return slices.ContainsFunc(s.neighbours, func(a netlink.Addr) bool {
		ip, _ := netip.AddrFromSlice(a.IP)
		return subnet.Contains(ip) && !ip.IsLinkLocalUnicast() && !marked(a) && (ip.Is4() || a.Flags&unix.IFA_F_TEMPORARY == 0)
	})
}

// refuseOwn is an error where a copy on the link is this host's own address.
func (k *Kernel) refuseOwn(s survey) error {
	for _, c := range s.here {
		if why := k.own(s, c); why != "" {
			return fmt.Errorf("%s is %w (%s; no note says that vipctl claimed it): "+
				"give another address in vipctl.yml, or where another mover of the VIP left it, run: ip address del %s dev %s",
				text(c), errOwn, why, text(c), s.link.Name)
		}
	}
	return nil
}

// marked reports whether a copy has the mark of those that Hold puts on a link: a preferred lifetime of 0. For IPv6 that
// keeps it from being a source address; for IPv4 the kernel only shows it (net/ipv4/devinet.c).
func marked(c netlink.Addr) bool { return c.Flags&unix.IFA_F_DEPRECATED != 0 }

// text is a copy as `ip address del` wants it.
func text(c netlink.Addr) string {
	own := net.IPNet{IP: c.IP, Mask: net.CIDRMask(bits(c), len(c.Mask)*8)}
	if c.Peer == nil {
		return own.String()
	}
	return fmt.Sprintf("%s peer %s", c.IP, c.Peer)
}
