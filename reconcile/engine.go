package reconcile

import (
	"context"
	"sync"
	"time"
)

// VIP is one managed address.
type VIP struct {
	Name     string
	Address  Address
	Follow   Follow
	Leased   bool          // the address dies by itself unless it is renewed
	HandOver time.Duration // the longest wait for a successor; less than 1 s releases at once
	Route    Route         // nil: the link is all there is
}

// Engine carries out the policy. It is the only code that moves an address. All fields but Movers and Tell are needed; none may
// be changed during a run.
type Engine struct {
	VIPs     []VIP // one at least
	Patroni  Patroni
	Notes    Notebook
	Journal  Journal
	Clock    Clock
	Interval time.Duration // between two ticks
	Refresh  time.Duration // between two announcements of an address that stays

	// Movers, when set, names the programs on this host that may move an address as well. It is asked where a tick has to do
	// the same again and again.
	Movers func() []string
	// Tell, when set, is called for each record as soon as the address has moved, before anything slow: Patroni may
	// kill a callback at any instant. VIPs run side by side, so calls may be concurrent.
	Tell func(Record)

	routes routeSwitches
}

// Outcome is what a run came to for one VIP.
type Outcome struct {
	VIP      string
	Facts    Facts
	Verdict  Verdict
	Records  []Record // none where nothing moved
	Warnings []string // what went wrong without stopping the run; what concerns the whole run is with the first VIP's
	Err      error    // why the verdict could not be carried out, or not be come to
}

// Run decides for every VIP, side by side, and carries it out. A VIP that hangs or fails does not delay another. The
// outcomes are in the order of e.VIPs. It returns when everything is done, a hand-over's wait included, or soon after
// ctx ends. Only a tick leaves something behind: a route's API that has not answered yet, see [Engine.Settled].
func (e *Engine) Run(ctx context.Context, t Trigger) []Outcome {
	r := e.begin(t)
	outcomes := make([]Outcome, len(e.VIPs))
	var all sync.WaitGroup
	for i, vip := range e.VIPs {
		all.Go(func() {
			v := newVisit(r, vip)
			v.decideAndAct(ctx)
			finish := switchRoute(ctx, v)
			if v.needsConfirming() {
				v.confirm(ctx)
			}
			v.lookAgain(ctx)
			v.learnOthers(ctx)
			v.tellEnded()
			finish()
			outcomes[i] = v.outcome
		})
	}
	all.Wait()
	r.end(ctx)
	return r.report(outcomes)
}

// Plan decides for every VIP like Run would now, and changes nothing.
func (e *Engine) Plan(ctx context.Context, t Trigger) []Outcome {
	r := newRun(e, t)
	outcomes := make([]Outcome, len(e.VIPs))
	for i, vip := range e.VIPs {
		v := newVisit(r, vip)
		v.plan(ctx)
		outcomes[i] = v.outcome
	}
	return r.report(outcomes)
}

// begin reads the memory, and leaves a mark there that a callback runs: beside the work, because the memory may be
// locked by a process that was stopped.
func (e *Engine) begin(t Trigger) *run {
	r := newRun(e, t)
	if t.Event != EventTick && t.Event != EventOperator {
		r.marking.Go(func() {
			r.warn("mark the callback", e.Notes.UpdateMemory(func(m *Memory) {
				m.Callback = Callback{Event: t.Event, Began: t.At}
			}))
		})
	}
	return r
}
