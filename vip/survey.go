package vip

import (
	"errors"
	"net/netip"
	"os"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// survey is where the address is, as the kernel said at one moment.
type survey struct {
	address
	rtnl *rtnl

	name      string             // of the link, as the options have it
	link      *netlink.LinkAttrs // nil where there is none
	noLink    error              // why there is none
	here      []netlink.Addr     // the copies on the link
	elsewhere []netlink.Addr     // the copies on other links
	beside    []netlink.Addr     // the other addresses on the link
}

func newSurvey(r *rtnl, a address, name string) (survey, error) {
	s := survey{address: a, rtnl: r, name: name}
	link, err := findLink(r, name)
	switch {
	case err == nil:
		s.link = link
	case errors.Is(err, os.ErrNotExist):
		s.noLink = err
	default:
		return s, err
	}
	all, err := r.addresses(a.family())
	for _, c := range all {
		onLink := s.link != nil && c.LinkIndex == s.link.Index
		switch {
		case onLink && a.isCopy(c):
			s.here = append(s.here, c)
		case onLink:
			s.beside = append(s.beside, c)
		case a.isCopy(c):
			s.elsewhere = append(s.elsewhere, c)
		}
	}
	return s, err
}

// shares reports whether the host has another address of its own within the subnet on the link.
// Link-local addresses and those that the kernel makes up for a while do not count, and neither do
// other VIPs.
func (s survey) shares(subnet netip.Prefix) bool {
	return slices.ContainsFunc(s.beside, func(a netlink.Addr) bool {
		ip, _ := netip.AddrFromSlice(a.IP)
		return subnet.Contains(ip) && !ip.IsLinkLocalUnicast() && !marked(a) && (ip.Is4() || a.Flags&unix.IFA_F_TEMPORARY == 0)
	})
}

// ahead reports whether a copy came before the host's own address in their subnet, for example on a
// link that was down when the VIP was claimed. Then the copy is the primary address and the host's
// own a secondary one.
func (s survey) ahead(c netlink.Addr) bool {
	return c.Flags&unix.IFA_F_SECONDARY == 0 && slices.ContainsFunc(s.beside, func(a netlink.Addr) bool {
		return a.Flags&unix.IFA_F_SECONDARY != 0 && !marked(a) && bits(a) == bits(c) && c.Contains(a.IP)
	})
}

// routes are the link's to other hosts, of every table: a VRF has its own. What cannot be asked is
// taken for none.
func (s survey) routes() []netlink.Route {
	filter := netlink.Route{LinkIndex: s.link.Index, Table: unix.RT_TABLE_UNSPEC}
	routes, _ := s.rtnl.routes(s.family(), filter, netlink.RT_FILTER_OIF|netlink.RT_FILTER_TABLE)
	return slices.DeleteFunc(routes, func(r netlink.Route) bool { return r.Type != unix.RTN_UNICAST })
}
