package vip

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// noLink is a link that is not there, by the name that the options gave. It is [os.ErrNotExist].
type noLink struct {
	name string
	port string // whose MAC it is all the same, and why it is passed over
}

func (n noLink) Error() string        { return "interface " + n.name + ": no such link" + n.port }
func (n noLink) Is(target error) bool { return target == os.ErrNotExist }

// findLink looks a link up by its name, an alternative name or its MAC. The error of a link that is
// not there is [os.ErrNotExist].
func findLink(r *rtnl, name string) (*netlink.LinkAttrs, error) {
	if mac, ok := parseMAC(name); ok {
		links, err := r.links()
		if err != nil {
			return nil, err
		}
		return linkByMAC(links, mac)
	}
	h, err := r.open()
	if err != nil {
		return nil, err
	}
	link, err := h.LinkByName(name)
	if errors.As(err, new(netlink.LinkNotFoundError)) {
		return nil, noLink{name: name}
	}
	if err != nil {
		return nil, fmt.Errorf("look up interface %s: %w", name, err)
	}
	return link.Attrs(), nil
}

// parseMAC reads the usual form only: a name may look like one of the others.
func parseMAC(s string) (net.HardwareAddr, bool) {
	mac, err := net.ParseMAC(s)
	return mac, err == nil && len(mac) == 6 && strings.Count(s, ":") == 5
}

// linkByMAC passes over the links that only share another one's MAC: the ports of a bond or a
// bridge, and the VLANs on top of a link. The ports of a VRF keep addresses of their own.
func linkByMAC(links []netlink.Link, mac net.HardwareAddr) (*netlink.LinkAttrs, error) {
	var found []*netlink.LinkAttrs
	missing := noLink{name: mac.String()}
	for _, l := range links {
		a := l.Attrs()
		if !slices.Equal(a.HardwareAddr, mac) {
			continue
		}
		if m := masterOf(a, links); m.kind == "" || m.kind == vrf {
			found = append(found, a)
		} else {
			missing.port = fmt.Sprintf(" but %s, %s: give that one's name", a.Name, m)
		}
	}
	indexes := make(map[int]bool)
	for _, a := range found {
		indexes[a.Index] = true
	}
	found = slices.DeleteFunc(found, func(a *netlink.LinkAttrs) bool { return a.NetNsID < 0 && indexes[a.ParentIndex] })
	switch len(found) {
	case 0:
		return nil, missing
	case 1:
		return found[0], nil
	}
	var names []string
	for _, a := range found {
		names = append(names, a.Name)
	}
	return nil, fmt.Errorf("interface %s: several links have this MAC (%s): give a name", mac, strings.Join(names, ", "))
}

// hasNeighbours reports whether hosts on the link find each other by ARP or neighbour discovery
// over Ethernet. On lo, tunnels and WireGuard there is nobody to tell.
func hasNeighbours(link *netlink.LinkAttrs) bool {
	return link.RawFlags&(unix.IFF_NOARP|unix.IFF_LOOPBACK) == 0 && len(link.HardwareAddr) == 6
}
