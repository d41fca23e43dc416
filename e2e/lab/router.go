package lab

import (
	"errors"
	"fmt"
	"net"
	"os"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// outside is the subnet beyond the router: clients from 201 on.
const outside = "10.78.0.%d"

// Router stands between the clients and the nodes' switch, with a switch of its own for the
// clients. It is host 1 in both subnets. Its methods may be called concurrently.
type Router struct {
	ns      *Namespace
	outside *Switch
	vip     string
	hosts   []*Host
}

// newRouter puts a router at the switch. It sends the VIP nowhere.
func newRouter(sw *Switch, vip string, hosts []*Host) (*Router, error) {
	ns, err := sw.plug("router", fmt.Sprintf(inside, 1))
	if err != nil {
		return nil, err
	}
	r := &Router{ns: ns, vip: vip, hosts: hosts}
	if r.outside, err = newSwitch(ns, sw.prefix); err != nil {
		return nil, err
	}
	if err := ip("-n", ns.Name, "addr", "add", fmt.Sprintf(outside, 1)+prefixLen, "dev", bridge); err != nil {
		return nil, err
	}
	return r, forward(ns, true)
}

// serve gives nodes and clients the router for everything that is not in their own subnet. The
// nodes forward nothing: what comes for an address that a node does not have is lost there.
func (r *Router) serve(clients ...*Namespace) error {
	var problems []error
	for _, ns := range clients {
		problems = append(problems, ip("-n", ns.Name, "route", "add", "default", "via", fmt.Sprintf(outside, 1)))
	}
	for _, h := range r.hosts {
		problems = append(problems, ip("-n", h.NS.Name, "route", "add", "default", "via", fmt.Sprintf(inside, 1)), forward(h.NS, false))
	}
	return errors.Join(problems...)
}

// forward has the namespace forward IPv4 or not. A new one inherits the machine's choice.
func forward(ns *Namespace, on bool) error {
	value := map[bool]string{true: "1", false: "0"}[on]
	return ns.Do(func() error { return os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte(value), 0o644) })
}

// send has the router send the VIP to the host, or nowhere where that is nil.
func (r *Router) send(to *Host) error {
	return r.ns.Do(func() error {
		route := &netlink.Route{Dst: r.vipNet()}
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

func (r *Router) vipNet() *net.IPNet {
	return &net.IPNet{IP: net.ParseIP(r.vip).To4(), Mask: net.CIDRMask(32, 32)}
}

// Routed asks the router's kernel for the name of the node that it sends the VIP's traffic to, ""
// for none.
func (r *Router) Routed() (to string, err error) {
	err = r.ns.Do(func() error {
		routes, err := netlink.RouteListFiltered(unix.AF_INET, &netlink.Route{Dst: r.vipNet()}, netlink.RT_FILTER_DST)
		if err != nil || len(routes) == 0 {
			return err
		}
		for _, h := range r.hosts {
			if routes[0].Gw.Equal(net.ParseIP(h.Addr)) {
				to = h.Name
			}
		}
		return nil
	})
	return to, err
}
