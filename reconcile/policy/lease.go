package policy

import "time"

const (
	leaseMargin   = time.Second     // lifetimes are whole seconds, and the kernel is up to 0.24 s late
	rollSlack     = 3 * time.Second // a rolling lease outlives the next tick by this: its timer and Patroni are late, lifetimes are rounded down
	recentTick    = time.Minute     // a timer that ran this lately is running
	bootGrace     = 2 * time.Minute // after a boot the timer may come later than the first callback
	bootLease     = time.Minute
	stalledMargin = 3 * time.Second
	// loopEarly is by how much less than loop_wait Patroni's loops may be apart.
	loopEarly = 100 * time.Millisecond
)

// MembersWithin bounds the question for the members, whatever Patroni's timeout. The question makes
// Patroni read the DCS. A dcs_last_seen that moves up to so long behind it is taken for its doing,
// and for no sign of a refreshed lock.
const MembersWithin = time.Second

// leaseEnd is until when the address is vouched for. Without a VIP state, or with an old one that
// could not be replaced, the kernel's own lifetime is all there is. An address that has neither has
// no end that anybody knows, which is 0: past.
func leaseEnd(f Facts) Moment { return f.VIP.LeaseEnd.Max(f.Address.End) }

// leaseLeft is for how long the address is vouched for yet, for people.
func leaseLeft(f Facts) time.Duration { return leaseEnd(f).Sub(f.Now).Round(100 * time.Millisecond) }

// lockLease is until when a 200 proves the lock: the DCS may give it to another member no earlier.
// Patroni reads the DCS (dcs_last_seen, S) and then refreshes the lock, once a loop. A newer S with
// 200 proves that the loop of the S before (S') finished its refresh, so that the lock lasts until
// S'+ttl. Should the refresh that follows S never end, the lock lasts until S+ttl-loop_wait.
func lockLease(f Facts) Moment {
	t, r := f.timing(), f.Reply
	least := r.At.Add(f.Interval).Add(rollSlack).Min(r.At.Add(t.TTL).Add(-leaseSafety)) // anything shorter would flap between two ticks
	switch {
	case f.unproven() && !r.Failsafe:
		return witnessedLease(f)
	case r.Failsafe: // S is frozen: the members answered within ttl instead
		return r.At.Add(t.TTL).Add(-t.LoopWait).Add(-t.RetryTimeout).Add(-leaseSafety).Max(least)
	case r.SeenAt.IsZero():
		return r.At.Add(t.TTL).Add(-t.LoopWait).Add(-t.RetryTimeout).Max(least)
	case !t.Roomy(f.Interval):
		return rollingLease(f)
	}
	end := r.SeenAt.Add(t.TTL).Add(-t.LoopWait)
	before := f.Cluster.SeenBefore
	if before.IsZero() {
		return end.Add(-leaseMargin)
	}
	end = end.Min(before.Add(t.TTL)).Add(-leaseMargin)
	// Where S' is not the loop before, nobody listened meanwhile (no tick ran, /run could not be
	// written), or a failsafe mode has ended: S' proves less than those loops did, or nothing.
	if gap := r.SeenAt.Sub(before); gap > t.TTL-t.LoopWait-leaseSafety || gap > t.LoopWait+f.Interval && end.Before(least) {
		return rollingLease(f)
	}
	return end
}

// rollingLease lasts from tick to tick, never past the lock itself.
func rollingLease(f Facts) Moment {
	return f.Reply.SeenAt.Add(f.timing().TTL).Add(-leaseSafety).Min(f.Reply.At.Add(f.Interval).Add(rollSlack))
}

// witnessedLease is what others vouch for while dcs_last_seen proves nothing: what was proved
// before, and beyond that from tick to tick.
func witnessedLease(f Facts) Moment {
	if !f.Peers.us() {
		return leaseEnd(f)
	}
	return leaseEnd(f).Max(f.Peers.At.Add(f.Interval).Add(rollSlack))
}

// onOthersReply reports whether the address is here on the reply of others alone, from tick to
// tick: what was proved is over, or nearly.
func onOthersReply(f Facts) bool {
	return f.unproven() && !leaseEnd(f).After(f.Now.Add(f.Interval).Add(rollSlack))
}

// lockGone reports whether the others have taken that reply back: nobody leads, or the DCS names
// another. A peer that names another may not have heard of our promotion yet.
func lockGone(f Facts) bool {
	named := f.Peers.result == pollNamed && f.Peers.ByDCS
	return onOthersReply(f) && (f.Peers.result == pollNobody || named)
}

