package reconcile

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/vipctl/vipctl/reconcile/policy"
)

const (
	timingEvery = 30 * time.Second
	// timingWithin is what a leader's tick gives the question for the settings before it decides.
	timingWithin = 200 * time.Millisecond
	peersEvery   = 30 * time.Second
	// peersUnknown is shorter: a leader whose cluster has just come up knows nobody who could vouch
	// for it.
	peersUnknown = 6 * time.Second
	// peersOfLeader is longer: there the question moves dcs_last_seen without a refresh of the lock
	// (patroni/dcs/__init__.py, get_cluster).
	peersOfLeader = 5 * time.Minute
	// slowAnswer is how long a reply may take. A Patroni that takes longer is asked nothing more in
	// the same run that can wait: a tick must not take as long as a lease lasts.
	slowAnswer = 500 * time.Millisecond
)

// run is one run of the engine: what its VIPs share. A reply that one VIP has asked for serves the
// others.
type run struct {
	*Ports
	trigger policy.Trigger

	marking sync.WaitGroup // the mark of a callback, beside the work
	history *historyWriter

	asking  chan struct{} // full while the local Patroni is asked
	polling chan struct{} // full while the peers are
	rivals  policy.Poll   // what a glance at them came to; guarded by polling

	learnedTiming  func(*policy.ClusterState) // takes in ttl, loop_wait and retry_timeout; guarded by asking
	learnedMembers func(*policy.ClusterState) // takes in who is in the cluster; guarded by polling

	mu       sync.Mutex // never held while anybody is asked
	cluster  policy.ClusterState
	replies  []policy.PatroniReply
	slow     bool // our Patroni takes long to answer
	polls    []policy.Poll
	warnings []string
}

func newRun(p *Ports, t policy.Trigger) *run {
	r := &run{Ports: p, trigger: t, asking: make(chan struct{}, 1), polling: make(chan struct{}, 1)}
	r.history = &historyWriter{history: p.History, failed: func(rec Record, err error) { r.warnRun(rec.VIP+": write the history", err) }}
	state, err := p.Store.ClusterState()
	r.cluster = state
	r.warnRun("read the cluster's state", err)
	return r
}

// markCallback leaves a mark in the cluster's state that a callback runs: beside the work, because
// that state may be locked by a process that was stopped.
func (r *run) markCallback() {
	if !r.trigger.Event.FromPatroni() {
		return
	}
	r.marking.Go(func() {
		r.warnRun("mark the callback", r.Store.UpdateClusterState(func(s *policy.ClusterState) {
			s.Callback = policy.Callback{Event: r.trigger.Event, Began: r.trigger.At}
		}))
	})
}

// reply returns the nth reply of the local Patroni in this run, and asks for it where no VIP has
// yet. A caller that can wait only for within, where that is not 0, waits no longer for the
// question of another VIP either. A silence that within has cut short is kept from the other VIPs.
func (r *run) reply(ctx context.Context, n int, within time.Duration) policy.PatroniReply {
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
		return policy.PatroniReply{Kind: policy.Silent, Why: "no answer in time", At: at}
	}
	r.mu.Lock()
	state, replies := r.cluster, r.replies
	r.mu.Unlock()
	if n < len(replies) {
		return replies[n]
	}
	w := r.Patroni.Reply(ctx)
	now := r.Clock.Now()
	w = state.Narrow(state.Date(w, now, r.Clock.Wall()), now)
	if w.Kind == policy.Leader && w.Name == "" { // Patroni before 3.2.0: of two leaders, the names may decide
		w.Name = r.Patroni.Name()
	}
	if within > 0 && w.IsSilent() {
		return w
	}
	r.mu.Lock()
	r.replies = append(r.replies, w)
	r.slow = r.slow || now.Sub(w.At) > slowAnswer
	r.cluster.Remember(w)
	r.mu.Unlock()
	if r.trigger.Event == policy.EventTick && w.Kind == policy.Leader && !w.Unlocked && r.learnedTiming == nil && !r.slow {
		r.hearTiming(ctx)
	}
	return w
}

// hearTiming asks, once in a leader's tick, for ttl, loop_wait and retry_timeout before a lease is
// made of them: Patroni's next loop may refresh the lock with a lower ttl already. Where no reply
// comes at once, the end of a later run asks again.
func (r *run) hearTiming(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, timingWithin)
	defer cancel()
	r.learnedTiming = func(*policy.ClusterState) {}
	if r.askForTiming(ctx) == nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.learnedTiming(&r.cluster)
	}
}

// askForTiming asks for ttl, loop_wait and retry_timeout, and keeps them for the end of the run.
func (r *run) askForTiming(ctx context.Context) error {
	now := r.Clock.Now()
	timing, err := r.Patroni.Timing(ctx)
	if err == nil {
		r.learnedTiming = func(m *policy.ClusterState) { m.LearnTiming(timing, now) }
	}
	return err
}

// clusterState is what is known of the cluster by now.
func (r *run) clusterState() policy.ClusterState {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.cluster
}

