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
)

// take is a loop of POSTs, and of looks where a POST would be in vain: a switch that an earlier run began may go on, or
// have ended well.
func (f *Failover) take(ctx context.Context, g *guard) (reconcile.RouteState, error) {
	f.failures, f.posts = 0, 0
	for begun := f.now()-f.memo.Pending.Since > proofAge; ; begun = false {
		if err := f.sitOut(ctx); err != nil {
			return reconcile.RouteState{}, err
		}
		var err error
		next := step{look: true}
		if !begun {
			next, err = f.try(ctx, g)
		}
		for next.look && next.err == nil {
			if perr := pause(ctx, next.after); perr != nil {
				return reconcile.RouteState{}, sooner(err, perr)
			}
			next = f.watch(ctx)
		}
		if next.err != nil || next.done {
			return next.state, next.err
		}
		if perr := pause(ctx, next.after); perr != nil {
			return reconcile.RouteState{}, sooner(err, perr)
		}
	}
}

// sooner prefers what the webservice said last to the news that the time is over.
func sooner(err, over error) error {
	if err != nil {
		return err
	}
	return over
}

// step is what to do next in a Take.
type step struct {
	done  bool
	state reconcile.RouteState
	err   error
	after time.Duration
	look  bool // GET, not POST
}

// try asks for the switch, and says what follows.
func (f *Failover) try(ctx context.Context, g *guard) (step, error) {
	s, sent, err := f.post(ctx, g)
	return f.judge(s, sent, err), err
}

// judge says what follows a POST.
func (f *Failover) judge(s reconcile.RouteState, sent bool, err error) step {
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
	case err == nil, errors.Is(err, reconcile.ErrNoLongerLeader), errors.Is(err, reconcile.ErrNotYet), errors.Is(err, errConfig):
		return step{done: err == nil, state: s, err: err}
	case code == "FAILOVER_ALREADY_ROUTED":
		return step{done: true, state: f.ours()}
	case code == "FAILOVER_LOCKED":
		f.memo.Pending.Locks = min(f.memo.Pending.Locks+1, 12)
		after := time.Duration(f.memo.Pending.Locks) * lockPause
		f.wait(after, "locked by another switch")
		return step{look: true, after: after}
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

// sitOut waits until the webservice may be asked again, or says why not where that is too late for this Take.
func (f *Failover) sitOut(ctx context.Context) error {
	w := f.memo.Wait
	if end, ok := ctx.Deadline(); ok && w != nil && w.Until-f.now() < time.Until(end) && f.robot.refused() == nil {
		return pause(ctx, w.Until-f.now())
	}
	return f.barred("switch " + f.what())
}

// post asks once for the switch: whether to ask again is for take to say. sent tells whether the API may have heard.
func (f *Failover) post(ctx context.Context, g *guard) (s reconcile.RouteState, sent bool, err error) {
	ip, sent, err := f.robot.failover(ctx, question{
		op: "switch " + f.what() + " to " + f.server.String(), method: http.MethodPost, path: f.path(), guard: g, attempts: 1,
		body: []byte(url.Values{"active_server_ip": {f.server.String()}}.Encode()), kind: "application/x-www-form-urlencoded",
		client: f.robot.long,
	})
	s, err = f.read(ip, err)
	return s, sent, err
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
