package policy

import "time"

const (
	// loopLate is by how much Patroni's loops usually come late: up to so long after loop_wait has
	// passed.
	loopLate = 10 * time.Millisecond
	// loopAgain is how often a loop that is later yet is asked for, and loopPatience for how long.
	loopAgain    = 20 * time.Millisecond
	loopPatience = 500 * time.Millisecond
	// loopBlur is how closely the moment of Patroni's loops has to be known.
	loopBlur = 50 * time.Millisecond
	// tickSoon is how close the next tick must be to make another look needless.
	tickSoon = 20 * time.Millisecond
	// stoppingEvery is how often a leader that stops is looked at. It gives the lock away as soon
	// as its checkpoint is written, also while its archiver goes on for minutes, and no callback
	// comes before that has ended.
	stoppingEvery = 100 * time.Millisecond
	// onOthersEvery is how often a leader is looked at that has the address on the reply of others
	// alone.
	onOthersEvery = 200 * time.Millisecond
	// shortBefore is what a look and what is done about it take.
	shortBefore = 50 * time.Millisecond
)

// NextLook is when a tick should look again, and whether it should. It looks soon while PostgreSQL
// stops, and while only the reply of others keeps the address here: a successor may lead at any
// moment. Else it looks when Patroni's next loop comes well before the next tick does. Should
// Patroni die in between, a refresh of the lock that nobody heard of would shorten the lease by a
// whole loop_wait.
func NextLook(f Facts) (at Moment, wanted bool) {
	r, turn := f.Reply, f.Trigger.At.Add(f.Interval)
	switch {
	case f.Trigger.Event != EventTick || f.NotAsWanted():
		return Moment{}, false
	case r.IsSilent() && onPeersReply(f):
		at = f.Now.Add(onOthersEvery)
		if whole := wholeSeconds(f.Now, lastLease(f)); whole.After(f.Now) {
			at = at.Min(whole)
		}
		return at, at.Before(turn.Add(-tickSoon))
	case r.IsSilent() && f.Peers.result == pollUs && peersLease(f) == lastLease(f):
		at = wholeSeconds(f.Now, lastLease(f))
		return at, at.After(f.Now) && at.Before(turn.Add(-tickSoon))
	case r.Kind != Leader:
		return Moment{}, false
	case r.State == "stopping":
		at = f.Now.Add(stoppingEvery)
		return at, !at.After(turn.Add(-stoppingEvery))
	case onOthersReply(f) && (f.Peers.us() || f.Peers.differ()):
		at = f.Now.Add(onOthersEvery)
		return at, at.Before(turn.Add(-tickSoon))
	case r.SeenAt.IsZero():
		return Moment{}, false
	}
	at = nextLoop(r, f.Now, f.timing().LoopWait)
	return at, !at.Before(f.Now) && at.Before(turn.Add(-tickSoon))
}

// onPeersReply reports whether only the reply of others keeps a silent leader's address here: the
// lock that is proved has run out (somebody else may have made S move since), or the cluster is
// paused. Somebody may take the lock at any moment, or has just done so where the peers differ.
func onPeersReply(f Facts) bool {
	named := f.Peers.result == pollUs || f.Peers.differ()
	return f.stillPaused() || named && f.Now.After(provedUntil(f))
}

// nextLoop is when to ask for the next value of dcs_last_seen: when it should be there, or, where
// that is known too vaguely, in the middle first. Either reply halves what is not known of this
// loop, and of all that follow a loop_wait apart (see [ClusterState.Narrow]).
func nextLoop(r PatroniReply, now Moment, loop time.Duration) Moment {
	soonest, latest := r.SeenAt.Add(loop), r.SeenBy.Add(loop).Add(loopLate)
	middle := soonest.Add((latest.Sub(soonest)) / 2)
	switch {
	case middle.After(now) && latest.Sub(soonest) > loopBlur:
		return middle
	case !latest.After(now) && now.Before(latest.Add(loopPatience)):
		return now.Add(loopAgain)
	}
	return latest
}

// wholeSeconds is the next moment that lies a whole number of seconds, and shortBefore, ahead of
// the end. Lifetimes in the kernel are whole seconds, and one that begins at another moment ends up
// to a second too early.
func wholeSeconds(now, end Moment) Moment {
	return now.Add((end.Add(-shortBefore).Sub(now)) % time.Second)
}
