package reconcile

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Order is what an operator wants of a VIP on this host.
type Order string

// The orders that are the policy's business.
const (
	OrderClaim   Order = "claim"
	OrderRelease Order = "release"
)

// HeldAt reports whether an operator's hold is in force.
func (n VIPState) HeldAt(now Moment) bool { return n.Hold != nil && now < n.Hold.Until }

// heldStill is a hold in force: callbacks change nothing, ticks keep the address where it is. Where another member
// leads the address goes, since two nodes that accept writes are worse than a broken promise to an operator; the hold
// stays, and nothing is claimed here until it ends.
func heldStill(f Facts) Verdict {
	h := f.VIP.Hold
	why := fmt.Sprintf("held by %s for another %v", h.By, (h.Until - f.Now).Round(time.Second))
	if f.Trigger.Event != EventTick || f.NotAsWanted() {
		return nothing(codeHeld, "%s", why)
	}
	until := min(h.Until, operatorsLease(f))
	switch {
	case f.Reply.Kind == Unasked:
		return ask(codeUnasked, Question{Patroni: true})
	case f.Reply.Kind == Leader && f.needsWitness() && !f.Peers.full():
		return ask(codeUnasked, f.witnesses())
	case f.Reply.Kind == Leader && f.Peers.Result == PollOther && f.yields():
		return release(codeHoldOverruled, "%s, but %s leads", why, f.Peers.Name)
	case f.Reply.Kind == Leader: // where the hold ends, the lease goes on
		return Verdict{Do: DoKeep, Code: codeHeld, Why: why, Until: max(until, lockLease(f)), Forever: !f.Leased}
	case !f.Peers.full():
		return ask(codeUnasked, Question{Peers: true})
	case f.Peers.elsewhere():
		return release(codeHoldOverruled, "%s, but %s leads", why, f.Peers.Name)
	}
	return Verdict{Do: DoKeep, Code: codeHeld, Why: why, Until: until, Forever: !f.Leased}
}

// ordered is an operator's claim or release. Without force it is what a tick would do, or nothing.
func ordered(f Facts) Verdict {
	t := f.Trigger
	switch {
	case t.Order == OrderClaim && t.Force:
		return Verdict{Do: DoKeep, Code: CodeOperator, Why: "claimed by " + t.By, Until: operatorsLease(f), Forever: !f.Leased}
	case t.Order == OrderRelease && t.Force:
		return release(CodeOperator, "released by %s", t.By)
	}
	v := tick(f)
	switch {
	case v.Do == DoAsk:
		return v
	case t.Order == OrderClaim && v.Do == DoKeep:
		return v
	case t.Order == OrderRelease && (v.Do == DoRelease || v.Do == DoHandOver || !f.MayBeHere()):
		return release(CodeOperator, "released by %s", t.By)
	}
	return nothing(CodeRefused, "%s", v.Why)
}

// SetHold keeps the policy from moving the VIPs on this host for the given time; 0 ends a hold. A hold that could not
// be written down is an error: somebody is going to rely on it.
func (e *Engine) SetHold(ctx context.Context, by string, at Moment, lasting time.Duration) []Outcome {
	r := newRun(e, Trigger{Event: EventOperator, By: by, At: at})
	outcomes := make([]Outcome, len(e.VIPs))
	for i, vip := range e.VIPs {
		v := newVIPRun(r, vip)
		v.setHold(ctx, lasting)
		outcomes[i] = v.outcome
	}
	r.history.busy.Wait()
	return r.report(outcomes)
}

func (v *vipRun) setHold(ctx context.Context, lasting time.Duration) {
	unlock, err := v.lock(claimPatience)
	defer unlock()
	if errors.Is(err, ErrBusy) {
		v.outcome.Err = err
		return
	}
	v.warnVIP("continuing without the lock", err)
	n, err := v.Store.VIPState(v.vip.Name)
	v.warnVIP("the note cannot be read, a new one begins", err)
	c, verdict := ChangeUnhold, Verdict{Code: CodeOperator}
	n.Hold = nil
	why := "hold ended by " + v.trigger.By
	if lasting > 0 {
		n.Hold = &OperatorHold{By: v.trigger.By, Until: v.Clock.Now() + lasting}
		c, why = ChangeHold, fmt.Sprintf("held by %s for %v", v.trigger.By, lasting)
	}
	if v.outcome.Err = v.Store.SaveVIPState(v.vip.Name, n); v.outcome.Err == nil {
		v.record(c, verdict, why)
	}
}
