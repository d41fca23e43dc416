package reconcile

import "context"

// The questions of a run for the other members: whether one of them leads, whom they take for the leader, and who they are.

// poll returns the nth poll of the peers in this run, like word. With dcs, our own Patroni's view of the DCS stands in where no
// peer answers.
func (r *run) poll(ctx context.Context, n int, dcs bool) Poll {
	r.polling.Lock()
	defer r.polling.Unlock()
	past := r.clusterState()
	if n < len(r.polls) && (!dcs || r.polls[n].Result != PollSilent) {
		return r.polls[n]
	}
	if past.PeersAt == 0 && r.learnedMembers == nil && !r.slow { // nobody is known yet who could be asked
		r.learnMembers(ctx)
		past = r.clusterState()
	}
	at := r.Clock.Now()
	words := r.Patroni.Poll(ctx, past.Peers)
	for i, w := range words {
		words[i].Reply = past.DatePeer(w.Reply, r.Clock.Now(), r.Clock.Wall())
	}
	p := Summarize(words, r.Patroni.Name(), at, past.timing())
	if dcs && (p.Result == PollSilent || p.Result == PollOther) {
		p = r.lookIntoDCS(ctx, p)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.polls = append(r.polls[:min(n, len(r.polls))], p)
	r.cluster.Vouch(p)
	return p
}

// glance asks, once in a run, whether a peer leads.
func (r *run) glance(ctx context.Context) Poll {
	r.polling.Lock()
	defer r.polling.Unlock()
	if r.rivals.Result == Unpolled {
		at, past := r.Clock.Now(), r.clusterState()
		r.rivals = Summarize(r.Patroni.Rivals(ctx, past.Peers), r.Patroni.Name(), at, past.timing())
		if r.rivals.Result != PollOther {
			r.rivals = Poll{Result: PollGlance, At: at}
		}
	}
	return r.rivals
}

// learnMembers asks our own Patroni for the cluster, and keeps who is in it for the end of the run. An error is a warning, too.
func (r *run) learnMembers(ctx context.Context) (Members, error) {
	now := r.Clock.Now()
	members, err := r.Patroni.Members(ctx)
	r.warnRun("ask for the cluster's members", err)
	r.learnedMembers = func(m *ClusterState) {
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
func (r *run) lookIntoDCS(ctx context.Context, p Poll) Poll {
	members, err := r.learnMembers(ctx)
	us := members.Leader != "" && members.Leader == r.Patroni.Name()
	switch {
	case err != nil, p.Result == PollOther && !us:
		return p
	case p.Result == PollOther:
	case us:
		p.Result = PollUs
	case members.Leader == "":
		p.Result = PollNobody
	default:
		p.Result, p.Name = PollNamed, members.Leader
	}
	p.ByDCS = true
	return p
}

// refreshPeers asks who else is in the cluster: on a leader seldom, for the question costs it lease, but soon again while it
// knows nobody.
func (r *run) refreshPeers(ctx context.Context, last PatroniReply) {
	now := r.Clock.Now()
	leads, known := last.Kind == Leader, len(r.cluster.Peers) > 0
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
