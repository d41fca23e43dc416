package reconcile

import (
	"fmt"
	"time"
)

// The rows of Patroni's 200: 3 to 13.

// leading is Patroni's 200.
func leading(f Facts) Verdict {
	w := f.Reply
	if !f.Follow.Wants(w.Role) {
		return leadingUnfollowed(f)
	}
	if f.doubtful() && !f.Peers.full() {
		return ask(codeUnasked, f.witnesses())
	}
	switch {
	case f.Peers.Result == PollOther:
		return twoLeaders(f)
	case w.Paused && w.Unlocked && f.seenLongAgo():
		return pausedBlind(f)
	case w.Paused && w.Unlocked && f.NotAsWanted(): // without the lock, the code may be the role's alone
		return nothing(codeLeaderPaused, "leader, cluster paused, no leader key in sight")
	case w.Paused:
		return holdIfRunning(f, pausedLease(f), codeLeaderPaused, "leader, cluster paused")
	case w.Failsafe && !f.Peers.elsewhere():
		return holdIfRunning(f, lockLease(f), codeLeaderFailsafe, "leader in failsafe mode")
	case w.State == "stopping":
		return leadingStopping(f)
	case f.contradicted():
		return leadingContradicted(f)
	case f.unproven() && f.NotAsWanted() && w.over(f.timing()):
		return nothing(codeLeaderUnproven, "leader, DCS last seen %v ago", f.seenAgo())
	case f.unproven():
		return holdIfRunning(f, lockLease(f), codeLeaderUnproven, "leader, and "+f.witness()+" us: "+f.whyUnproven())
	case !f.fresh():
		return leadingStale(f)
	case !w.Running():
		return holdIfThere(f, codeLeaderNotRunning, "leader, PostgreSQL is %s", w.State)
	case f.NotAsWanted():
		return hold(f, lockLease(f), codeAddressMissing, "leader, address missing")
	case f.CutShort():
		return hold(f, lockLease(f), codeClaimCutShort, "leader, claim was cut short")
	}
	return hold(f, lockLease(f), codeLeader, "leader")
}

// pausedBlind is a 200 in pause without a view of the DCS: every running primary answers so.
func pausedBlind(f Facts) Verdict {
	const why = "paused, DCS unreachable"
	switch {
	case f.NotAsWanted():
		return nothing(codePausedNoDCS, why)
	case f.Peers.elsewhere():
		return release(codePausedNoDCS, why+", %s leads", f.Peers.Name)
	case f.succeeded():
		return release(codePausedNoDCS, why+", another host answers for the address")
	}
	return hold(f, pausedLease(f), codePausedNoDCS, why)
}

// leadingStopping is a 200 of a PostgreSQL that stops. Patroni goes on reading the DCS meanwhile, from its own cut-off
// etcd perhaps, and may not refresh the lock any more: what was vouched for runs out.
func leadingStopping(f Facts) Verdict {
	switch {
	case f.NotAsWanted():
		return nothing(codeLeaderStopping, "leader, stopping")
	case f.Now < f.leaseEnd():
		return nothing(codeLeaderStopping, "leader, stopping, lease ends in %v", f.leaseLeft())
	}
	return release(codeLeaderStopping, "leader, stopping, lease ended")
}

// leadingContradicted is a 200 that a second witness denies, or that stands alone where it proves nothing: nothing is claimed,
// and what is vouched for runs out, unless that was the word of others alone.
func leadingContradicted(f Facts) Verdict {
	why := "leader, but nobody else says so: " + f.whyUnproven()
	switch f.Peers.Result {
	case PollNamed:
		why = fmt.Sprintf("leader, but %s %s", f.witness(), f.Peers.Name)
	case PollNobody:
		why = fmt.Sprintf("leader, but %s nobody: %s", f.witness(), f.whyUnproven())
	}
	switch {
	case f.NotAsWanted():
		return nothing(codeLeaderUnproven, "%s", why)
	case f.lockGone():
		return release(codeLeaderUnproven, "%s", why)
	case f.Now < f.leaseEnd():
		return nothing(codeLeaderUnproven, "%s, lease ends in %v", why, f.leaseLeft())
	}
	return release(codeLeaderUnproven, "%s, lease ended", why)
}

