package reconcile

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// tickSteers is how long a tick's process works on a route: less than the time that the example's unit gives it.
const tickSteers = 25 * time.Second

// errand is what a route needs.
type errand string

const (
	errandNone errand = ""
	errandLook errand = "look" // ask who has it, and take it from another
	errandTake errand = "take"
)

// errandFor decides what the route of an address that is vouched for needs. A fresh claim, and one whose switch is not
// known to have been begun, take it at once: whoever has it, one call does. Waits that an API has asked for are the
// Route's own to keep.
func errandFor(m RouteMemo, generation uint64, now Moment) errand {
	switch {
	case m.Generation != generation:
		return errandTake
	case m.Due > now:
		return errandNone
	case m.Pending != nil:
		return errandTake
	}
	return errandLook
}

// steering points the network at this host for one claim. It holds no VIP's lock, runs beside the engine's work, and in
// a tick outlives the run.
type steering struct {
	*Engine
	vip        VIP
	trigger    Trigger
	generation uint64 // of the claim

	done     chan struct{}
	record   *Record // what came of it, nil where nothing did; like the others valid when done
	warnings []string
	err      error
}

// steer starts the errand of a VIP that has just been vouched for, and returns what waits for its end.
func (v *visit) steer(ctx context.Context) (finish func()) {
	if v.vip.Route == nil || v.outcome.Verdict.Do != DoHold || v.outcome.Err != nil {
		return func() {}
	}
	s := &steering{Engine: v.Engine, vip: v.vip, trigger: v.trigger, generation: v.facts.Note.Generation, done: make(chan struct{})}
	outlives := v.trigger.Event == EventTick
	limit := RouteLockAge
	if outlives {
		ctx, limit = context.WithoutCancel(ctx), tickSteers
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	if !v.launch(s, func() { defer cancel(); s.run(ctx) }) {
		cancel()
		return func() {}
	}
	return func() {
		if v.outcome.Verdict.Do != DoHold {
			cancel()
		}
		if !outlives {
			v.join(s)
		}
	}
}

// launch runs a steering, unless an earlier one of the VIP still does.
func (e *Engine) launch(s *steering, run func()) bool {
	e.underWay.Lock()
	defer e.underWay.Unlock()
	if before := e.steerings[s.vip.Name]; before != nil && !before.over() {
		return false
	}
	if e.steerings == nil {
		e.steerings = map[string]*steering{}
	}
	e.steerings[s.vip.Name] = s
	go func() { defer close(s.done); run() }()
	return true
}

// join waits for a steering and takes over what came of it.
func (v *visit) join(s *steering) {
	<-s.done
	if s.record != nil {
		v.outcome.Records = append(v.outcome.Records, *s.record)
	}
	v.outcome.Warnings = append(v.outcome.Warnings, s.warnings...)
	if v.outcome.Err == nil && !errors.Is(s.err, ErrNoLongerLeader) {
		v.outcome.Err = s.err
	}
}

func (s *steering) over() bool {
	select {
	case <-s.done:
		return true
	default:
		return false
	}
}

// Settled waits until no API is asked any more, for d at the most, and reports whether that is so. A tick leaves that
// work behind; whoever runs one goes on running them until it is done.
func (e *Engine) Settled(ctx context.Context, d time.Duration) bool {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	for _, vip := range e.VIPs {
		e.underWay.Lock()
		s := e.steerings[vip.Name]
		e.underWay.Unlock()
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

// run does the errand. Where another process is at it, that one has the same to do, or will find that it has not.
func (s *steering) run(ctx context.Context) {
	unlock, err := s.Notes.LockRoute(s.vip.Name)
	if errors.Is(err, ErrBusy) {
		return
	}
	if err != nil {
		s.warn("go on without the route's lock", err)
		if s.trigger.Event == EventTick { // without a memory too, each tick would ask the API
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

// recall returns what earlier processes left, and gives it to the route. Another claim's failure says nothing of this.
func (s *steering) recall() RouteMemo {
	m, err := s.Notes.RouteMemo(s.vip.Name)
	if s.warn("go on without the route's memo", err) {
		m = RouteMemo{}
	}
	if m.Generation != s.generation {
		m.Failure = ""
	}
	s.vip.Route.Recall(m, s.keep)
	return m
}

// look asks who has the route, and takes it back.
func (s *steering) look(ctx context.Context, m RouteMemo) {
	state, err := s.vip.Route.Holder(ctx)
	if err == nil && !state.Ours && !state.Moving {
		s.take(ctx, s.vip.Route.Memo(), state.Holder+" had the route: ")
		return
	}
	s.close(m, err, "the route points here: "+state.Holder, m.Failure != "" && state.Ours)
}

// take keeps the intent before it asks for anything, so that a call which is cut short is finished by the next run.
func (s *steering) take(ctx context.Context, m RouteMemo, why string) {
	m.Generation = s.generation
	m = m.Intend(s.Clock.Now())
	s.keep(m)
	s.vip.Route.Recall(m, s.keep)
	state, err := s.vip.Route.Take(ctx, s.still)
	took := s.Clock.Now() - m.Pending.Since
	s.close(m, err, fmt.Sprintf("%sthe route points here: %s, after %v", why, state.Holder, took.Round(time.Millisecond)), true)
}

// close keeps what the next run must know, and tells what people should: the end of a switch, and the first failure.
func (s *steering) close(was RouteMemo, err error, success string, news bool) {
	m := s.vip.Route.Memo()
	m.Generation, m.Failure = s.generation, text(err)
	if errors.Is(err, ErrNoLongerLeader) { // nothing is known of the route: whoever leads again takes it
		m.Generation, m.Failure, news = 0, "", false
	}
	s.err = err
	s.keep(m)
	switch {
	case err == nil && news:
		s.tell(success)
	case m.Failure != "" && was.Failure == "":
		s.tell("the route does not point here")
	}
}

// keep saves a memo. Where that fails, the next run does again what this one did, which does no harm.
func (s *steering) keep(m RouteMemo) {
	s.warn("go on without saving the route's memo", s.Notes.SaveRouteMemo(s.vip.Name, m))
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
		Do: ChangeRoute, Code: CodeRoute, Reason: why, TookMS: milliseconds(s.Clock.Now() - s.trigger.At), Error: text(s.err),
	}
	if s.Tell != nil {
		s.Tell(*s.record)
	}
	s.warn("write the history", s.Journal.Append(*s.record))
}

// still asks, before an attempt that comes late, whether the address would be held for the same claim if everything were
// decided now. An operator's --force needs no leader.
func (s *steering) still(ctx context.Context) bool {
	t := Trigger{Event: EventTick, By: s.trigger.By, At: s.Clock.Now()}
	if s.trigger.Force {
		t = s.trigger
		t.At = s.Clock.Now()
	}
	v := newVisit(newRun(s.Engine, t), s.vip)
	v.plan(ctx)
	return v.outcome.Verdict.Do == DoHold && v.facts.Note.Generation == s.generation
}

// Unassign gives a VIP's route up where it points here, and returns who has it then. It is an operator's, and meant for
// a VIP that has been released: the engine would take the route of a VIP that is held back again.
func (e *Engine) Unassign(ctx context.Context, vip VIP, t Trigger) (RouteState, error) {
	unlock, err := e.Notes.LockRoute(vip.Name)
	if err != nil {
		return RouteState{}, fmt.Errorf("give up the route of %s: %w", vip.Name, err)
	}
	defer unlock()
	s := &steering{Engine: e, vip: vip, trigger: t}
	s.recall()
	state, err := vip.Route.GiveUp(ctx)
	m := vip.Route.Memo()
	m.Generation, m.Failure = 0, ""
	s.keep(m)
	if s.err = err; err == nil {
		s.tell("the route was given up by hand: " + state.Holder)
	}
	return state, err
}
