package reconcile

import (
	"context"
	"errors"
	"time"

	"github.com/vipctl/vipctl/reconcile/policy"
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
func errandFor(m RouteMemo, generation uint64, now policy.Moment) errand {
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
	trigger    policy.Trigger
	generation uint64                  // of the claim
	proved     policy.Moment           // when what vouches for the claim was true
	cancel     context.CancelCauseFunc // with [ErrNoLongerLeader]

	done     chan struct{}
	record   *Record // what came of it, nil where nothing did; like the others valid when done
	warnings []string
	err      error
}

// steer starts the errand of a VIP that has just been vouched for, and returns what waits for its end.
func (v *vipRun) steer(ctx context.Context) (finish func()) {
	if v.vip.Route == nil || v.outcome.Verdict.Do != policy.DoKeep || v.outcome.Err != nil || !v.claimed && !v.facts.WouldClaim() {
		return func() {}
	}
	s := &steering{
		Engine: v.Engine, vip: v.vip, trigger: v.trigger, generation: v.facts.VIP.Generation, proved: v.facts.ProvedAt(), done: make(chan struct{}),
	}
	outlives := v.trigger.Event == policy.EventTick
	limit := RouteLockAge
	if outlives {
		ctx, limit = context.WithoutCancel(ctx), tickSteers
	}
	ctx, stop := context.WithTimeout(ctx, limit)
	ctx, s.cancel = context.WithCancelCause(ctx)
	if !v.launch(s, func() { defer stop(); s.run(ctx) }) {
		stop()
		return func() {}
	}
	return func() {
		if !outlives {
			v.join(s)
		}
	}
}

// dismiss ends this process's call for an address that is not here, or about to go: a member that does not lead asks the API
// nothing, not even how a call went.
func (v *vipRun) dismiss(verdict policy.Verdict) {
	if verdict.Do == policy.DoKeep || verdict.Do == policy.DoNothing && v.facts.MayBeHere() {
		return
	}
	v.underWay.Lock()
	defer v.underWay.Unlock()
	if s := v.steerings[v.vip.Name]; s != nil {
		s.cancel(ErrNoLongerLeader)
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
func (v *vipRun) join(s *steering) {
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
