package hetzner

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/vipctl/vipctl/reconcile"
)

const (
	robotTake = 170 * time.Second // Take's own deadline
	robotLook = 10 * time.Second  // Holder's

	lockPause   = 5 * time.Second  // after FAILOVER_LOCKED, times how often it was said
	failurePost = 10 * time.Second // between two POSTs after FAILOVER_FAILED
	lookPause   = 5 * time.Second  // between two looks at a switch that goes on
	maxFailures = 2                // POSTs that follow a failed one
	maxPosts    = 10               // of one Take that reached the webservice
)

// robotPace costs 12 of the 100 GETs that the webservice allows in an hour. A switch that is overdue makes at most 30
// POSTs an hour of 50.
func robotPace() pace {
	return pace{check: 5 * time.Minute, eager: 2 * time.Minute, late: 2 * time.Minute}
}

// FailoverOptions say which failover IP goes where.
type FailoverOptions struct {
	Address    netip.Addr // the VIP
	FailoverIP netip.Addr // the failover IP or the first address of the subnet; the zero value is the VIP, or its /64
	Server     netip.Addr // this server's main IPv4 address, or for IPv6 any of its main /64
}

// Failover is a route through a failover IP of dedicated servers. One call takes it, wherever it is routed; the network
// needs one to two minutes for it.
type Failover struct {
	ledger
	robot    *Robot
	vip      netip.Addr
	ip       netip.Addr
	server   netip.Addr
	failures int // failed POSTs of this Take
	posts    int // POSTs of this Take that reached the webservice
}

var _ reconcile.Route = (*Failover)(nil)

// NewFailover returns a route without a memo. It connects to nothing.
func NewFailover(r *Robot, o FailoverOptions) (*Failover, error) {
	f := &Failover{robot: r, vip: o.Address.Unmap(), ip: network64(o.FailoverIP.Unmap()), server: network64(o.Server.Unmap())}
	if !f.ip.IsValid() {
		f.ip = network64(f.vip)
	}
	if !f.server.IsValid() || f.server.Is4() != f.vip.Is4() || f.ip.Is4() != f.vip.Is4() {
		return nil, fmt.Errorf("server %s and failover IP %s must be of the family of the VIP %s", f.server, f.ip, f.vip)
	}
	f.ledger = newLedger(r.Access, robotPace(), "failover", f.vip, f.ip, f.server)
	return f, nil
}

// network64 is the first address of a /64, which is the webservice's name for an IPv6 subnet, and for a server by IPv6.
func network64(a netip.Addr) netip.Addr {
	if !a.Is6() {
		return a
	}
	return netip.PrefixFrom(a, 64).Masked().Addr()
}

// Recall takes over what an earlier process left.
func (f *Failover) Recall(m reconcile.RouteMemo, keep func(reconcile.RouteMemo)) {
	if m.Login != nil && m.Login.For != f.robot.password {
		m.Login = nil
	}
	f.ledger.Recall(m, keep)
	f.robot.recall(m.Login)
}

// Holder asks to which server the failover IP is routed: one GET.
func (f *Failover) Holder(ctx context.Context) (reconcile.RouteState, error) {
	ctx, cancel := context.WithTimeout(ctx, robotLook)
	defer cancel()
	if err := f.barred("look at " + f.what()); err != nil {
		return f.close(reconcile.RouteState{}, err, nil)
	}
	s, err := f.look(ctx)
	return f.close(s, err, nil)
}

// Take routes the failover IP to this server: one POST, which answers when it is done.
func (f *Failover) Take(ctx context.Context, still func(context.Context) bool) (reconcile.RouteState, error) {
	ctx, cancel := context.WithTimeout(ctx, robotTake)
	defer cancel()
	g := newGuard(still, f.now)
	f.begin()
	s, err := f.take(ctx, g)
	return f.close(s, err, g)
}

// GiveUp returns [reconcile.ErrNoGiveUp]: a failover IP without a route is worse than one with a wrong one.
func (f *Failover) GiveUp(context.Context) (reconcile.RouteState, error) {
	f.memo = f.memo.Abandon()
	return reconcile.RouteState{}, reconcile.ErrNoGiveUp
}

func (f *Failover) what() string { return "failover IP " + f.ip.String() }

// close keeps in the memo what was learned. g is nil for a look.
func (f *Failover) close(s reconcile.RouteState, err error, g *guard) (reconcile.RouteState, error) {
	if w := f.robot.refused(); w != nil {
		f.memo.Login = w
	}
	if g == nil {
		return f.looked(s, err)
	}
	return f.switched(s, err, g)
}
