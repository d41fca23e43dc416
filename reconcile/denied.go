package reconcile

import "time"

// The rows of Patroni's 503 and of its silence: 14 to 24.

// notLeading is Patroni's 503.
func notLeading(f Facts) Verdict {
	w := f.Word
	switch {
	case !f.holder():
		return notHolder(f)
	case f.handingOver() && f.PG == PGDown:
		return handOver(CodeHandingOver, "handing over")
	case f.PG == PGDown:
		return handOver(CodePostgreSQLDown, "not the leader, PostgreSQL down: handing over")
	case !f.Follow.Wants(w.Role) || !w.Running():
		return release(CodeNotLeader, "not the leader, %s", f.says())
	case f.Asked < 2 && f.Now < f.end() && !f.Peers.elsewhere():
		return ask(CodeAskAgain, Question{Patroni: true, Peers: true, DCS: f.steppedForward(), After: blip})
	case f.Now < f.end() && f.retaking():
		return nothing(CodeLockRetaken, "lock being re-taken")
	}
	return release(CodeNotLeader, "not the leader, %s", f.says())
}

// retaking reports whether a running primary without the lock is about to have it again, and nobody else is.
func (f Facts) retaking() bool {
	switch {
	case f.Peers.elsewhere():
		return false
	case f.Word.Paused:
		return f.refusedFor() <= 2*f.timing().LoopWait
	case f.steppedForward() && f.Peers.Result != PollNobody:
		return f.refusedFor() <= f.timing().LoopWait+blip
	}
	return f.Peers.Result == PollUs
}

// refusedFor is for how long Patroni has said 503.
func (f Facts) refusedFor() time.Duration {
	if f.Past.RefusedAt == 0 {
		return Forever
	}
	return f.Now - f.Past.RefusedAt
}

// steppedForward reports whether the wall clock was set forward since the last 200. A Patroni that times its leadership by it
// takes the lock for expired until its next loop, which refreshes it (patroni/ha.py, is_leader).
func (f Facts) steppedForward() bool {
	last := f.Past.Leading
	return last.Offset != 0 && f.Word.Offset-last.Offset > slack
}

// silent is no word: nobody answered, or somebody who is not our Patroni.
func silent(f Facts) Verdict {
	if !f.holder() {
		return notHolder(f)
	}
	if f.handingOver() && f.PG == PGDown {
		return handOver(CodeHandingOver, "handing over")
	}
	// A PostgreSQL that is down accepts no connection whoever leads, and hands over faster than it drops. In a pause it may
	// be an operator's work, and nobody else's turn.
	if f.PG == PGDown && !f.Past.Word.Paused {
		return handOver(CodeSilentDown, "%s, PostgreSQL down: handing over", f.silence())
	}
	if !f.Peers.full() {
		return ask(CodeUnheard, Question{Peers: true})
	}
	switch {
	case f.stillPaused() && !f.missing():
		return hold(f, pausedLease(f), CodeSilentPaused, "%s, cluster was paused", f.silence())
	case f.PG == PGDown:
		return handOver(CodeSilentDown, "%s, PostgreSQL down: handing over", f.silence())
	case f.Peers.elsewhere():
		return release(CodeSilentLost, "%s, %s leads", f.silence(), f.Peers.Name)
	case f.succeeded():
		return release(CodeSilentLost, "%s, cluster was paused, another host answers for the address", f.silence())
	case f.Peers.Result == PollNobody:
		return release(CodeSilentLost, "%s, lock gone", f.silence())
	case f.Now >= f.end():
		return release(CodeSilentExpired, "%s, nobody vouches for this VIP", f.silence())
	case f.Peers.Result == PollUs && peersLease(f) >= f.end() && !f.missing():
		return hold(f, peersLease(f), CodeSilentLeased, "%s, the peers name us", f.silence())
	}
	return nothing(CodeSilentLeased, "%s, lease ends in %v", f.silence(), f.left())
}

// stillPaused reports whether the cluster is in pause by everybody who answers. Where no peer does, our Patroni's last
// word counts, unless another host answers for the address.
func (f Facts) stillPaused() bool {
	return f.Peers.Paused && !f.Peers.elsewhere() || f.onOurWord() && len(f.Note.Answering) == 0
}

// succeeded reports whether the pause has ended without our being told: only our Patroni says that there is one, the lock that
// is proved is over, and another host answers for the address.
func (f Facts) succeeded() bool {
	return f.onOurWord() && len(f.Note.Answering) > 0 && f.Now >= f.provedUntil()
}

// onOurWord reports whether the pause is known from our Patroni's last word alone.
func (f Facts) onOurWord() bool { return f.Peers.Result == PollSilent && f.Past.Word.Paused }
