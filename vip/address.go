package vip

import (
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// address is the VIP as a link is to have it: with this prefix length, and without a peer. What a
// link has of it, however it came there, is a copy.
type address struct{ prefix netip.Prefix }

func newAddress(p netip.Prefix) address {
	return address{netip.PrefixFrom(p.Addr().WithZone(""), p.Bits())}
}

func (a address) addr() netip.Addr { return a.prefix.Addr() }

func (a address) family() int {
	if a.addr().Is4() {
		return netlink.FAMILY_V4
	}
	return netlink.FAMILY_V6
}

func (a address) ipNet() *net.IPNet {
	return &net.IPNet{IP: a.addr().AsSlice(), Mask: net.CIDRMask(a.prefix.Bits(), a.addr().BitLen())}
}

// isCopy reports whether what a link has is the VIP. Equality is on netip.Addr, never on text.
func (a address) isCopy(c netlink.Addr) bool {
	ip, _ := netip.AddrFromSlice(c.IP)
	return ip == a.addr()
}

// wanted reports whether a copy is the one that Hold puts there.
func (a address) wanted(c netlink.Addr) bool {
	return c.Peer == nil && bits(c) == a.prefix.Bits() && c.Flags&unix.IFA_F_DADFAILED == 0
}

// strays are the copies that Hold must remove. The last are removed once ours is there, so that the
// address is never gone. The first are removed before: the kernel would take such a copy for ours
// and change nothing but its lifetime. For IPv6 that is any copy, for IPv4 one with our prefix
// length and a peer in our subnet.
func (a address) strays(copies []netlink.Addr) (first, last []netlink.Addr) {
	for _, c := range copies {
		switch {
		case a.wanted(c):
		case a.addr().Is6(), bits(c) == a.prefix.Bits() && a.ipNet().Contains(c.Peer.IP):
			first = append(first, c)
		default:
			last = append(last, c)
		}
	}
	return first, last
}

// bits is the prefix length of an address on a link. Where it has a peer, that is the peer's.
func bits(a netlink.Addr) int {
	mask := a.Mask
	if a.Peer != nil {
		mask = a.Peer.Mask
	}
	ones, _ := mask.Size()
	return ones
}

// marked reports whether an address has the mark of those that Hold puts on a link: a preferred
// lifetime of 0. For IPv6 that keeps it from being a source address; for IPv4 the kernel only shows
// it (net/ipv4/devinet.c).
func marked(a netlink.Addr) bool { return a.Flags&unix.IFA_F_DEPRECATED != 0 }