// poll returns the nth poll of the peers in this run, like [run.reply]. With dcs, our own Patroni's
// view of the DCS stands in where no peer answers.
func (r *run) poll(ctx context.Context, n int, dcs bool) policy.Poll {
	r.polling <- struct{}{}
	defer func() { <-r.polling }()
	state := r.clusterState()
	if n < len(r.polls) && (!dcs || !r.polls[n].Silent()) {
		return r.polls[n]
	}
	if state.PeersAt.IsZero() && r.learnedMembers == nil && !r.slow { // nobody is known yet who could be asked
		r.learnMembers(ctx)
		state = r.clusterState()
	}
	at := r.Clock.Now()
	replies := r.Patroni.Poll(ctx, state.Peers)
	for i, p := range replies {
		replies[i].Reply = state.DatePeer(p.Reply, r.Clock.Now(), r.Clock.Wall())
	}
	p := state.Summarize(replies, r.Patroni.Name(), at)
	if dcs && p.WantsDCS() {
		p = r.lookIntoDCS(ctx, p)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.polls = append(r.polls[:min(n, len(r.polls))], p)
	r.cluster.Vouch(p)
	return p
}

// glance asks, once in a run, whether a peer leads.
func (r *run) glance(ctx context.Context) policy.Poll {
	r.polling <- struct{}{}
	defer func() { <-r.polling }()
	if !r.rivals.Asked() {
		at, state := r.Clock.Now(), r.clusterState()
		r.rivals = state.Glance(r.Patroni.Rivals(ctx, state.Peers), r.Patroni.Name(), at)
	}
	return r.rivals
}

// learnMembers asks our own Patroni for the cluster, and keeps who is in it for the end of the run.
// An error is a warning, too.
func (r *run) learnMembers(ctx context.Context) (Members, error) {
	now := r.Clock.Now()
	members, err := r.Patroni.Members(ctx)
	r.warnRun("ask for the cluster's members", err)
	r.learnedMembers = func(m *policy.ClusterState) {
		m.PeersAt = now // also where no answer came: the question may have moved dcs_last_seen
		if err == nil {
			m.Peers = members.Peers
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.learnedMembers(&r.cluster)
	return members, err
}

// lookIntoDCS adds what our own Patroni reads in the DCS to a poll. Where that fails, the poll
// stays as it is.
func (r *run) lookIntoDCS(ctx context.Context, p policy.Poll) policy.Poll {
	members, err := r.learnMembers(ctx)
	if err != nil {
		return p
	}
	return p.WithDCS(members.Leader, r.Patroni.Name())
}

// refreshPeers asks who else is in the cluster: on a leader seldom, for the question costs it
// lease, but soon again while it knows nobody.
func (r *run) refreshPeers(ctx context.Context, last policy.PatroniReply) {
	now := r.Clock.Now()
	leads, known := last.Kind == policy.Leader, len(r.cluster.Peers) > 0
	every, changed := peersEvery, r.cluster.Callback.Began.After(r.cluster.PeersAt)
	switch {
	case leads && known:
		every, changed = peersOfLeader, false
	case leads:
		every = peersUnknown
	}
	due := r.cluster.PeersAt.IsZero() || now.Sub(r.cluster.PeersAt) >= every || changed
	if !due || r.learnedMembers != nil || last.Unlocked || !last.Counts() {
		return
	}
	r.learnMembers(ctx)
}

// finish keeps what was heard. A tick also asks for what changes seldom, when that is due and
// Patroni replies.
func (r *run) finish(ctx context.Context) {
	r.marking.Wait()
	defer r.history.busy.Wait()
	// A slow Patroni is spared what can wait: not the settings that leases need, nor whoever could
	// vouch for us.
	overdue := len(r.cluster.Peers) == 0 || r.trigger.At.Sub(r.cluster.TimingAt) >= 2*timingEvery
	spare := !r.slow || r.cluster.Timing == (policy.Timing{}) || overdue
	if r.trigger.Event == policy.EventTick && len(r.replies) > 0 && spare {
		last := r.replies[len(r.replies)-1]
		r.refreshTiming(ctx, last)
		r.refreshPeers(ctx, last)
	}
	r.warnRun("save what Patroni said", r.Store.UpdateClusterState(func(m *policy.ClusterState) {
		for _, w := range r.replies {
			m.Remember(w)
		}
		for _, change := range []func(*policy.ClusterState){r.learnedTiming, r.learnedMembers} {
			if change != nil {
				change(m)
			}
		}
		for _, p := range r.polls {
			m.Vouch(p)
		}
		switch {
		case r.trigger.Event == policy.EventTick:
			m.LastTick = r.trigger.At
		case m.Callback.Event == r.trigger.Event && m.Callback.Began == r.trigger.At:
			m.Callback.Ended = r.Clock.Now()
		}
	}))
}

// refreshTiming asks for ttl, loop_wait and retry_timeout where no reply came at once, when they
// are due. An unlocked Patroni would ask the DCS for them.
func (r *run) refreshTiming(ctx context.Context, last policy.PatroniReply) {
	due := r.cluster.Timing == (policy.Timing{}) || r.Clock.Now().Sub(r.cluster.TimingAt) >= timingEvery
	if due && !last.Unlocked && last.Counts() {
		r.warnRun("ask for ttl, loop_wait and retry_timeout", r.askForTiming(ctx))
	}
}

// report is what came of the run, with what went wrong in all of it.
func (r *run) report(outcomes []Outcome) []Outcome {
	outcomes[0].Warnings = append(r.warnings, outcomes[0].Warnings...)
	return outcomes
}

// warn keeps err, when there is one, for report.
func (r *run) warnRun(doing string, err error) bool {
	if err == nil {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.warnings = append(r.warnings, fmt.Sprintf("%s: %v", doing, err))
	return true
}
