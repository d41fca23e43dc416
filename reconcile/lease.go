package reconcile

import "time"

// unheardTiming stands in until Patroni has told its own: short enough to be safe with any setting that Patroni accepts.
var unheardTiming = Timing{TTL: 20 * time.Second, LoopWait: 10 * time.Second, RetryTimeout: 5 * time.Second}

const (
	leaseMargin   = time.Second     // whole-second lifetimes, and the kernel's own lateness (up to 0.24 s)
	leaseSafety   = 2 * time.Second // the distance that a rolling end keeps from the lock's own, when our Patroni is heard
	rollSlack     = 3 * time.Second // a rolling lease outlives the next tick by this: its timer and Patroni are late, lifetimes are rounded down
	recentTick    = time.Minute     // a timer that ran this lately is running
	bootGrace     = 2 * time.Minute // after a boot the timer may come later than the first callback
	bootLease     = time.Minute
	stalledMargin = 3 * time.Second
)

// MembersWithin bounds the question for the members, whatever Patroni's timeout. It makes Patroni read the DCS: a value of
// dcs_last_seen that moves up to so long behind the question is taken for its doing, and for no sign of a refreshed lock.
const MembersWithin = time.Second

// timing is the cluster's, or the stand-in where it was never heard. Patroni's loops read new settings first and refresh the
// lock with them a loop later: until the loop of S' is surely one of those, the more careful of new and old counts.
func (m ClusterState) timing() Timing {
	t, c := m.Timing, m.TimingChange
	switch {
	case t == (Timing{}):
		return unheardTiming
	case c == nil || m.Reply.SeenAt == 0:
		return t
	}
	careful := Timing{min(t.TTL, c.From.TTL), max(t.LoopWait, c.From.LoopWait), max(t.RetryTimeout, c.From.RetryTimeout)}
	if m.SeenBefore <= c.At+careful.LoopWait {
		return careful
	}
	return t
}

func (f Facts) timing() Timing { return f.Cluster.timing() }

// Roomy reports whether the usual lease leaves time for a tick between two loops of Patroni. Where it does not, the
// lease rolls from tick to tick.
func (t Timing) Roomy(interval time.Duration) bool {
	return t.TTL-2*t.LoopWait-leaseSafety >= interval+time.Second
}

// lockLease is until when a 200 proves the lock: the DCS may give it to another member no earlier. Patroni reads the
// DCS (dcs_last_seen, S) and then refreshes the lock, once a loop. A newer S with 200 proves that the loop of the S
// before finished its refresh, so the lock lasts until S'+ttl; and until S+ttl-loop_wait should the refresh that
// follows S never end.
func lockLease(f Facts) Moment {
	t, w := f.timing(), f.Reply
	least := min(w.At+f.Interval+rollSlack, w.At+t.TTL-leaseSafety) // anything shorter would flap between two ticks
	switch {
	case f.unproven() && !w.Failsafe:
		return f.witnessedLease()
	case w.Failsafe: // S is frozen: the members answered within ttl instead
		return max(w.At+t.TTL-t.LoopWait-t.RetryTimeout-leaseSafety, least)
	case w.SeenAt == 0:
		return max(w.At+t.TTL-t.LoopWait-t.RetryTimeout, least)
	case !t.Roomy(f.Interval):
		return rollingLease(f)
	}
	end := w.SeenAt + t.TTL - t.LoopWait
	if before := f.Cluster.SeenBefore; before != 0 {
		if w.SeenAt-before > t.TTL-t.LoopWait-leaseSafety { // a failsafe mode that ended, or nobody listened: no proof
			return rollingLease(f)
		}
		end = min(end, before+t.TTL)
	}
	return end - leaseMargin
}

// rollingLease lasts from tick to tick, never past the lock itself.
func rollingLease(f Facts) Moment {
	return min(f.Reply.SeenAt+f.timing().TTL-leaseSafety, f.Reply.At+f.Interval+rollSlack)
}

// rolledFrom is what a lease without room for the usual is rolled towards: the end of the lock that was heard of last, or 0
// where there is room. A hand-over may last as long: PostgreSQL is down, and such a lease ends from tick to tick.
func (f Facts) RolledEnd() Moment {
	if f.timing().Roomy(f.Interval) {
		return 0
	}
	return f.Cluster.Leading.SeenAt + f.timing().TTL - leaseSafety
}

