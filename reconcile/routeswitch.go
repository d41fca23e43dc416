package reconcile

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/vipctl/vipctl/reconcile/policy"
)

// routeSwitch points the network at this host for one claim. It holds no VIP's lock, runs beside
// the engine's work, and in a tick outlives the run.
type routeSwitch struct {
	*Ports
	vip        VIP
	trigger    policy.Trigger
	generation uint64        // of the claim
	proved     policy.Moment // when what vouches for the claim was true
	// stillLeader asks, before an attempt that comes late, whether the address would be claimed if
	// everything were decided now, and whether the claim is still the same.
	stillLeader func(context.Context) bool
	cancel      context.CancelCauseFunc // with [ErrNoLongerLeader]
	memo        RouteMemo

	done     chan struct{}
	record   *Record // what came of it, nil where nothing did; like the others valid when done
	warnings []string
	err      error
}

// run does what the route needs, unless another process is at it: that one does the same.
func (s *routeSwitch) run(ctx context.Context) {
	unlock, err := s.Store.LockRoute(s.vip.Name)
	if errors.Is(err, ErrBusy) {
		return
	}
	if err != nil {
		s.warn("continuing without the route's lock", err)
		if s.trigger.Event == policy.EventTick { // without a memo too, each tick would ask the API
			return
		}
		unlock = func() {}
	}
	defer unlock()
	s.recall()
	facts := policy.RouteFacts{
		Now: s.Clock.Now(), Claim: s.generation, TakenFor: s.memo.Generation, Pending: !s.memo.Begun.IsZero(), Due: s.memo.Due,
	}
	switch facts.Next() {
	case policy.RouteAsk:
		s.ask(ctx)
	case policy.RouteTake:
		s.take(ctx, "")
	}
}

// recall reads what earlier processes left, and gives the route its part. Another claim's failure
// says nothing of this one. Neither does its switch: it may be overdue, and a route spends few
// requests on one that is.
func (s *routeSwitch) recall() {
	m, err := s.Store.RouteMemo(s.vip.Name)
	if err == nil {
		err = s.vip.Route.Recall(m.Provider, s.keepProvider)
	}
	if s.warn("continuing without the route's memo", err) {
		m = RouteMemo{}
		s.warn("continuing without the route's memo", s.vip.Route.Recall(nil, s.keepProvider))
	}
	if s.memo = m; m.Generation != s.generation {
		s.abandon()
		s.memo.Failure = ""
	}
}

// abandon forgets the switch that was begun, also the route's part of it.
func (s *routeSwitch) abandon() {
	s.memo = s.memo.abandon()
	s.vip.Route.Abandon()
}

// ask asks who has the route, and takes it back.
func (s *routeSwitch) ask(ctx context.Context) {
	state, err := s.vip.Route.Holder(ctx)
	err = reason(ctx, err)
	s.memo = s.memo.learn(state, err, s.Clock.Now())
	if err == nil && !state.Ours && !state.Moving {
		s.take(ctx, state.Holder+" had the route: ")
		return
	}
	s.finish(state, err, news{success: "the route points here: " + state.Holder, failure: "the API does not say where the route points"})
}

// take keeps the intent before it asks for anything, so that a call which is cut short is finished
// by the next run.
func (s *routeSwitch) take(ctx context.Context, why string) {
	s.memo.Generation = s.generation
	s.memo = s.memo.begin(s.Clock.Now())
	begun := s.memo.Begun
	s.keep()
	state, err := s.turn(ctx, begun)
	s.memo = s.memo.learn(state, err, s.Clock.Now())
	took := s.Clock.Now().Sub(begun).Round(time.Millisecond)
	s.finish(state, err, news{
		worthy: true, success: fmt.Sprintf("%sthe route points here: %s, after %v", why, state.Holder, took), failure: "the route does not point here",
	})
}

// turn has the route turned here. Take trusts a proof of half an [EvidenceAge]: where a question or
// a busy host has let ours become older, the proof is renewed first.
func (s *routeSwitch) turn(ctx context.Context, begun policy.Moment) (RouteState, error) {
	if s.Clock.Now().Sub(s.proved) > policy.EvidenceAge/2 && !s.stillLeader(ctx) {
		return RouteState{}, ErrNoLongerLeader
	}
	state, err := s.vip.Route.Take(ctx, begun, s.stillLeader)
	return state, reason(ctx, err)
}