// leadingUnfollowed is a 200 of a member whose role this VIP does not follow.
func leadingUnfollowed(f Facts) Verdict {
	switch f.Reply.Role {
	case RoleReplica, RoleDemoted, RoleUninitialized: // a promotion or a crash, with the lock in hand
		return holdIfThere(f, codeLeaderChanging, "leader lock held, PostgreSQL is %s as %s", f.Reply.State, f.Reply.Role)
	}
	if !f.MayBeHere() {
		return notHolder(f)
	}
	return release(codeNotFollowed, "leader, but %s is not followed", f.Reply.Role)
}

// leadingStale is a 200 whose lock may end before the next tick: the loop of Patroni hangs, or the DCS does.
func leadingStale(f Facts) Verdict {
	age := f.seenAgo()
	if f.NotAsWanted() {
		return nothing(codeLeaderStale, "leader, DCS last seen %v ago", age)
	}
	if !f.stalled() || !f.Reply.Running() {
		return hold(f, lockLease(f), codeLeaderStale, "leader, DCS last seen %v ago", age)
	}
	return hold(f, rollingLease(f), codeLeaderStale, "leader, DCS last seen %v ago, rolling", age)
}

// seenAgo is how long ago our Patroni read the DCS, for people.
func (f Facts) seenAgo() time.Duration { return (f.Now - f.Reply.SeenAt).Round(time.Second) }

// doubtful reports whether a 200 may be another member's too.
func (f Facts) doubtful() bool {
	switch {
	case f.Reply.Paused:
		return true
	case f.Reply.State == "stopping":
		return false
	}
	return f.needsWitness() || !f.fresh() // in failsafe mode a lease is always fresh
}

// seenLongAgo reports whether our Patroni's view of the DCS is older than a loop and its retries.
func (f Facts) seenLongAgo() bool { return f.Reply.blind(f.Reply.At, f.timing()) }

// twoLeaders finds the one of two leaders that yields; both sides come to the same answer.
func twoLeaders(f Facts) Verdict {
	if f.Asked < 2 && !f.outvoted() {
		return ask(codeTwoLeaders, Question{Patroni: true, Peers: true, DCS: f.unproven(), After: twoLeadersAfter})
	}
	why := fmt.Sprintf("two leaders: %s too", f.Peers.Name)
	until := lockLease(f)
	if f.Reply.Paused {
		until = pausedLease(f)
	}
	switch {
	case !f.yields():
		if f.NotAsWanted() && (f.Reply.Paused || !f.Reply.Running() || !f.fresh()) {
			return nothing(codeTwoLeaders, "%s, and it yields", why)
		}
		return hold(f, until, codeTwoLeaders, "%s, and it yields", why)
	case f.MayBeHere():
		return release(codeTwoLeaders, "%s, and we yield", why)
	}
	return nothing(codeTwoLeaders, "%s, and we yield", why)
}

// outvoted reports whether the other of two leaders needs no second look: it was promoted last, or is being promoted while nothing
// but the word of others keeps the address here.
func (f Facts) outvoted() bool {
	we, peer := f.Reply, f.Peers.Reply
	switch {
	case we.Paused || peer.Paused:
		return false
	case promotedLast(peer, we):
		return true
	}
	return f.onOthersReply() && !f.Peers.us() && !promotedLast(we, peer)
}

// yields reports whether we, of two leaders, are the one that is none. Where our dcs_last_seen proves nothing, it decides
// against us.
func (f Facts) yields() bool {
	we, peer := f.Reply, f.Peers.Reply
	if f.unproven() && !promotedLast(we, peer) && !promotedLast(peer, we) {
		return true
	}
	return yields(we, peer, f.Peers.Name)
}

// yields reports whether the first of two leaders is none. In pause a running primary that sees no leader key says 200, too. Of
// others, the one that was promoted last has the higher timeline: it has the lock. dcs_last_seen, which whoever asks for the
// cluster moves, decides only between standby leaders and behind a promotion that is under way.
func yields(we, peer PatroniReply, peerName string) bool {
	switch {
	case (we.Paused || peer.Paused) && we.Unlocked != peer.Unlocked:
		return we.Unlocked
	case promotedLast(peer, we):
		return true
	case promotedLast(we, peer):
		return false
	case !we.Paused && !peer.Paused && we.LastSeen != peer.LastSeen:
		return we.LastSeen < peer.LastSeen
	}
	return we.Name > peerName
}

// promotedLast reports whether a was promoted behind b. A timeline of 0 is not known.
func promotedLast(a, b PatroniReply) bool { return b.Timeline != 0 && a.Timeline > b.Timeline }
