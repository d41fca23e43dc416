package hetzner

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/reconcile/policy"
)

const (
	cloudTake = 30 * time.Second // Take's own deadline
	cloudLook = 10 * time.Second // Holder's and GiveUp's
)

// cloudPace costs 120 calls an hour of a project's 3600, by the leader alone.
func cloudPace() pace {
	return pace{check: 30 * time.Second, eager: 2 * time.Minute, late: 30 * time.Second}
}

// FloatingIPOptions say which floating IP goes where.
type FloatingIPOptions struct {
	Address    netip.Addr // the VIP
	FloatingIP string     // its id, name or address; empty is the VIP's address
	Server     int64      // this server's id; 0 asks the metadata service
}

// FloatingIP is a route through the Cloud's floating IPs. One call takes it, wherever it is
// assigned.
type FloatingIP struct {
	cloudRoute
	opts FloatingIPOptions
}

var _ reconcile.Route = (*FloatingIP)(nil)

// NewFloatingIP returns a route without a memo. It connects to nothing.
func NewFloatingIP(c *Cloud, m *Metadata, o FloatingIPOptions) *FloatingIP {
	return newFloatingIP(given(c), c.Access, m, o)
}

func newFloatingIP(client func() (*Cloud, error), a Access, m *Metadata, o FloatingIPOptions) *FloatingIP {
	o.Address = o.Address.Unmap()
	if o.FloatingIP == "" {
		o.FloatingIP = o.Address.String()
	}
	l := newLedger(a, cloudPace(), "floating", o.Address, o.FloatingIP, o.Server)
	return &FloatingIP{cloudRoute: cloudRoute{ledger: l, client: client, meta: m, server: o.Server}, opts: o}
}

// Holder asks to which server the floating IP is assigned: one GET once the ids are known, and one
// more while the memo has an action under way.
func (f *FloatingIP) Holder(ctx context.Context) (reconcile.RouteState, error) {
	ctx, cancel := context.WithTimeout(ctx, cloudLook)
	defer cancel()
	if err := f.open(); err != nil {
		return f.notOpened(err)
	}
	return f.looked(f.look(ctx))
}

// Take assigns the floating IP to this server: one POST once the ids are known, and a GET for each
// look at the action.
func (f *FloatingIP) Take(ctx context.Context, begun policy.Moment, stillLeader func(context.Context) bool) (reconcile.RouteState, error) {
	ctx, cancel := context.WithTimeout(ctx, cloudTake)
	defer cancel()
	f.begin(begun)
	if err := f.open(); err != nil {
		return f.notOpened(err)
	}
	g := newGuard(stillLeader, f.now)
	s, err := f.take(ctx, g)
	return f.switched(s, err, g)
}

// GiveUp unassigns the floating IP where it is assigned to this server.
func (f *FloatingIP) GiveUp(ctx context.Context) (reconcile.RouteState, error) {
	ctx, cancel := context.WithTimeout(ctx, cloudTake)
	defer cancel()
	if err := f.open(); err != nil {
		return f.notOpened(err)
	}
	s, err := f.look(ctx)
	if err == nil && s.Ours {
		if err = f.unassign(ctx, newGuard(nil, f.now)); err == nil {
			s, err = f.look(ctx)
		}
	}
	f.Abandon()
	return f.looked(s, err)
}

// Check looks at everything that Take depends on, and changes nothing. Whether the token may write
// cannot be known without writing.
func (f *FloatingIP) Check(ctx context.Context) reconcile.RouteCheck {
	ctx, cancel := context.WithTimeout(ctx, checkPatience)
	defer cancel()
	var found reconcile.Findings
	if found.Failed(f.open()) {
		return reconcile.RouteCheck{Findings: found}
	}
	fresh := &FloatingIP{cloudRoute: f.fresh(), opts: f.opts}
	began := fresh.now()
	ip, err := fresh.find(ctx)
	if found.Failed(err) {
		return reconcile.RouteCheck{Findings: found}
	}
	found.Add(reconcile.OK, "the token is valid; it must be able to write too, which only a switch can show")
	found.Add(reconcile.OK, "floating IP %d (%s) is %s and covers %s", ip.ID, f.cloud.clean(ip.Name), f.cloud.clean(ip.IP), f.opts.Address)
	if ip.Blocked {
		found.Add(reconcile.Problem, "floating IP %d is blocked by Hetzner", ip.ID)
	}
	latency(&found, fresh.now().Sub(began))
	fresh.checkServer(ctx, &found)
	if s, err := fresh.look(ctx); !found.Failed(err) {
		found.Add(reconcile.OK, "it is assigned to %s", s.Holder)
	}
	quota(&found, f.cloud.Quota())
	return reconcile.RouteCheck{Findings: found}
}

