package vip

import (
	"fmt"

	"github.com/vishvananda/netlink"
)

// vrf is the kind of the only master whose ports have addresses of their own. The others take all
// frames of their ports.
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
