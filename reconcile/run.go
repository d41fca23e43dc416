package reconcile

import (
	"context"
	"fmt"
	"sync"
	"time"
)

const (
	timingEvery = 30 * time.Second
	// timingWithin is what a leader's tick gives the question for the settings before it decides.
	timingWithin = 200 * time.Millisecond
	peersEvery   = 30 * time.Second
	// peersUnknown is shorter: a leader whose cluster has just come up knows nobody who could vouch for it.
	peersUnknown = 6 * time.Second
	// peersOfLeader is longer: there the question moves dcs_last_seen without a refresh of the lock
	// (patroni/dcs/__init__.py, get_cluster).
	peersOfLeader = 5 * time.Minute
	// slowAnswer is how long an answer may take. A Patroni that takes longer is asked nothing in the same run that can wait:
	// a tick must not take as long as a lease lasts.
	slowAnswer = 500 * time.Millisecond
)

// run is one run of the engine: what its VIPs share. What one VIP has heard serves the others.
type run struct {
	*Engine
	trigger Trigger

	marking sync.WaitGroup // the mark of a callback, beside the work
	history *scribe

	asking  chan struct{} // full while the local Patroni is asked
	polling sync.Mutex    // held while the peers are
	rivals  Poll          // what a glance at them came to; guarded by polling

	settings func(*Memory) // what was heard of the settings; guarded by asking
	members  func(*Memory) // what was heard of the members; guarded by polling

	mu       sync.Mutex // never held while anybody is asked
	past     Memory
	words    []Word
	slow     bool // our Patroni takes long to answer
	polls    []Poll
	warnings []string
}

func newRun(e *Engine, t Trigger) *run {
	r := &run{Engine: e, trigger: t, asking: make(chan struct{}, 1)}
	r.history = &scribe{journal: e.Journal, failed: func(rec Record, err error) { r.warn(rec.VIP+": write the history", err) }}
	past, err := e.Notes.Memory()
	r.past = past
	r.warn("read the cluster's memory", err)
	return r
}

// word returns the nth answer of the local Patroni in this run, asking for it where no VIP has yet. Who can wait only so
// long, where within is not 0, waits no longer for the question of another VIP either, and a silence that it cut short is
// nobody else's answer.
func (r *run) word(ctx context.Context, n int, within time.Duration) Word {
	if within > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, within)
		defer cancel()
	}
	at := r.Clock.Now()
	select {
	case r.asking <- struct{}{}:
		defer func() { <-r.asking }()
	case <-ctx.Done():
		return Word{Answer: Silent, Why: "no answer in time", At: at}
	}
	r.mu.Lock()
	past, words := r.past, r.words
	r.mu.Unlock()
	if n < len(words) {
		return words[n]
	}
	w := r.Patroni.Word(ctx)
	now := r.Clock.Now()
	w = past.narrow(past.date(w, now, r.Clock.Wall()), now)
	if w.Answer == Leader && w.Name == "" { // Patroni before 3.2.0: of two leaders, the names may decide
		w.Name = r.Patroni.Name()
	}
	if within > 0 && w.Mute() {
		return w
	}
	r.mu.Lock()
	r.words = append(r.words, w)
	r.slow = r.slow || now-w.At > slowAnswer
	r.past.remember(w)
	r.mu.Unlock()
	if r.trigger.Event == EventTick && w.Answer == Leader && !w.Unlocked && r.settings == nil && !r.slow {
		r.hearSettings(ctx)
	}
	return w
}

// hearSettings asks, once in a leader's tick, for what its lease is made of: Patroni's next loop may refresh the lock with a
// lower ttl already. An answer that is not there at once is left to the end of a later run.
func (r *run) hearSettings(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, timingWithin)
	defer cancel()
	r.settings = func(*Memory) {}
	if r.askForSettings(ctx) == nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.settings(&r.past)
	}
}

// askForSettings asks for ttl, loop_wait and retry_timeout, and keeps them for the end of the run.
func (r *run) askForSettings(ctx context.Context) error {
	now := r.Clock.Now()
	timing, err := r.Patroni.Timing(ctx)
	if err == nil {
		r.settings = func(m *Memory) { m.learn(timing, now) }
	}
	return err
}

// memory is what is known of the cluster by now.
func (r *run) memory() Memory {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.past
}

// end keeps what was heard. A tick also asks for what changes seldom, when that is due and Patroni answers.
func (r *run) end(ctx context.Context) {
	r.marking.Wait()
	defer r.history.busy.Wait()
	// A slow Patroni is spared what can wait: not the settings that leases need, nor whoever could vouch for us.
	overdue := len(r.past.Peers) == 0 || r.trigger.At-r.past.TimingAt >= 2*timingEvery
	spare := !r.slow || r.past.Timing == (Timing{}) || overdue
	if r.trigger.Event == EventTick && len(r.words) > 0 && spare {
		last := r.words[len(r.words)-1]
		r.refreshSettings(ctx, last)
		r.refreshPeers(ctx, last)
	}
	r.warn("save what Patroni said", r.Notes.UpdateMemory(func(m *Memory) {
		for _, w := range r.words {
			m.remember(w)
		}
		for _, change := range []func(*Memory){r.settings, r.members} {
			if change != nil {
				change(m)
			}
		}
		for _, p := range r.polls {
			m.vouch(p)
		}
		switch {
		case r.trigger.Event == EventTick:
			m.LastTick = r.trigger.At
		case m.Callback.Event == r.trigger.Event && m.Callback.Began == r.trigger.At:
			m.Callback.Ended = r.Clock.Now()
		}
	}))
}

// refreshSettings asks for the settings that were not had at once, when they are due. An unlocked Patroni would ask the DCS
// for them.
func (r *run) refreshSettings(ctx context.Context, last Word) {
	due := r.past.Timing == (Timing{}) || r.Clock.Now()-r.past.TimingAt >= timingEvery
	if due && !last.Unlocked && last.Heard() {
		r.warn("ask for ttl, loop_wait and retry_timeout", r.askForSettings(ctx))
	}
}

// report is what came of the run, with what went wrong in all of it.
func (r *run) report(outcomes []Outcome) []Outcome {
	outcomes[0].Warnings = append(r.warnings, outcomes[0].Warnings...)
	return outcomes
}

// warn keeps err, when there is one, for report.
func (r *run) warn(doing string, err error) bool {
	if err == nil {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.warnings = append(r.warnings, fmt.Sprintf("%s: %v", doing, err))
	return true
}
