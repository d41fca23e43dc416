package reconcile

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/vipctl/vipctl/reconcile/policy"
)

// run does the errand, unless another process is at it: that one does the same.
func (s *steering) run(ctx context.Context) {
	unlock, err := s.Store.LockRoute(s.vip.Name)
	if errors.Is(err, ErrBusy) {
		return
	}
	if err != nil {
		s.warn("continuing without the route's lock", err)
		if s.trigger.Event == policy.EventTick { // without a memory too, each tick would ask the API
			return
		}
		unlock = func() {}
	}
	defer unlock()
	m := s.recall()
	switch errandFor(m, s.generation, s.Clock.Now()) {
	case errandLook:
		s.look(ctx, m)
	case errandTake:
		s.take(ctx, m, "")
	}
}

// recall returns what earlier processes left, and gives it to the route. Another claim's failure says nothing of this
// one. Neither does its switch: it may be overdue, and a route spends few requests on one that is.
func (s *steering) recall() RouteMemo {
	m, err := s.Store.RouteMemo(s.vip.Name)
	if s.warn("continuing without the route's memo", err) {
		m = RouteMemo{}
	}
	if m.Generation != s.generation {
		m = m.Abandon()
		m.Failure = ""
	}
	s.vip.Route.Recall(m, s.keep)
	return m
}

// look asks who has the route, and takes it back.
func (s *steering) look(ctx context.Context, m RouteMemo) {
	state, err := s.vip.Route.Holder(ctx)
	err = reason(ctx, err)
	if err == nil && !state.Ours && !state.Moving {
		s.take(ctx, s.vip.Route.Memo(), state.Holder+" had the route: ")
		return
	}
	s.close(m, state, err, news{success: "the route points here: " + state.Holder, failure: "the API does not say where the route points"})
}

// take keeps the intent before it asks for anything, so that a call which is cut short is finished by the next run.
func (s *steering) take(ctx context.Context, m RouteMemo, why string) {
	m.Generation = s.generation
	m = m.Intend(s.Clock.Now())
	s.keep(m)
	s.vip.Route.Recall(m, s.keep)
	state, err := s.turn(ctx)
	took := (s.Clock.Now() - m.Pending.Since).Round(time.Millisecond)
	s.close(m, state, err, news{
		worthy: true, success: fmt.Sprintf("%sthe route points here: %s, after %v", why, state.Holder, took), failure: "the route does not point here",
	})
}

// turn has the route turned here. Take trusts a proof of half an [EvidenceAge]: where a look or a busy host has let ours
// become older, it is made sure of first.
func (s *steering) turn(ctx context.Context) (RouteState, error) {
	if s.Clock.Now()-s.proved > policy.EvidenceAge/2 && !s.still(ctx) {
		return RouteState{}, ErrNoLongerLeader
	}
	state, err := s.vip.Route.Take(ctx, s.still)
	return state, reason(ctx, err)
}

// reason is why a call ended: where it was ended because the address went, that.
func reason(ctx context.Context, err error) error {
	if err != nil && errors.Is(context.Cause(ctx), ErrNoLongerLeader) {
		return ErrNoLongerLeader
	}
	return err
}

// news is what people are told of an errand. A failure is told once; a success where it is worthy, or ends a failure.
type news struct {
	worthy           bool
	success, failure string
}

// close keeps what the next run must know, and tells what people should.
func (s *steering) close(was RouteMemo, state RouteState, err error, e news) {
	m := s.vip.Route.Memo()
	m.Generation, m.Failure = s.generation, text(err)
	switch {
	case errors.Is(err, ErrNoLongerLeader): // nothing is known of the route: whoever leads again takes it
		m = m.Abandon()
		m.Generation, m.Failure = 0, ""
	case err == nil && !state.Ours: // under way
		m.Failure = was.Failure
	}
	s.err = err
	s.keep(m)
	switch {
	case err == nil && state.Ours && (e.worthy || was.Failure != ""):
		s.tell(e.success)
	case err != nil && m.Failure != "" && was.Failure == "":
		s.tell(e.failure)
	}
}

// keep saves a memo. Where that fails, the next run does again what this one did, which does no harm.
func (s *steering) keep(m RouteMemo) {
	s.warn("save the route's memo", s.Store.SaveRouteMemo(s.vip.Name, m))
}

// warn keeps err, when there is one, for a callback to report. A tick is gone by then; it has the same trouble with the
// note, and reports that.
func (s *steering) warn(doing string, err error) bool {
	if err != nil {
		s.warnings = append(s.warnings, fmt.Sprintf("%s: %s: %v", s.vip.Name, doing, err))
	}
	return err != nil
}

// tell makes the record of what came of a route.
func (s *steering) tell(why string) {
	s.record = &Record{
		At: Stamp{s.Clock.Wall()}, VIP: s.vip.Name, Trigger: s.trigger.Event, By: s.trigger.By,
		Do: ChangeRoute, Code: codeRoute, Reason: why, TookMS: milliseconds(s.Clock.Now() - s.trigger.At), Error: text(s.err),
	}
	if s.Tell != nil {
		s.Tell(*s.record)
	}
	s.warn("write the history", s.History.Append(*s.record))
}

// still asks, before an attempt that comes late, whether the address would be claimed if everything were decided now, and
// whether the claim is still the same. An operator's --force needs no leader.
func (s *steering) still(ctx context.Context) bool {
	t := policy.Trigger{Event: policy.EventTick, By: s.trigger.By, At: s.Clock.Now()}
	if s.trigger.Force {
		t = s.trigger
		t.At = s.Clock.Now()
	}
	vip := s.vip
	vip.Address = untouched{vip.Address}
	v := newVIPRun(newRun(s.Engine, t), vip)
	v.plan(ctx)
	return v.outcome.Verdict.Do == policy.DoKeep && v.facts.VIP.Generation == s.generation
}

// untouched is an address that always says that it is not here: still asks whether it would be claimed now, and does not look
// while a tick of this process may move it.
type untouched struct{ Address }

func (untouched) State() (policy.AddressState, error) {
	return policy.AddressState{Presence: policy.PresenceNo}, nil
}

// Unassign gives a VIP's route up where it points here, and returns who has it then. It is an operator's, and meant for
// a VIP that has been released: while it is still held, the next tick takes the route back.
func (e *Engine) Unassign(ctx context.Context, vip VIP, t policy.Trigger) (RouteState, error) {
	unlock, err := e.Store.LockRoute(vip.Name)
	if err != nil {
		return RouteState{}, fmt.Errorf("give up the route: %w", err)
	}
	defer unlock()
	s := &steering{Engine: e, vip: vip, trigger: t}
	s.recall()
	state, err := vip.Route.GiveUp(ctx)
	m := vip.Route.Memo()
	m.Generation, m.Failure = 0, ""
	s.keep(m)
	if err != nil {
		return state, fmt.Errorf("give up the route: %w", err)
	}
	s.tell("given up by hand, the route points to " + state.Holder)
	return state, nil
}
