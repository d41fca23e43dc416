package lab

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// outside is the subnet beyond the router: clients from 201 on.
const outside = "10.78.0.%d"

// makeRouter puts a router at the switch, with a switch of its own for what is outside. It is host 1 in both subnets.
func (l *Lab) makeRouter() (err error) {
	if l.router, err = l.plug(l.sw, "router", fmt.Sprintf(inside, 1)); err != nil {
		return err
	}
	if err := addBridge(l.router); err != nil {
		return err
	}
	if err := ip("-n", l.router.Name, "addr", "add", fmt.Sprintf(outside, 1)+prefixLen, "dev", bridge); err != nil {
		return err
	}
	return forward(l.router, true)
}

// routeThrough gives nodes and clients the router for everything that is not in their own subnet. The nodes forward
// nothing: what comes for an address that a node does not have is lost there.
func (l *Lab) routeThrough() error {
	problems := []error{
		ip("-n", l.Client.Name, "route", "add", "default", "via", fmt.Sprintf(outside, 1)),
		ip("-n", l.Flush.Name, "route", "add", "default", "via", fmt.Sprintf(outside, 1)),
	}
	for _, n := range l.Nodes {
		problems = append(problems, ip("-n", n.NS.Name, "route", "add", "default", "via", fmt.Sprintf(inside, 1)), forward(n.NS, false))
	}
	return errors.Join(problems...)
}

// forward has the namespace forward IPv4 or not. A new one inherits the machine's choice.
func forward(ns *Namespace, on bool) error {
	value := map[bool]string{true: "1", false: "0"}[on]
	return ns.Do(func() error { return os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte(value), 0o644) })
}

// routeVIP has the router send the VIP to the node, or nowhere where that is nil.
func (l *Lab) routeVIP(to *Node) error {
	return l.router.Do(func() error {
		route := &netlink.Route{Dst: l.vipNet()}
		if to != nil {
			route.Gw = net.ParseIP(to.Addr)
			return netlink.RouteReplace(route)
		}
		if err := netlink.RouteDel(route); !errors.Is(err, unix.ESRCH) {
			return err
		}
		return nil
	})
}

func (l *Lab) vipNet() *net.IPNet {
	return &net.IPNet{IP: net.ParseIP(l.VIP).To4(), Mask: net.CIDRMask(32, 32)}
}

// Routed asks the router's kernel which node it sends the VIP's traffic to, nil for none.
func (l *Lab) Routed() (to *Node, err error) {
	err = l.router.Do(func() error {
		routes, err := netlink.RouteListFiltered(unix.AF_INET, &netlink.Route{Dst: l.vipNet()}, netlink.RT_FILTER_DST)
		if err != nil || len(routes) == 0 {
			return err
		}
		if i := slices.IndexFunc(l.Nodes, func(n *Node) bool { return routes[0].Gw.Equal(net.ParseIP(n.Addr)) }); i >= 0 {
			to = l.Nodes[i]
		}
		return nil
	})
	return to, err
}
