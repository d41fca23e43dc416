package reconcile

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// tickSwitches is how long a tick's process works on a route: less than the time that the example's
// unit gives it.
const tickSwitches = 25 * time.Second

// switchRoute begins what the route of a VIP needs that has just been vouched for, and returns what
// waits for its end.
func switchRoute(ctx context.Context, v *visit) (finish func()) {
	if v.vip.Route == nil || v.outcome.Verdict.Do != DoHold || v.outcome.Err != nil || !v.claimed && !entitled(v.facts) {
		return func() {}
	}
	s := &routeSwitch{
		Engine: v.Engine, vip: v.vip, trigger: v.trigger, generation: v.facts.Note.Generation, proved: proved(v.facts), done: make(chan struct{}),
	}
	outlives := v.trigger.Event == EventTick
	limit := RouteLockAge
	if outlives {
		ctx, limit = context.WithoutCancel(ctx), tickSwitches
	}
	ctx, stop := context.WithTimeout(ctx, limit)
	ctx, s.cancel = context.WithCancelCause(ctx)
	if !v.routes.start(s, func() { defer stop(); s.run(ctx) }) {
		stop()
		return func() {}
	}
	return func() {
		if !outlives {
			joinRoute(v, s)
		}
	}
}

// joinRoute waits for a switch and takes over what came of it.
func joinRoute(v *visit, s *routeSwitch) {
	<-s.done
	if s.record != nil {
		v.outcome.Records = append(v.outcome.Records, *s.record)
	}
	v.outcome.Warnings = append(v.outcome.Warnings, s.warnings...)
	if v.outcome.Err == nil && !errors.Is(s.err, ErrNoLongerLeader) {
		v.outcome.Err = s.err
	}
}

// dismissRoute ends this process's call for an address that is not here, or about to go: a member
// that does not lead asks the API nothing, not even how a call went.
func dismissRoute(v *visit, verdict Verdict) {
	if verdict.Do == DoHold || verdict.Do == DoNothing && v.facts.holder() {
		return
	}
	v.routes.cancel(v.vip.Name)
}

// Settled waits until no API is asked any more, for d at the most, and reports whether that is so.
// A tick leaves that work behind; whoever runs one goes on running them until it is done.
func (e *Engine) Settled(ctx context.Context, d time.Duration) bool {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	for _, vip := range e.VIPs {
		s := e.routes.of(vip.Name)
		if s == nil {
			continue
		}
		select {
		case <-s.done:
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// Unassign gives a VIP's route up where it points here, and returns who has it then. It is an
// operator's, and meant for a VIP that has been released: while it is still held, the next tick
// takes the route back. The error wraps [ErrBusy] where another process asks the API.
func (e *Engine) Unassign(ctx context.Context, vip VIP, t Trigger) (RouteState, error) {
	unlock, err := e.Notes.LockRoute(vip.Name)
	if err != nil {
		return RouteState{}, fmt.Errorf("give up the route: %w", err)
	}
	defer unlock()
	s := &routeSwitch{Engine: e, vip: vip, trigger: t}
	s.recall()
	s.abandon()
	state, err := vip.Route.GiveUp(ctx)
	s.memo = s.memo.learn(state, err, e.Clock.Now())
	s.memo.Generation, s.memo.Failure = 0, ""
	s.keep()
	if err != nil {
		return state, fmt.Errorf("give up the route: %w", err)
	}
	s.tell("given up by hand, the route points to " + state.Holder)
	return state, nil
}

// CheckRoute has a VIP's route checked with what earlier processes have learned, a refused login
// above all, and keeps what it learns: a login that is refused here counts like any other. Errors
// come as findings.
func (e *Engine) CheckRoute(ctx context.Context, vip VIP) []Finding {
	var found Findings
	unlock, err := e.Notes.LockRoute(vip.Name)
	if found.Failed(err) {
		return found
	}
	defer unlock()
	m, err := e.Notes.RouteMemo(vip.Name)
	if err == nil {
		err = vip.Route.Recall(m.Provider, nil)
	}
	if found.Failed(err) {
		return found
	}
	c := vip.Route.Check(ctx)
	if c.Asked {
		m = m.learn(c.State, c.Err, e.Clock.Now())
	}
	found = c.Findings
	m.Provider = vip.Route.Memo()
	if err := e.Notes.SaveRouteMemo(vip.Name, m); err != nil {
		found.Add(Warning, "%v", err)
	}
	return found
}

// routeSwitches are the switches of one process: the last of each VIP. It may be used concurrently.
type routeSwitches struct {
	mu   sync.Mutex
	last map[string]*routeSwitch
}

// start runs a switch, unless an earlier one of the VIP still does.
func (r *routeSwitches) start(s *routeSwitch, run func()) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if before := r.last[s.vip.Name]; before != nil && !before.over() {
		return false
	}
	if r.last == nil {
		r.last = map[string]*routeSwitch{}
	}
	r.last[s.vip.Name] = s
	go func() { defer close(s.done); run() }()
	return true
}

// of returns the last switch of a VIP, nil where there was none.
func (r *routeSwitches) of(vip string) *routeSwitch {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last[vip]
}

// cancel ends the last switch of a VIP with [ErrNoLongerLeader].
func (r *routeSwitches) cancel(vip string) {
	if s := r.of(vip); s != nil {
		s.cancel(ErrNoLongerLeader)
	}
}