// stalled reports whether a refresh of the lock that hung would have ended by now: Patroni gives it retry_timeout.
func (f Facts) stalled() bool {
	return f.Reply.SeenAt != 0 && f.Reply.At-f.Reply.SeenAt > f.timing().RetryTimeout+stalledMargin
}

// fresh reports whether the usual lease lasts beyond the next tick.
func (f Facts) fresh() bool { return f.Now+f.Interval < lockLease(f) }

// pausedLease needs no lock, since nobody else is promoted in pause, and every tick rolls it. But a pause may end at any
// moment, and a host may freeze before it hears of that: it is no longer than two ticks need, or than is proved.
func pausedLease(f Facts) Moment {
	rolled := f.Now + 2*f.Interval + rollSlack
	if f.Reply.Kind == Leader {
		return max(rolled, lockLease(f))
	}
	return max(rolled, min(f.leaseEnd(), f.provedUntil()))
}

// provedUntil is until when the lock of the last 200 lasts, even if the refresh that belongs to it never came about.
func (f Facts) provedUntil() Moment {
	t := f.timing()
	return f.Cluster.Leading.SeenAt + t.TTL - t.LoopWait - leaseMargin
}

// operatorsLease is what somebody has ordered, whatever the lock says.
func operatorsLease(f Facts) Moment { return f.Now + 2*f.timing().TTL }

// peersLease rolls a silent leader's lease while the peers name it, never past the last lock that was proved.
func peersLease(f Facts) Moment {
	return min(f.Peers.At+f.Interval+rollSlack, lastLease(f))
}

// lastLease is the end that a silent leader's lease cannot be rolled past. Where a question for the members may have moved
// S, that proves no refresh of the lock: the loop that did refresh it may be a loop_wait older.
func lastLease(f Facts) Moment {
	if f.unproven() {
		return f.leaseEnd()
	}
	seen, asked := f.Cluster.Leading, f.Cluster.PeersAt
	end := seen.SeenAt + f.timing().TTL - leaseMargin
	ours := asked != 0 && seen.SeenBy >= asked && seen.SeenAt <= asked+MembersWithin
	if ours || f.readBetween() {
		end -= f.timing().LoopWait
	}
	return end
}

// readBetween reports whether S moved sooner than Patroni's loops move it, and not behind our own question: others ask our
// Patroni for the members as well.
func (f Facts) readBetween() bool {
	past := f.Cluster
	known := past.SeenBefore != 0 && past.Reply.LastSeen != 0 && past.Reply.LastSeen == past.Leading.LastSeen
	if past.PeersAt != 0 && (past.SeenBefore-past.PeersAt).Abs() <= MembersWithin {
		return false
	}
	return known && past.Leading.SeenBy-past.SeenBefore < f.timing().LoopWait-loopEarly
}

// claimLease is a callback's, before Patroni's word. Where no timer runs, nobody would renew the lease of a healthy primary,
// and the address gets no end: forever.
func claimLease(f Facts) (until Moment, forever bool) {
	t, exec := f.timing(), f.Trigger.At
	if exec < bootGrace && !f.tickedLately() {
		return exec + bootLease, false
	}
	return exec + t.TTL - t.LoopWait - leaseMargin, !f.ticking()
}

// ticking reports whether a timer is there to renew a lease.
func (f Facts) ticking() bool {
	return f.Trigger.Event == EventTick || f.Trigger.At < bootGrace || f.tickedLately()
}

func (f Facts) tickedLately() bool {
	return f.Cluster.LastTick != 0 && f.Trigger.At-f.Cluster.LastTick <= recentTick
}

// steady keeps, while the DCS stalls, what was vouched for before: a proof that the lock is ours until some moment does
// not lapse. An older end that was not proved by this lock (of a pause, of a longer ttl) counts up to S + ttl - 2 s.
func steady(f Facts, until Moment) Moment {
	if f.NotAsWanted() || !f.stalled() {
		return until
	}
	return max(until, min(f.leaseEnd(), f.Reply.SeenAt+f.timing().TTL-leaseSafety))
}
