package vip

import (
	"fmt"
	"os"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// scope keeps the kernel from choosing an IPv4 VIP as the source of what does not bind it: inet_select_addr passes over an
// address whose scope is narrower than the route's, and no route to other hosts is as narrow as scope host
// (net/ipv4/devinet.c). Nothing else asks for it, but arp_ignore=3, which lets the kernel answer for every other scope.
// docs/decisions/0008-source-address.md has what was measured.
//
// An address with a shorter prefix cannot have it, for all of a subnet must have the same (EINVAL, __inet_insert_ifa): beside
// the host's own it is a secondary one, which is never chosen either.
func (k *Kernel) scope(link *netlink.LinkAttrs) int {
	switch {
	case k.addr().Is6(), k.prefix.Bits() < 32:
		return unix.RT_SCOPE_UNIVERSE
	case max(sysctl(linkConf("ipv4", "all", "arp_ignore")), sysctl(linkConf("ipv4", link.Name, "arp_ignore"))) == 3:
		return unix.RT_SCOPE_LINK
	}
	return unix.RT_SCOPE_HOST
}

// sources are the copies that are as wanted, but may be chosen as a source. The kernel changes neither the scope of an
// address nor its place among the others, so that Hold must remove them first.
func (k *Kernel) sources(s survey, scope int) []netlink.Addr {
	if k.addr().Is6() {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(s.here), func(c netlink.Addr) bool {
		wrong := c.Scope != scope
		if bits(c) < 32 {
			wrong = s.ahead(c)
		}
		return !k.wanted(c) || !wrong
	})
}

// ahead reports whether a copy came before the host's own address in their subnet, on a link that was down when the VIP was
// claimed, for example: then the copy is the primary address and the host's own a secondary one.
func (s survey) ahead(c netlink.Addr) bool {
	return c.Flags&unix.IFA_F_SECONDARY == 0 && slices.ContainsFunc(s.neighbours, func(a netlink.Addr) bool {
		return a.Flags&unix.IFA_F_SECONDARY != 0 && !marked(a) && bits(a) == bits(c) && c.Contains(a.IP)
	})
}

// promoteSecondaries keeps the host's own addresses when a copy goes: one that came first in its subnet is the subnet's
// primary address, and without this setting the kernel drops the secondary ones with it. CAP_NET_ADMIN suffices. It
// reports whether they are safe.
func (k *Kernel) promoteSecondaries(link *netlink.LinkAttrs, copies []netlink.Addr) (safe bool) {
	shared := func(c netlink.Addr) bool { return bits(c) < 32 }
	key := linkConf("ipv4", link.Name, "promote_secondaries")
	if k.addr().Is6() || !slices.ContainsFunc(copies, shared) || sysctl(key) != 0 {
		return true
	}
	err := os.WriteFile(sysctls+key, []byte("1"), 0)
	if err != nil {
		k.warn(fmt.Errorf("when %s goes, other addresses of its subnet on %s may go with it: %w", k.addr(), link.Name, err))
	}
	return err == nil
}
