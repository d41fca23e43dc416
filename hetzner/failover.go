package hetzner

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/reconcile/policy"
)

const (
	robotTake = 170 * time.Second // Take's own deadline
	robotLook = 10 * time.Second  // Holder's
)

// robotPace costs 12 of the 100 GETs that the webservice allows in an hour. A switch that is
// overdue makes at most 30 POSTs an hour of 50.
func robotPace() pace {
	return pace{check: 5 * time.Minute, eager: 2 * time.Minute, late: 2 * time.Minute}
}

// FailoverOptions say which failover IP goes where.
type FailoverOptions struct {
	Address    netip.Addr // the VIP
	FailoverIP netip.Addr // the failover IP or the first address of the subnet; the zero value is the VIP, or its /64
	Server     netip.Addr // this server's main IPv4 address, or for IPv6 any of its main /64
}

// Failover is a route through a failover IP of dedicated servers. One call takes it, wherever it is
// routed; the network needs one to two minutes for it.
type Failover struct {
	ledger
	client func() (*Robot, error)
	robot  *Robot // nil before the first call
	vip    netip.Addr
	ip     netip.Addr
	server netip.Addr
}

var _ reconcile.Route = (*Failover)(nil)

// NewFailover returns a route without a memo. It connects to nothing.
func NewFailover(r *Robot, o FailoverOptions) (*Failover, error) {
	f := newFailover(given(r), r.Access, o)
	if err := f.fits(); err != nil {
		return nil, err
	}
	return f, nil
}

func newFailover(client func() (*Robot, error), a Access, o FailoverOptions) *Failover {
	f := &Failover{client: client, vip: o.Address.Unmap(), ip: network64(o.FailoverIP.Unmap()), server: network64(o.Server.Unmap())}
	if !f.ip.IsValid() {
		f.ip = network64(f.vip)
	}
	f.ledger = newLedger(a, robotPace(), "failover", f.vip, f.ip, f.server)
	return f
}

// fits refuses addresses of more than one family.
func (f *Failover) fits() error {
	if !f.server.IsValid() || f.server.Is4() != f.vip.Is4() || f.ip.Is4() != f.vip.Is4() {
		return fmt.Errorf("server %s and failover IP %s must be of the family of the VIP %s", f.server, f.ip, f.vip)
	}
	return nil
}

// network64 is the first address of a /64, which is the webservice's name for an IPv6 subnet, and
// for a server by IPv6.
func network64(a netip.Addr) netip.Addr {
	if !a.Is6() {
		return a
	}
	return netip.PrefixFrom(a, 64).Masked().Addr()
}

// open gets the client. It stands before every call, and reads the password where that was not read
// before. A refused login counts for as long as the password stays the same.
func (f *Failover) open() (err error) {
	if f.robot, err = f.client(); err != nil {
		return err
	}
	if m := f.memo.Login; m != nil && m.For != f.robot.password {
		f.memo.Login = nil
	}
	f.robot.recall(f.memo.Login)
	return nil
}

// Holder asks to which server the failover IP is routed: one GET.
func (f *Failover) Holder(ctx context.Context) (reconcile.RouteState, error) {
	ctx, cancel := context.WithTimeout(ctx, robotLook)
	defer cancel()
	if err := f.open(); err != nil {
		return f.notOpened(err)
	}
	if err := f.barred("look at " + f.what()); err != nil {
		return f.close(reconcile.RouteState{}, err, nil)
	}
	s, err := f.look(ctx)
	return f.close(s, err, nil)
}

// Take routes the failover IP to this server: one POST, which answers when it is done.
func (f *Failover) Take(ctx context.Context, begun policy.Moment, stillLeader func(context.Context) bool) (reconcile.RouteState, error) {
	ctx, cancel := context.WithTimeout(ctx, robotTake)
	defer cancel()
	f.begin(begun)
	if err := f.open(); err != nil {
		return f.notOpened(err)
	}
	g := newGuard(stillLeader, f.now)
	s, err := (&failoverSwitch{Failover: f, guard: g}).run(ctx)
	return f.close(s, err, g)
}

// GiveUp returns [reconcile.ErrNoGiveUp]: a failover IP without a route is worse than one with a
// wrong one.
func (f *Failover) GiveUp(context.Context) (reconcile.RouteState, error) {
	f.Abandon()
	return reconcile.RouteState{}, reconcile.ErrNoGiveUp
}

// Check looks at everything that Take depends on, and changes nothing: one GET of the 100 in an
// hour. It is the one that Holder makes.
func (f *Failover) Check(ctx context.Context) reconcile.RouteCheck {
	ctx, cancel := context.WithTimeout(ctx, checkPatience)
	defer cancel()
	var found reconcile.Findings
	if found.Failed(f.open()) || found.Failed(f.barred("look at "+f.what())) {
		return reconcile.RouteCheck{Findings: found}
	}
	began := f.now()
	s, err := f.look(ctx)
	took := f.now().Sub(began)
	if s, err = f.close(s, err, nil); !found.Failed(err) {
		found.Add(reconcile.OK, "the login is good, and %s covers %s", f.what(), f.vip)
		found.Add(reconcile.OK, "it is routed to %s; this server is %s", s.Holder, f.server)
		found.Add(reconcile.Warning, "whether %s is a server of this account shows only in a switch", f.server)
		latency(&found, took)
	}
	return reconcile.RouteCheck{Findings: found, Asked: true, State: s, Err: err}
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

func (f *Failover) look(ctx context.Context) (reconcile.RouteState, error) {
	ip, _, err := f.robot.failover(ctx, question{op: "look at " + f.what(), method: http.MethodGet, path: f.path(), attempts: f.attempts()})
	return f.read(ip, err)
}

func (f *Failover) path() string { return "/failover/" + url.PathEscape(f.ip.String()) }

// read makes a state of an answer, and remembers a rate limit.
func (f *Failover) read(ip failoverIP, err error) (reconcile.RouteState, error) {
	var e *Error
	if errors.As(err, &e) && e.Code == "RATE_LIMIT_EXCEEDED" {
		f.wait(max(e.RetryIn, time.Minute), "the webservice's rate limit")
	}
	if err != nil {
		return reconcile.RouteState{}, err
	}
	if !ip.covers(f.vip) {
		return reconcile.RouteState{}, fmt.Errorf("failover IP %s does not cover the VIP %s: %w", f.robot.clean(ip.IP), f.vip, errConfig)
	}
	return f.state(ip), nil
}

func (f *Failover) state(ip failoverIP) reconcile.RouteState {
	s := reconcile.RouteState{Holder: "nobody", Moving: ip.Status == "processing"}
	if ip.Active == nil {
		return s
	}
	s.Holder = f.robot.clean(*ip.Active)
	if a, err := netip.ParseAddr(*ip.Active); err == nil {
		s.Ours = network64(a.Unmap()) == f.server && !s.Moving
	}
	return s
}

func (f *Failover) ours() reconcile.RouteState {
	return reconcile.RouteState{Ours: true, Holder: f.server.String()}
}
