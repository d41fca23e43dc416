package reconcile

import "time"

// The rows of Patroni's 503 and of its silence: 14 to 24.

// notLeading is Patroni's 503.
func notLeading(f Facts) Verdict {
	w := f.Reply
	switch {
	case !f.MayBeHere():
		return notHolder(f)
	case f.HandingOver() && f.PG == PGDown:
		return handOver(codeHandingOver, "handing over")
	case f.PG == PGDown:
		return handOver(codePostgreSQLDown, "not the leader, PostgreSQL down: handing over")
	case !f.Follow.Wants(w.Role) || !w.Running():
		return release(codeNotLeader, "not the leader, %s", f.memberState())
	case f.Asked < 2 && f.Now < f.leaseEnd() && !f.Peers.elsewhere():
		return ask(codeAskAgain, Question{Patroni: true, Peers: true, DCS: f.steppedForward(), After: blip})
	case f.Now < f.leaseEnd() && f.retaking():
		return nothing(codeLockRetaken, "lock being re-taken")
	}
	return release(codeNotLeader, "not the leader, %s", f.memberState())
}

// retaking reports whether a running primary without the lock is about to have it again, and nobody else is.
func (f Facts) retaking() bool {
	switch {
	case f.Peers.elsewhere():
		return false
	case f.Reply.Paused:
		return f.refusedFor() <= 2*f.timing().LoopWait
	case f.steppedForward() && f.Peers.Result != PollNobody:
		return f.refusedFor() <= f.timing().LoopWait+blip
	}
	return f.Peers.Result == PollUs
}

// refusedFor is for how long Patroni has said 503.
func (f Facts) refusedFor() time.Duration {
	if f.Cluster.RefusedAt == 0 {
		return Forever
	}
	return f.Now - f.Cluster.RefusedAt
}

// steppedForward reports whether the wall clock was set forward since the last 200. A Patroni that times its leadership by it
// takes the lock for expired until its next loop, which refreshes it (patroni/ha.py, is_leader).
func (f Facts) steppedForward() bool {
	last := f.Cluster.Leading
	return last.Offset != 0 && f.Reply.Offset-last.Offset > slack
}

// silent is no word: nobody answered, or somebody who is not our Patroni.
func silent(f Facts) Verdict {
	if !f.MayBeHere() {
		return notHolder(f)
	}
	if f.HandingOver() && f.PG == PGDown {
		return handOver(codeHandingOver, "handing over")
	}
	// A PostgreSQL that is down accepts no connection whoever leads, and hands over faster than it drops. In a pause it may
	// be an operator's work, and nobody else's turn.
	if f.PG == PGDown && !f.Cluster.Reply.Paused {
		return handOver(codeSilentDown, "%s, PostgreSQL down: handing over", f.silence())
	}
	if !f.Peers.full() {
		return ask(codeUnasked, Question{Peers: true})
	}
	switch {
	case f.stillPaused() && !f.NotAsWanted():
		return hold(f, pausedLease(f), codeSilentPaused, "%s, cluster was paused", f.silence())
	case f.PG == PGDown:
		return handOver(codeSilentDown, "%s, PostgreSQL down: handing over", f.silence())
	case f.Peers.elsewhere():
		return release(codeSilentLost, "%s, %s leads", f.silence(), f.Peers.Name)
	case f.succeeded():
		return release(codeSilentLost, "%s, cluster was paused, another host answers for the address", f.silence())
	case f.Peers.Result == PollNobody:
		return release(codeSilentLost, "%s, lock gone", f.silence())
	case f.Now >= f.leaseEnd():
		return release(codeSilentExpired, "%s, nobody vouches for this VIP", f.silence())
	case f.Peers.Result == PollUs && peersLease(f) >= f.leaseEnd() && !f.NotAsWanted():
		return hold(f, peersLease(f), codeSilentLeased, "%s, the peers name us", f.silence())
	}
	return nothing(codeSilentLeased, "%s, lease ends in %v", f.silence(), f.leaseLeft())
}

// stillPaused reports whether the cluster is in pause by everybody who answers. Where no peer does, our Patroni's last
// word counts, unless another host answers for the address.
func (f Facts) stillPaused() bool {
	return f.Peers.Paused && !f.Peers.elsewhere() || f.onOurReply() && len(f.VIP.Answering) == 0
}

// succeeded reports whether the pause has ended without our being told: only our Patroni says that there is one, the lock that
// is proved is over, and another host answers for the address.
func (f Facts) succeeded() bool {
	return f.onOurReply() && len(f.VIP.Answering) > 0 && f.Now >= f.provedUntil()
}

// onOurWord reports whether the pause is known from our Patroni's last word alone.
func (f Facts) onOurReply() bool { return f.Peers.Result == PollSilent && f.Cluster.Reply.Paused }
