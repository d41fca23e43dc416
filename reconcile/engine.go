package reconcile

import (
	"context"
	"sync"
	"time"

	"github.com/vipctl/vipctl/reconcile/policy"
)

// Engine carries out the policy. It is the only code that moves an address. No field may be changed
// during a run.
type Engine struct {
	VIPs []VIP // one at least
	Ports

	switches routeSwitches
}

// Run decides for every VIP, side by side, and carries it out. A VIP that hangs or fails does not
// delay another. The outcomes are in the order of e.VIPs. It returns when everything is done, a
// hand-over's wait included, or soon after ctx ends. Only a tick leaves something behind: a route's
// API that has not answered yet, see [Engine.Settled].
func (e *Engine) Run(ctx context.Context, t policy.Trigger) []Outcome {
	r := newRun(&e.Ports, t)
	r.markCallback()
	outcomes := make([]Outcome, len(e.VIPs))
	var all sync.WaitGroup
	for i, vip := range e.VIPs {
		all.Go(func() {
			outcomes[i] = newVIPRun(r, &e.switches, vip).do(ctx)
		})
	}
	all.Wait()
	r.finish(ctx)
	return r.report(outcomes)
}

// Plan decides for every VIP like Run would now, and changes nothing.
func (e *Engine) Plan(ctx context.Context, t policy.Trigger) []Outcome {
	r := newRun(&e.Ports, t)
	outcomes := make([]Outcome, len(e.VIPs))
	for i, vip := range e.VIPs {
		v := newVIPRun(r, &e.switches, vip)
		v.plan(ctx)
		outcomes[i] = v.outcome
	}
	return r.report(outcomes)
}

// SetHold keeps the policy from moving the VIPs on this host for the given time; 0 ends a hold. A
// hold that could not be written down is an error: somebody is going to rely on it.
func (e *Engine) SetHold(by string, at policy.Moment, lasting time.Duration) []Outcome {
	r := newRun(&e.Ports, policy.Trigger{Event: policy.EventOperator, By: by, At: at})
	outcomes := make([]Outcome, len(e.VIPs))
	for i, vip := range e.VIPs {
		outcomes[i] = newVIPRun(r, &e.switches, vip).setHold(lasting)
	}
	r.history.busy.Wait()
	return r.report(outcomes)
}

// Settled waits until no API is asked any more, for d at the most, and reports whether that is so.
// A tick leaves that work behind; whoever runs one goes on running them until it is done.
func (e *Engine) Settled(ctx context.Context, d time.Duration) bool {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	for _, vip := range e.VIPs {
		if !e.switches.settled(ctx, vip.Name) {
			return false
		}
	}
	return true
}

// Unassign gives a VIP's route up where it points here, and returns who has it then. It is an
// operator's, and meant for a VIP that has been released: while it is still here, the next tick
// takes the route back. The error wraps [ErrBusy] where another process asks the API.
func (e *Engine) Unassign(ctx context.Context, vip VIP, t policy.Trigger) (RouteState, error) {
	s := &routeSwitch{Ports: &e.Ports, vip: vip, trigger: t}
	return s.giveUp(ctx)
}

// CheckRoute has a VIP's route checked with what earlier processes have learned, a refused login
// above all, and keeps what it learns: a login that is refused here counts like any other. Errors
// come as findings.
func (e *Engine) CheckRoute(ctx context.Context, vip VIP) []Finding {
	var found Findings
	unlock, err := e.Store.LockRoute(vip.Name)
	if found.Failed(err) {
		return found
	}
	defer unlock()
	m, err := e.Store.RouteMemo(vip.Name)
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
	if err := e.Store.SaveRouteMemo(vip.Name, m); err != nil {
		found.Add(Warning, "%v", err)
	}
	return found
}
