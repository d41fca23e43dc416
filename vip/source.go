package vip

import (
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// scopeOf is the scope that keeps the kernel from choosing an IPv4 VIP as the source of what does
// not bind it. inet_select_addr passes over an address whose scope is narrower than the route's,
// and no route to other hosts is as narrow as scope host (net/ipv4/devinet.c). Only arp_ignore=3
// asks for the scope too: it lets the kernel answer for every scope but host.
// docs/decisions/0008-source-address.md has what was measured.
//
// An address with a shorter prefix cannot have scope host, because all addresses of a subnet must
// have the same scope (EINVAL, __inet_insert_ifa). Beside the host's own address it is a secondary
// one, which is never chosen either.
func scopeOf(s survey) int {
	if s.addr().Is6() || s.prefix.Bits() < 32 {
		return unix.RT_SCOPE_UNIVERSE
	}
	if _, ignore := arpIgnore(s.link.Name); ignore == 3 {
		return unix.RT_SCOPE_LINK
	}
	return unix.RT_SCOPE_HOST
}

// sources are the copies that are as wanted, but may be chosen as a source. The kernel changes
// neither the scope of an address nor its place among the others, so that Hold must remove them
// first.
func sources(s survey, scope int) []netlink.Addr {
	if s.addr().Is6() {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(s.here), func(c netlink.Addr) bool {
		wrong := c.Scope != scope
		if bits(c) < 32 {
			wrong = s.ahead(c)
		}
		return !s.wanted(c) || !wrong
	})
}