// reason is why a call ended. Where it was ended because the address went, that is the reason.
func reason(ctx context.Context, err error) error {
	if err != nil && errors.Is(context.Cause(ctx), ErrNoLongerLeader) {
		return ErrNoLongerLeader
	}
	return err
}

// news is what people are told of a route. A failure is told once; a success where it is worthy, or
// ends a failure.
type news struct {
	worthy           bool
	success, failure string
}

// finish keeps what the next run must know, and tells what people should.
func (s *routeSwitch) finish(state RouteState, err error, n news) {
	before := s.memo.Failure
	s.err = err
	switch {
	case errors.Is(err, ErrNoLongerLeader): // nothing is known of the route: whoever leads again takes it
		s.abandon()
		s.memo.Generation, s.memo.Failure = 0, ""
	case err != nil:
		s.memo.Generation, s.memo.Failure = s.generation, err.Error()
	case state.Ours:
		s.memo.Generation, s.memo.Failure = s.generation, ""
	default: // under way: an earlier failure has not ended yet
		s.memo.Generation = s.generation
	}
	s.keep()
	switch {
	case err == nil && state.Ours && (n.worthy || before != ""):
		s.tell(n.success)
	case err != nil && s.memo.Failure != "" && before == "":
		s.tell(n.failure)
	}
}

// keep saves the memo, with the route's part of it. Where that fails, the next run does again what
// this one did, which does no harm.
func (s *routeSwitch) keep() { s.keepProvider(s.vip.Route.Memo()) }

// keepProvider saves the memo in the middle of a call.
func (s *routeSwitch) keepProvider(memo json.RawMessage) {
	s.memo.Provider = memo
	s.warn("save the route's memo", s.Store.SaveRouteMemo(s.vip.Name, s.memo))
}

// warn keeps err, when there is one, for a callback to report. A tick is gone by then; it has the
// same trouble with the VIP state, and reports that.
func (s *routeSwitch) warn(doing string, err error) bool {
	if err != nil {
		s.warnings = append(s.warnings, fmt.Sprintf("%s: %s: %v", s.vip.Name, doing, err))
	}
	return err != nil
}

// tell makes the record of what came of a route.
func (s *routeSwitch) tell(why string) {
	s.record = &Record{
		At: Stamp{s.Clock.Wall()}, VIP: s.vip.Name, Trigger: s.trigger.Event, By: s.trigger.By,
		Do: ChangeRoute, Code: codeRoute, Reason: why, TookMS: milliseconds(s.Clock.Now().Sub(s.trigger.At)), Error: text(s.err),
	}
	if s.Tell != nil {
		s.Tell(*s.record)
	}
	s.warn("write the history", s.History.Append(*s.record))
}

// giveUp gives the route up where it points here, and returns who has it then.
func (s *routeSwitch) giveUp(ctx context.Context) (RouteState, error) {
	unlock, err := s.Store.LockRoute(s.vip.Name)
	if err != nil {
		return RouteState{}, fmt.Errorf("give up the route: %w", err)
	}
	defer unlock()
	s.recall()
	s.abandon()
	state, err := s.vip.Route.GiveUp(ctx)
	s.memo = s.memo.learn(state, err, s.Clock.Now())
	s.memo.Generation, s.memo.Failure = 0, ""
	s.keep()
	if err != nil {
		return state, fmt.Errorf("give up the route: %w", err)
	}
	s.tell("given up by hand, the route points to " + state.Holder)
	return state, nil
}

// over reports whether the switch has ended.
func (s *routeSwitch) over() bool {
	select {
	case <-s.done:
		return true
	default:
		return false
	}
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

// settled waits until the last switch of a VIP has ended, and reports whether it has before ctx
// ends.
func (r *routeSwitches) settled(ctx context.Context, vip string) bool {
	s := r.of(vip)
	if s == nil {
		return true
	}
	select {
	case <-s.done:
		return true
	case <-ctx.Done():
		return false
	}
}