func (f *FloatingIP) take(ctx context.Context, g *guard) (reconcile.RouteState, error) {
	if f.memo.Switch.Action != 0 && f.resume(ctx) == nil {
		if s, err := f.look(ctx); err == nil && s.Ours {
			return s, nil
		}
	}
	for retried := false; ; retried = true {
		s, err := f.assign(ctx, g)
		status, code := answered(err)
		var failed *actionError
		switch {
		case code == "floating_ip_assigned":
			return f.settle(ctx, g)
		case retried || status != 404 && !errors.As(err, &failed):
			return s, err
		case status == 404: // deleted and made anew under its name, or a server that was rebuilt
			f.forget()
		}
	}
}

// assign points the floating IP at this server.
func (f *FloatingIP) assign(ctx context.Context, g *guard) (reconcile.RouteState, error) {
	if err := f.resolve(ctx); err != nil {
		return reconcile.RouteState{}, err
	}
	server, err := f.serverID(ctx)
	if err != nil {
		return reconcile.RouteState{}, err
	}
	op := fmt.Sprintf("assign floating IP %d to server %d", f.memo.Target, server)
	err = f.do(ctx, g, op, "assign", map[string]int64{"server": server})
	return f.state(&server, server, false), err
}

// do begins an action and waits for its end.
func (f *FloatingIP) do(ctx context.Context, g *guard, op, verb string, body any) error {
	a, err := f.cloud.act(ctx, g, op, fmt.Sprintf("/floating_ips/%d/actions/%s", f.memo.Target, verb), f.attempts(), body)
	if err != nil {
		return err
	}
	if err := f.follow(ctx, a); err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	return nil
}

// settle follows the answer floating_ip_assigned. Hetzner does not say whether that means this
// server or another, so it is looked up.
func (f *FloatingIP) settle(ctx context.Context, g *guard) (reconcile.RouteState, error) {
	s, err := f.look(ctx)
	if err != nil || s.Ours {
		return s, err
	}
	if err := f.unassign(ctx, g); err != nil {
		return s, err
	}
	return f.assign(ctx, g)
}

func (f *FloatingIP) unassign(ctx context.Context, g *guard) error {
	return f.do(ctx, g, fmt.Sprintf("unassign floating IP %d", f.memo.Target), "unassign", struct{}{})
}

// look asks whose the floating IP is. A known action that still runs means that it is nobody's yet.
func (f *FloatingIP) look(ctx context.Context) (reconcile.RouteState, error) {
	server, err := f.serverID(ctx)
	if err != nil {
		return reconcile.RouteState{}, err
	}
	ip, err := f.find(ctx)
	if err != nil {
		return reconcile.RouteState{}, err
	}
	moving, err := f.moving(ctx)
	return f.state(ip.Server, server, moving), err
}

// moving reports whether the action that is in the memo still runs. One that does not is dropped
// from it.
func (f *FloatingIP) moving(ctx context.Context) (bool, error) {
	p := f.memo.Switch
	if p == nil || p.Action == 0 {
		return false, nil
	}
	a, err := actionByID(ctx, f.cloud, p.Action, f.attempts())
	var gone *actionError
	if errors.As(err, &gone) {
		err = nil
	}
	if err == nil && a.Status != "running" {
		p.Action = 0
	}
	return a.Status == "running", err
}

func (f *FloatingIP) state(holder *int64, server int64, moving bool) reconcile.RouteState {
	s := reconcile.RouteState{Holder: "nobody", Moving: moving, Quota: f.cloud.Quota()}
	if holder != nil {
		s.Holder = fmt.Sprintf("server %d", *holder)
		s.Ours = *holder == server && !moving
	}
	return s
}

// find reads the floating IP, by its id where that is known. An id that is gone is looked up once
// more.
func (f *FloatingIP) find(ctx context.Context) (floatingIP, error) {
	if f.memo.Target != 0 {
		ip, err := floatingIPByID(ctx, f.cloud, f.memo.Target, f.attempts())
		if status, _ := answered(err); status != 404 {
			return ip, err
		}
		f.forget()
	}
	ip, err := findFloatingIP(ctx, f.cloud, f.opts.FloatingIP, f.attempts())
	if err != nil {
		return ip, err
	}
	if !ip.covers(f.opts.Address) {
		return ip, fmt.Errorf("floating IP %s is %s, which is not %s: %w",
			f.opts.FloatingIP, f.cloud.clean(ip.IP), f.opts.Address, errConfig)
	}
	f.memo.Target = ip.ID
	return ip, nil
}

func (f *FloatingIP) resolve(ctx context.Context) error {
	if f.memo.Target != 0 {
		return nil
	}
	_, err := f.find(ctx)
	return err
}
