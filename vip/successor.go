package vip

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/vipctl/vipctl/reconcile/policy"
)

// probeInterval is shorter than RFC 5227 has it (1 s): a switchover waits for the reply. It counts
// while the link's budget lasts.
const probeInterval = 100 * time.Millisecond

// listener finds the other hosts on a link that say they have the address.
type listener struct {
	address
	link   *netlink.LinkAttrs
	rtnl   *rtnl
	budget *Budget
}

// listen probes, and calls claimed with the MAC of every frame of another host that says it has the
// address. It ends when claimed returns false or ctx ends. asked is whether a probe was sent: the
// budget may allow none.
func (l listener) listen(ctx context.Context, claimed func(policy.MAC) (goOn bool)) (asked bool, err error) {
	bystanders, err := l.bystanders()
	if err != nil {
		return false, err
	}
	question, err := probe(l.addr(), l.link.HardwareAddr)
	if err != nil {
		return false, err
	}
	// The socket is open before the first probe, so that no reply comes too early.
	socket, err := openSocket(l.link, l.addr(), claimsOnly(l.addr()))
	if err != nil {
		return false, err
	}
	defer socket.close()
	defer context.AfterFunc(ctx, socket.wake)()

	for next := time.Now(); ctx.Err() == nil; {
		if !time.Now().Before(next) {
			ok, after := l.budget.take(l.link.Index, keepForProbe)
			if ok {
				if err := socket.send(question); err != nil && !passes(err) {
					return asked, err
				}
				asked, after = true, probeInterval
			}
			next = time.Now().Add(after)
		}
		received, err := socket.receive(ctx, next)
		if err != nil {
			return asked, err
		}
		if mac, ok := claimant(received, l.addr()); ok {
			if m := policy.MAC(mac.String()); !slices.Contains(bystanders, m) && !claimed(m) {
				return asked, nil
			}
		}
	}
	return asked, nil
}

// bystanders are the MACs that may reply for the address without having taken it over: this host's
// own, and the default gateway's.
func (l listener) bystanders() ([]policy.MAC, error) {
	own, err := l.ownMACs()
	if err != nil {
		return nil, err
	}
	gateway, err := l.gatewayMAC()
	return append(own, gateway), err
}

// ownMACs are those of every link of this host: a second link on the same segment replies for an
// address of the first.
func (l listener) ownMACs() ([]policy.MAC, error) {
	links, err := l.rtnl.links()
	var own []policy.MAC
	for _, link := range links {
		a := link.Attrs()
		own = append(own, policy.MAC(a.HardwareAddr.String()), policy.MAC(a.PermHWAddr.String()))
	}
	return own, err
}

// gatewayMAC is the MAC of the link's default gateway, from the neighbour table: in clouds the
// gateway replies for every address. It is "" where there is no such gateway, or where nobody has
// asked the gateway for its MAC lately.
func (l listener) gatewayMAC() (policy.MAC, error) {
	routes, err := l.rtnl.routes(l.family(), netlink.Route{LinkIndex: l.link.Index}, netlink.RT_FILTER_OIF)
	if err != nil {
		return "", err
	}
	routes = slices.DeleteFunc(routes, func(r netlink.Route) bool { return r.Gw == nil || !isDefault(r.Dst) })
	if len(routes) == 0 {
		return "", nil
	}
	best := slices.MinFunc(routes, func(a, b netlink.Route) int { return cmp.Compare(a.Priority, b.Priority) })

	neighbours, err := l.rtnl.neighbours(l.family(), l.link)
	if err != nil {
		return "", err
	}
	for _, n := range neighbours {
		if n.IP.Equal(best.Gw) && len(n.HardwareAddr) == 6 {
			return policy.MAC(n.HardwareAddr.String()), nil
		}
	}
	return "", nil
}
