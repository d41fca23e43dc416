package lab

import (
	"net"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// SetVIP changes the address in the node's vipctl.yml, the VIP with a prefix such as "/24" behind it.
func (n *Node) SetVIP(prefix string) error { return n.writeVipctl(n.lab.VIP + prefix) }

// OwnAddressLast takes the node's own address away and gives it back at once, so that it comes after the others of its
// subnet: with the first of them the kernel would take it away too.
func (n *Node) OwnAddressLast() error {
	own := n.Addr + prefixLen
	if err := ip("-n", n.NS.Name, "addr", "del", own, "dev", "eth0"); err != nil {
		return err
	}
	return ip("-n", n.NS.Name, "addr", "add", own, "dev", "eth0")
}

// HasOwnAddress asks the node's kernel for the node's own address.
func (n *Node) HasOwnAddress() (has bool, err error) {
	err = n.NS.Do(func() error {
		addrs, err := netlink.AddrList(nil, unix.AF_INET)
		has = slices.ContainsFunc(addrs, func(a netlink.Addr) bool { return a.IP.Equal(net.ParseIP(n.Addr)) })
		return err
	})
	return has, err
}
