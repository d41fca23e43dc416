package reconcile

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// watchEvery is how often a PostgreSQL that was down is looked at while its address waits for the successor.
const watchEvery = 100 * time.Millisecond

// beginHandOver sets the address's lifetime to the hand-over's end, so that a SIGKILL at any point is harmless, and reports
// whether there is anything to wait for.
func (v *vipRun) beginHandOver(verdict Verdict) bool {
	n, now := v.facts.VIP, v.Clock.Now()
	if !v.facts.HandingOver() {
		n.HandOver = &HandOver{Generation: n.Generation, Began: now, Until: now + v.vip.HandOver}
		if s := v.facts.Address; !s.Forever && s.End != 0 {
			n.HandOver.Until = min(n.HandOver.Until, max(s.End, v.facts.RolledEnd()))
		}
	}
	if n.HandOver.Until-now < shortest || v.facts.NotAsWanted() { // or not as it should be: nothing to keep
		v.release(verdict, ChangeHandOver, verdict.Why)
		return false
	}
	if s := v.facts.Address; s.Forever || (s.End-n.HandOver.Until).Abs() >= shortest {
		v.warnVIP("set the lifetime", v.vip.Address.Keep(n.HandOver.Until))
	}
	v.noted = v.save(n)
	return true
}

// awaitSuccessor listens, without the lock, until another host answers for the address, and releases it then; at the
// latest at the hand-over's end. A tick gives up its turn before the next is due: that one goes on. Where PostgreSQL is
// up again meanwhile, it reports that everything has to be decided anew.
func (v *vipRun) awaitSuccessor(ctx context.Context) (again bool) {
	h := *v.facts.VIP.HandOver
	budget := h.Until
	if v.trigger.Event == EventTick {
		budget = min(budget, v.trigger.At+v.Interval)
	}
	listening, stop := context.WithCancel(ctx)
	var watching sync.WaitGroup
	defer watching.Wait() // runs last, behind the release, which does not wait for a disk
	defer stop()
	watching.Go(func() { v.watch(listening, budget, stop) })
	mac, err := v.vip.Address.AwaitSuccessor(listening, v.facts.VIP.Answering)
	v.warnVIP("listen for the successor", err)

	unlock, err := v.lock(lockPatience)
	defer unlock()
	v.warnVIP("continuing without the lock", err)
	now := v.Clock.Now()
	if v.superseded(ctx, h) {
		return false
	}
	if mac == "" && now < h.Until {
		switch {
		case ctx.Err() != nil: // told to stop: the address ends with its lifetime, unless the next tick goes on
			return false
		case v.postmaster(ctx) != PGDown:
			return true
		case budget < h.Until:
			return false
		}
	}
	if !v.noted && mac != "" { // another process may have ended this hand-over, and could not say so either: it has the record
		if s, err := v.vip.Address.State(); err == nil {
			v.facts.Address = s
		}
	}
	v.release(v.outcome.Verdict, ChangeHandOver, fmt.Sprintf("%s; %s", v.outcome.Verdict.Why, ending(mac, now-h.Began)))
	return false
}

// watch stops the listening at the budget's end, or as soon as PostgreSQL might accept a write again.
func (v *vipRun) watch(ctx context.Context, budget Moment, stop func()) {
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, budget-v.Clock.Now())
	defer cancel()
	for v.Clock.Now() < budget && v.Patroni.Postmaster(ctx) == PGDown {
		if v.Clock.Wait(ctx, min(watchEvery, budget-v.Clock.Now())) != nil {
			return
		}
	}
}

// superseded reports whether the address is another claim's by now. Where the note cannot be read, or does
// not tell of this hand-over because it could not be replaced, a PostgreSQL that is still down says that it is not.
func (v *vipRun) superseded(ctx context.Context, h HandOver) bool {
	n, err := v.Store.VIPState(v.vip.Name)
	if err != nil {
		v.warnVIP("continuing without a note", err)
		return v.postmaster(ctx) != PGDown
	}
	if !v.noted && n.Generation == h.Generation && n.Changed <= h.Began {
		return v.postmaster(ctx) != PGDown
	}
	v.facts.VIP = n
	return n.HandOver == nil || n.Generation != h.Generation
}

// ending says how a hand-over ended, for people.
func ending(mac MAC, took time.Duration) string {
	if mac == "" {
		return fmt.Sprintf("nobody took over within %v", took.Round(time.Millisecond))
	}
	return fmt.Sprintf("%s took over after %v", mac, took.Round(time.Millisecond))
}