// stalled reports whether a refresh of the lock that hung would have ended by now. Patroni gives it
// retry_timeout.
func stalled(f Facts) bool {
	return !f.Reply.SeenAt.IsZero() && f.Reply.At.Sub(f.Reply.SeenAt) > f.timing().RetryTimeout+stalledMargin
}

// fresh reports whether the usual lease lasts beyond the next tick.
func fresh(f Facts) bool { return f.Now.Add(f.Interval).Before(lockLease(f)) }

// locklessLease needs no lock: nobody else is promoted in a pause, or an operator holds the address
// here. Every tick rolls it. But a pause may end at any moment, another member may lead in spite of
// a hold, and this host may freeze before it hears of that. The lease is therefore no longer than
// two ticks need, or than is proved.
func locklessLease(f Facts) Moment {
	rolled := f.Now.Add(2 * f.Interval).Add(rollSlack)
	if f.Reply.Kind == Leader {
		return rolled.Max(lockLease(f))
	}
	return rolled.Max(leaseEnd(f).Min(provedUntil(f)))
}

// provedUntil is until when the lock of the last 200 lasts, even if the refresh that belongs to it
// never came about.
func provedUntil(f Facts) Moment {
	t := f.timing()
	return f.Cluster.Leading.SeenAt.Add(t.TTL).Add(-t.LoopWait).Add(-leaseMargin)
}

// succeeded reports whether the pause has ended without our being told: only our Patroni says that
// there is one, the lock that is proved is over, and another host answers for the address.
func succeeded(f Facts) bool {
	return f.pauseByOurReply() && len(f.VIP.Answering) > 0 && !f.Now.Before(provedUntil(f))
}

// operatorsLease is what somebody has ordered, whatever the lock says.
func operatorsLease(f Facts) Moment { return f.Now.Add(2 * f.timing().TTL) }

// peersLease rolls a silent leader's lease while the peers name it, never past the last lock that
// was proved.
func peersLease(f Facts) Moment {
	return f.Peers.At.Add(f.Interval).Add(rollSlack).Min(lastLease(f))
}

// lastLease is the end that a silent leader's lease cannot be rolled past. Where a question for the
// members may have moved S, that proves no refresh of the lock: the loop that did refresh it may be
// a loop_wait older.
func lastLease(f Facts) Moment {
	if f.unproven() {
		return leaseEnd(f)
	}
	seen, asked := f.Cluster.Leading, f.Cluster.PeersAt
	end := seen.SeenAt.Add(f.timing().TTL).Add(-leaseMargin)
	ours := !asked.IsZero() && !seen.SeenBy.Before(asked) && !seen.SeenAt.After(asked.Add(MembersWithin))
	if ours || readBetween(f) {
		end = end.Add(-f.timing().LoopWait)
	}
	return end
}

// readBetween reports whether S moved sooner than Patroni's loops move it, and not behind our own
// question: others ask our Patroni for the members as well.
func readBetween(f Facts) bool {
	c := f.Cluster
	known := !c.SeenBefore.IsZero() && c.Reply.LastSeen != 0 && c.Reply.LastSeen == c.Leading.LastSeen
	if !c.PeersAt.IsZero() && c.SeenBefore.Sub(c.PeersAt).Abs() <= MembersWithin {
		return false
	}
	return known && c.Leading.SeenBy.Sub(c.SeenBefore) < f.timing().LoopWait-loopEarly
}

// claimLease is a callback's, before Patroni's reply. Where no timer runs, nobody would renew the
// lease of a healthy primary, and the address gets no end: forever.
func claimLease(f Facts) (until Moment, forever bool) {
	t, exec := f.timing(), f.Trigger.At
	if exec.Before(SinceBoot(bootGrace)) && !tickedLately(f) {
		return exec.Add(bootLease), false
	}
	return exec.Add(t.TTL).Add(-t.LoopWait).Add(-leaseMargin), !ticking(f)
}

// ticking reports whether a timer is there to renew a lease.
func ticking(f Facts) bool {
	return f.Trigger.Event == EventTick || f.Trigger.At.Before(SinceBoot(bootGrace)) || tickedLately(f)
}

func tickedLately(f Facts) bool {
	return !f.Cluster.LastTick.IsZero() && f.Trigger.At.Sub(f.Cluster.LastTick) <= recentTick
}

// steady keeps, while the DCS stalls, what was vouched for before: a proof that the lock is ours
// until some moment does not lapse. An older end that was not proved by this lock (of a pause, of a
// longer ttl) counts up to S + ttl - 2 s.
func steady(f Facts, until Moment) Moment {
	if f.NotAsWanted() || !stalled(f) {
		return until
	}
	return until.Max(leaseEnd(f).Min(f.Reply.SeenAt.Add(f.timing().TTL).Add(-leaseSafety)))
}
