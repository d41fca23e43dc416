package hetzner

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/vipctl/vipctl/reconcile"
)

const (
	lockPause   = 5 * time.Second  // after FAILOVER_LOCKED, times how often it was said
	failurePost = 10 * time.Second // between two POSTs after FAILOVER_FAILED
	lookPause   = 5 * time.Second  // between two looks at a switch that goes on
	maxFailures = 2                // POSTs that follow a failed one
	maxPosts    = 10               // of one Take that reached the webservice
)

// failoverSwitch is one Take of a [Failover].
type failoverSwitch struct {
	*Failover
	guard    *guard
	failures int // failed POSTs
	posts    int // POSTs that reached the webservice
}

// run is a loop of POSTs, and of looks where a POST would be in vain: a switch that an earlier run
// began may go on, or have ended well.
func (f *failoverSwitch) run(ctx context.Context) (reconcile.RouteState, error) {
	for begun := f.now().Sub(f.memo.Switch.Since) > proofAge; ; begun = false {
		if err := f.sitOut(ctx); err != nil {
			return reconcile.RouteState{}, err
		}
		var err error
		next := step{look: true}
		if !begun {
			next, err = f.try(ctx)
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
func (f *failoverSwitch) try(ctx context.Context) (step, error) {
	s, sent, err := f.post(ctx)
	return f.judge(s, sent, err), err
}

// judge says what follows a POST.
func (f *failoverSwitch) judge(s reconcile.RouteState, sent bool, err error) step {
	if sent {
		f.posts++
	}
	status, code := answered(err)
	if code != "FAILOVER_LOCKED" {
		f.memo.Switch.Locks = 0
	}
	switch {
	case err == nil && s.Moving:
		return step{look: true, after: lookPause}
	case err == nil, errors.Is(err, reconcile.ErrNoLongerLeader), errors.Is(err, reconcile.ErrNotYet), errors.Is(err, errConfig):
		return step{done: err == nil, state: s, err: err}
	case code == "FAILOVER_ALREADY_ROUTED":
		return step{done: true, state: f.ours()}
	case code == "FAILOVER_LOCKED":
		f.memo.Switch.Locks = min(f.memo.Switch.Locks+1, 12)
		after := time.Duration(f.memo.Switch.Locks) * lockPause
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
func (f *failoverSwitch) watch(ctx context.Context) step {
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

// sitOut waits until the webservice may be asked again, or says why not where that is too late for
// this Take.
func (f *failoverSwitch) sitOut(ctx context.Context) error {
	w := f.memo.Wait
	if end, ok := ctx.Deadline(); ok && w != nil && w.Until.Sub(f.now()) < time.Until(end) && f.robot.refused() == nil {
		return pause(ctx, w.Until.Sub(f.now()))
	}
	return f.barred("switch " + f.what())
}

// post asks once for the switch: whether to ask again is for run to say. sent tells whether the API
// may have heard.
func (f *failoverSwitch) post(ctx context.Context) (s reconcile.RouteState, sent bool, err error) {
	ip, sent, err := f.robot.failover(ctx, question{
		op: "switch " + f.what() + " to " + f.server.String(), method: http.MethodPost, path: f.path(), guard: f.guard, attempts: 1,
		body: []byte(url.Values{"active_server_ip": {f.server.String()}}.Encode()), kind: "application/x-www-form-urlencoded",
		client: f.robot.long,
	})
	s, err = f.read(ip, err)
	return s, sent, err
}
