package reconcile

import (
	"context"

	"github.com/vipctl/vipctl/reconcile/policy"
)

// The questions of a run for the other members: whether one of them leads, whom they take for the leader, and who they are.

// poll returns the nth poll of the peers in this run, like [run.reply]. With dcs, our own Patroni's view of the DCS stands in where no
// peer answers.
func (r *run) poll(ctx context.Context, n int, dcs bool) policy.Poll {
	r.polling.Lock()
	defer r.polling.Unlock()
	state := r.clusterState()
	if n < len(r.polls) && (!dcs || !r.polls[n].Silent()) {
		return r.polls[n]
	}
	if state.PeersAt == 0 && r.learnedMembers == nil && !r.slow { // nobody is known yet who could be asked
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
	r.polling.Lock()
	defer r.polling.Unlock()
	if !r.rivals.Asked() {
		at, state := r.Clock.Now(), r.clusterState()
		r.rivals = state.Glance(r.Patroni.Rivals(ctx, state.Peers), r.Patroni.Name(), at)
	}
	return r.rivals
}

// learnMembers asks our own Patroni for the cluster, and keeps who is in it for the end of the run. An error is a warning, too.
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

// lookIntoDCS adds what our own Patroni reads in the DCS to a poll. Where that fails, the poll stays as it is.
func (r *run) lookIntoDCS(ctx context.Context, p policy.Poll) policy.Poll {
	members, err := r.learnMembers(ctx)
	if err != nil {
		return p
	}
	return p.WithDCS(members.Leader, r.Patroni.Name())
}

// refreshPeers asks who else is in the cluster: on a leader seldom, for the question costs it lease, but soon again while it
// knows nobody.
func (r *run) refreshPeers(ctx context.Context, last policy.PatroniReply) {
	now := r.Clock.Now()
	leads, known := last.Kind == policy.Leader, len(r.cluster.Peers) > 0
	every, changed := peersEvery, r.cluster.Callback.Began > r.cluster.PeersAt
	switch {
	case leads && known:
		every, changed = peersOfLeader, false
	case leads:
		every = peersUnknown
	}
	due := r.cluster.PeersAt == 0 || now-r.cluster.PeersAt >= every || changed
	if !due || r.learnedMembers != nil || last.Unlocked || !last.Counts() {
		return
	}
	r.learnMembers(ctx)
}
