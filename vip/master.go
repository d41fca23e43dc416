package vip

import (
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"
)

// linkByMAC passes over the links that only share another one's MAC: the ports of a bond or a bridge, and the VLANs
// on top of a link. The ports of a VRF keep addresses of their own.
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

// vrf is the kind of the only master whose ports have addresses of their own. The others take all frames of their ports.
const vrf = "vrf"

// master is the link that a port belongs to, zero where it belongs to none.
type master struct{ kind, name string }

func (m master) String() string { return fmt.Sprintf("a port of the %s %s", m.kind, m.name) }

func masterOf(port *netlink.LinkAttrs, links []netlink.Link) master {
	if port.MasterIndex == 0 {
		return master{}
	}
	for _, l := range links {
		if a := l.Attrs(); a.Index == port.MasterIndex {
			return master{l.Type(), a.Name}
		}
	}
	return master{"link", fmt.Sprint(port.MasterIndex)}
}
