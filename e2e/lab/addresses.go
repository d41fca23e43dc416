package lab

import (
	"net"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Addresses are those of a node, as its kernel has them: the VIP, and the node's own. What is
// changed here, is changed behind vipctl's back, and VIPs that are added have no lifetime.
type Addresses struct {
	host *Host
	vip  string
}

// HasVIP reports whether the VIP is on the link where it belongs, wherever there are copies of it.
func (a *Addresses) HasVIP() (bool, error) { return hasAddress(a.host.NS, "eth0", a.vip) }

// AddVIP puts the VIP on the link where it belongs.
func (a *Addresses) AddVIP() error { return a.changeVIP("eth0", true) }

// DeleteVIP removes the VIP from there, as an operator's `ip addr del` or a network daemon does.
// Where it is not on the node, nothing happens.
func (a *Addresses) DeleteVIP() error {
	has, err := hasAddress(a.host.NS, "", a.vip)
	if err != nil || !has {
		return err
	}
	return a.changeVIP("eth0", false)
}

// CopyVIP puts a copy of the VIP on lo, or takes it away.
func (a *Addresses) CopyVIP(on bool) error { return a.changeVIP("lo", on) }

func (a *Addresses) changeVIP(name string, add bool) error {
	return a.host.NS.Do(func() error {
		link, err := netlink.LinkByName(name)
		if err != nil {
			return err
		}
		addr := &netlink.Addr{IPNet: &net.IPNet{IP: net.ParseIP(a.vip), Mask: net.CIDRMask(32, 32)}}
		if add {
			return netlink.AddrAdd(link, addr)
		}
		return netlink.AddrDel(link, addr)
	})
}

// HasOwn reports whether the node has its own address.
func (a *Addresses) HasOwn() (bool, error) { return hasAddress(a.host.NS, "", a.host.Addr) }

// OwnLast takes the node's own address away and gives it back at once, so that it comes after the
// others of its subnet: with the first of them the kernel would take it away too.
func (a *Addresses) OwnLast() error {
	own := a.host.Addr + prefixLen
	if err := ip("-n", a.host.NS.Name, "addr", "del", own, "dev", "eth0"); err != nil {
		return err
	}
	return ip("-n", a.host.NS.Name, "addr", "add", own, "dev", "eth0")
}

// hasAddress asks the namespace's kernel for an address on one link, or with "" on any.
func hasAddress(ns *Namespace, name, address string) (has bool, err error) {
	err = ns.Do(func() error {
		var link netlink.Link
		if name != "" {
			if link, err = netlink.LinkByName(name); err != nil {
				return err
			}
		}
		addrs, err := netlink.AddrList(link, unix.AF_INET)
		has = slices.ContainsFunc(addrs, func(a netlink.Addr) bool { return a.IP.Equal(net.ParseIP(address)) })
		return err
	})
	return has, err
}
