package vip

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/mdlayher/packet"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/reconcile/policy"
)

// probeInterval is shorter than RFC 5227 has it (1 s): a switchover waits for the answer. It counts while the link's budget
// lasts.
const probeInterval = 100 * time.Millisecond

// Heard implements [reconcile.Address]. The probes claim nothing, and work on a link without any other address. A link
// that goes down is waited for; one that goes away is an error. On a link without ARP nobody is ever heard, and
// a routed address does not even look for its link.
func (k *Kernel) AwaitSuccessor(ctx context.Context, ignore []policy.MAC) (policy.MAC, error) {
	var heard policy.MAC
	_, err := k.listen(ctx, func(m policy.MAC) (goOn bool) {
		same := func(i policy.MAC) bool { return strings.EqualFold(string(i), string(m)) }
		if slices.ContainsFunc(ignore, same) {
			return true
		}
		heard = m
		return false
	})
	return heard, err
}

// Others probes the link for the length of the window and returns the MAC of every other host that answers for the
// address or announces it, sorted. Any of them is a conflict or a proxy while we hold the address ourselves.
// A routed address has none, which takes no time to find out. Where the link's budget allowed no probe and nobody was heard,
// it is [reconcile.ErrUnasked].
func (k *Kernel) Probe(ctx context.Context, window time.Duration) ([]policy.MAC, error) {
	if k.routed {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, window)
	defer cancel()
	var others []policy.MAC
	asked, err := k.listen(ctx, func(m policy.MAC) bool {
		if i, found := slices.BinarySearch(others, m); !found {
			others = slices.Insert(others, i, m)
		}
		return true
	})
	if err == nil && !asked && len(others) == 0 {
		err = fmt.Errorf("ask for %s on %s: %w", k.addr(), k.link, reconcile.ErrUnasked)
	}
	return others, err
}

// listen probes, and calls heard with the MAC of every frame of another host that says it has the address, until heard
// returns false or ctx ends. asked is whether a probe was due and paid for; where there is nobody to ask, none is needed.
func (k *Kernel) listen(ctx context.Context, heard func(policy.MAC) (goOn bool)) (asked bool, err error) {
	if k.routed {
		<-ctx.Done()
		return true, nil
	}
	link, err := k.findLink()
	if err != nil {
		return false, err
	}
	if !hasNeighbours(link) {
		<-ctx.Done()
		return true, nil
	}
	if asked, err = k.listenOn(ctx, link, heard); err != nil {
		err = fmt.Errorf("listen for %s on %s: %w", k.addr(), link.Name, err)
	}
	return asked, err
}

func (k *Kernel) listenOn(ctx context.Context, link *netlink.LinkAttrs, heard func(policy.MAC) bool) (asked bool, err error) {
	notSuccessors, err := k.notSuccessors(link)
	if err != nil {
		return false, err
	}
	question, err := probe(k.addr(), link.HardwareAddr)
	if err != nil {
		return false, err
	}
	// The socket is open before the first probe, so that no answer comes too early.
	conn, err := k.listenPacket(link, claimsOnly(k.addr()))
	if err != nil {
		return false, err
	}
	defer func() { go conn.Close() }() // as in announce
	defer context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Unix(1, 0)) })()

	buf := make([]byte, 1500)
	for next := time.Now(); ctx.Err() == nil; {
		if !time.Now().Before(next) {
			ok, after := k.budget.take(link.Index, keepForProbe)
			if ok {
				if _, err := conn.WriteTo(question.bytes, &packet.Addr{HardwareAddr: question.to}); err != nil && !passes(err) {
					return false, err
				}
				asked = true
				after = probeInterval
			}
			next = time.Now().Add(after)
		}
		m, err := readClaim(ctx, conn, buf, next, k.claimant)
		switch {
		case err != nil:
			return asked, err
		case m == "" || slices.Contains(notSuccessors, m): // nobody's
		case !heard(m):
			return asked, nil
		}
	}
	return asked, nil
}

// readClaim reads one frame and returns who claims the address in it; "" when there was none before the deadline.
func readClaim(ctx context.Context, conn *packet.Conn, buf []byte, deadline time.Time, claimant func([]byte) (net.HardwareAddr, bool)) (policy.MAC, error) {
	if err := conn.SetReadDeadline(deadline); err != nil {
		return "", err
	}
	if ctx.Err() != nil { // it may have ended just before, and its deadline been overwritten
		return "", nil
	}
	n, _, err := conn.ReadFrom(buf)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded), err != nil && passes(err):
		return "", nil
	case err != nil:
		return "", err
	}
	mac, ok := claimant(buf[:n])
	if !ok {
		return "", nil
	}
	return policy.MAC(mac.String()), nil
}

// passes reports whether an error is a link's that is down, has no carrier or a full queue: it may come back.
func passes(err error) bool {
	return errors.Is(err, unix.ENETDOWN) || errors.Is(err, unix.ENOBUFS) || errors.Is(err, unix.EAGAIN)
}

// notSuccessors are the MACs that say nothing of a successor: this host's own, and the default gateway's.
func (k *Kernel) notSuccessors(link *netlink.LinkAttrs) ([]policy.MAC, error) {
	own, err := k.ownMACs()
	if err != nil {
		return nil, err
	}
	gateway, err := k.gatewayMAC(link)
	return append(own, gateway), err
}

// ownMACs are those of every link of this host: a second one on the same segment answers for an address of the first.
func (k *Kernel) ownMACs() ([]policy.MAC, error) {
	links, err := undisturbed(k.netlink.LinkList)
	if err != nil {
		return nil, fmt.Errorf("list links: %w", err)
	}
	var own []policy.MAC
	for _, l := range links {
		a := l.Attrs()
		own = append(own, policy.MAC(a.HardwareAddr.String()), policy.MAC(a.PermHWAddr.String()))
	}
	return own, nil
}

// gatewayMAC is the MAC of the link's default gateway, from the neighbour table: in clouds it answers for every address.
// It is "" where there is no such gateway, or where nobody has asked it for its MAC lately.
func (k *Kernel) gatewayMAC(link *netlink.LinkAttrs) (policy.MAC, error) {
	routes, err := undisturbed(func() ([]netlink.Route, error) {
		return k.netlink.RouteListFiltered(k.family(), &netlink.Route{LinkIndex: link.Index}, netlink.RT_FILTER_OIF)
	})
	if err != nil {
		return "", fmt.Errorf("list routes of %s: %w", link.Name, err)
	}
	routes = slices.DeleteFunc(routes, func(r netlink.Route) bool { return r.Gw == nil || !isDefault(r.Dst) })
	if len(routes) == 0 {
		return "", nil
	}
	best := slices.MinFunc(routes, func(a, b netlink.Route) int { return cmp.Compare(a.Priority, b.Priority) })

	neighbours, err := undisturbed(func() ([]netlink.Neigh, error) { return k.netlink.NeighList(link.Index, k.family()) })
	if err != nil {
		return "", fmt.Errorf("list neighbours on %s: %w", link.Name, err)
	}
	for _, n := range neighbours {
		if n.IP.Equal(best.Gw) && len(n.HardwareAddr) == 6 {
			return policy.MAC(n.HardwareAddr.String()), nil
		}
	}
	return "", nil
}

func isDefault(dst *net.IPNet) bool {
	if dst == nil {
		return true
	}
	ones, _ := dst.Mask.Size()
	return ones == 0 && dst.IP.IsUnspecified()
}
