package hetzner

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"time"
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

var _ Route = (*Failover)(nil)

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

// network64 is what the webservice calls an IPv6 subnet and server by: the first address of the /64.
func network64(a netip.Addr) netip.Addr {
	if !a.Is6() {
		return a
	}
	return netip.PrefixFrom(a, 64).Masked().Addr()
}

// Recall takes over what an earlier process left.
func (f *Failover) Recall(m Memo) {
	if m.Login != nil && m.Login.For != f.robot.password {
		m.Login = nil
	}
	f.ledger.Recall(m)
	f.robot.recall(m.Login)
}

// Holder asks to which server the failover IP is routed: one GET.
func (f *Failover) Holder(ctx context.Context) (RouteState, error) {
	ctx, cancel := context.WithTimeout(ctx, robotLook)
	defer cancel()
	if err := f.barred("look at " + f.what()); err != nil {
		return f.close(RouteState{}, err, nil)
	}
	s, err := f.look(ctx)
	return f.close(s, err, nil)
}

// Take routes the failover IP to this server: one POST, which answers when it is done.
func (f *Failover) Take(ctx context.Context, still func(context.Context) bool) (RouteState, error) {
	ctx, cancel := context.WithTimeout(ctx, robotTake)
	defer cancel()
	g := newGuard(still, f.now)
	f.begin()
	s, err := f.take(ctx, g)
	return f.close(s, err, g)
}

// GiveUp returns [ErrNoGiveUp]: a failover IP without a route is worse than one with a wrong one.
func (f *Failover) GiveUp(context.Context) (RouteState, error) {
	f.memo = f.memo.Abandon()
	return RouteState{}, ErrNoGiveUp
}

func (f *Failover) what() string { return "failover IP " + f.ip.String() }

// close keeps in the memo what was learned. g is nil for a look.
func (f *Failover) close(s RouteState, err error, g *guard) (RouteState, error) {
	if w := f.robot.refused(); w != nil {
		f.memo.Login = w
	}
	if g == nil {
		return f.looked(s, err)
	}
	return f.switched(s, err, g)
}

// take is a loop of POSTs, and of looks where a POST would be in vain.
func (f *Failover) take(ctx context.Context, g *guard) (RouteState, error) {
	f.failures, f.posts = 0, 0
	for {
		if err := f.sitOut(ctx); err != nil {
			return RouteState{}, err
		}
		s, sent, err := f.post(ctx, g)
		next := f.judge(s, sent, err)
		for next.look && next.err == nil {
			if perr := pause(ctx, next.after); perr != nil {
				return RouteState{}, errors.Join(err, perr)
			}
			next = f.watch(ctx)
		}
		if next.err != nil || next.done {
			return next.state, next.err
		}
		if perr := pause(ctx, next.after); perr != nil {
			return RouteState{}, err
		}
	}
}

// step is what to do next in a Take.
type step struct {
	done  bool
	state RouteState
	err   error
	after time.Duration
	look  bool // GET, not POST
}

// judge says what follows a POST.
func (f *Failover) judge(s RouteState, sent bool, err error) step {
	if sent {
		f.posts++
	}
	status, code := answered(err)
	if code != "FAILOVER_LOCKED" {
		f.memo.Pending.Locks = 0
	}
	switch {
	case err == nil && s.Moving:
		return step{look: true, after: lookPause}
	case err == nil, errors.Is(err, ErrNoLongerLeader), errors.Is(err, ErrNotYet), errors.Is(err, errConfig):
		return step{done: err == nil, state: s, err: err}
	case code == "FAILOVER_ALREADY_ROUTED":
		return step{done: true, state: f.ours()}
	case code == "FAILOVER_LOCKED":
		f.memo.Pending.Locks = min(f.memo.Pending.Locks+1, 12)
		pause := time.Duration(f.memo.Pending.Locks) * lockPause
		f.wait(pause, "locked by another switch")
		return step{look: true, after: pause}
	case code == "FAILOVER_FAILED", code == "FAILOVER_NOT_COMPLETE":
		if f.failures++; f.failures > maxFailures {
			f.wait(time.Minute, "the last switches failed")
			return step{err: err}
		}
		return step{after: failurePost}
	case code == "RATE_LIMIT_EXCEEDED":
		return step{err: err}
	case status >= 400 && status < 500 && status != http.StatusTooManyRequests, f.overdue(), f.posts >= maxPosts:
		return step{err: err}
	}
	return step{look: sent, after: time.Second} // nobody knows whether it arrived
}

// watch looks how a switch goes on that another call began, and says what to do.
func (f *Failover) watch(ctx context.Context) step {
	s, err := f.look(ctx)
	switch {
	case err != nil:
		return step{err: err}
	case s.Ours:
		return step{done: true, state: s}
	case s.Moving:
		return step{look: true, after: lookPause}
	case f.posts >= maxPosts:
		return step{done: true, state: s}
	}
	return step{}
}

// sitOut waits for the end of a wait that this Take can outlast, and refuses the others.
func (f *Failover) sitOut(ctx context.Context) error {
	w := f.memo.Wait
	if end, ok := ctx.Deadline(); ok && w != nil && w.Until-f.now() < time.Until(end) && f.robot.refused() == nil {
		return pause(ctx, w.Until-f.now())
	}
	return f.barred("switch " + f.what())
}

// post asks once for the switch; an API that is not there is asked again.
func (f *Failover) post(ctx context.Context, g *guard) (RouteState, bool, error) {
	ip, sent, err := f.robot.failover(ctx, question{
		op: "switch " + f.what() + " to " + f.server.String(), method: http.MethodPost, path: f.path(), guard: g, attempts: 1,
		body: []byte(url.Values{"active_server_ip": {f.server.String()}}.Encode()), kind: "application/x-www-form-urlencoded",
		client: f.robot.long,
	})
	s, err := f.read(ip, err)
	return s, sent, err
}

func (f *Failover) look(ctx context.Context) (RouteState, error) {
	ip, _, err := f.robot.failover(ctx, question{op: "look at " + f.what(), method: http.MethodGet, path: f.path(), attempts: f.attempts()})
	return f.read(ip, err)
}

func (f *Failover) path() string { return "/failover/" + url.PathEscape(f.ip.String()) }

// read makes a state of an answer, and remembers a rate limit.
func (f *Failover) read(ip failoverIP, err error) (RouteState, error) {
	var e *Error
	if errors.As(err, &e) && e.Code == "RATE_LIMIT_EXCEEDED" {
		f.wait(max(e.RetryIn, time.Minute), "the webservice's rate limit")
	}
	if err != nil {
		return RouteState{}, err
	}
	if !ip.covers(f.vip) {
		return RouteState{}, fmt.Errorf("failover IP %s does not cover the VIP %s: %w", f.robot.clean(ip.IP), f.vip, errConfig)
	}
	return f.state(ip), nil
}

func (f *Failover) state(ip failoverIP) RouteState {
	s := RouteState{Holder: "nobody", Moving: ip.Status == "processing"}
	if ip.Active == nil {
		return s
	}
	s.Holder = f.robot.clean(*ip.Active)
	if a, err := netip.ParseAddr(*ip.Active); err == nil {
		s.Ours = network64(a.Unmap()) == f.server && !s.Moving
	}
	return s
}

func (f *Failover) ours() RouteState { return RouteState{Ours: true, Holder: f.server.String()} }
