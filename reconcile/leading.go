package reconcile

import (
	"fmt"
	"time"
)

// The rows of Patroni's 200: 3 to 13.

// leading is Patroni's 200.
func leading(f Facts) Verdict {
	w := f.Word
	if !f.Follow.Wants(w.Role) {
		return leadingUnfollowed(f)
	}
	if f.doubtful() && f.Peers.Result == Unpolled {
		return ask(CodeUnheard, Question{Peers: true})
	}
	switch {
	case f.Peers.Result == PollOther:
		return twoLeaders(f)
	case w.Paused && w.Unlocked && f.seenLongAgo():
		return pausedBlind(f)
	case w.Paused && w.Unlocked && f.missing(): // without the lock, the code may be the role's alone
		return nothing(CodeLeaderPaused, "leader, cluster paused, no leader key in sight")
	case w.Paused:
		return holdIfRunning(f, pausedLease(f), CodeLeaderPaused, "leader, cluster paused")
	case w.Failsafe:
		return holdIfRunning(f, lockLease(f), CodeLeaderFailsafe, "leader in failsafe mode")
	case w.State == "stopping":
		return leadingStopping(f)
	case !f.fresh():
		return leadingStale(f)
	case !w.Running():
		return holdIfThere(f, CodeLeaderNotRunning, "leader, PostgreSQL is %s", w.State)
	case f.missing():
		return hold(f, lockLease(f), CodeAddressMissing, "leader, address missing")
	case f.cutShort():
		return hold(f, lockLease(f), CodeClaimCutShort, "leader, claim was cut short")
	}
	return hold(f, lockLease(f), CodeLeader, "leader")
}

// pausedBlind is a 200 in pause without a view of the DCS: every running primary answers so.
func pausedBlind(f Facts) Verdict {
	const why = "paused, DCS unreachable"
	switch {
	case f.missing():
		return nothing(CodePausedNoDCS, why)
	case f.Peers.elsewhere():
		return release(CodePausedNoDCS, why+", %s leads", f.Peers.Name)
	case f.succeeded():
		return release(CodePausedNoDCS, why+", another host answers for the address")
	}
	return hold(f, pausedLease(f), CodePausedNoDCS, why)
}

// leadingStopping is a 200 of a PostgreSQL that stops. Patroni goes on reading the DCS meanwhile, from its own cut-off
// etcd perhaps, and may not refresh the lock any more: what was vouched for runs out.
func leadingStopping(f Facts) Verdict {
	switch {
	case f.missing():
		return nothing(CodeLeaderStopping, "leader, stopping")
	case f.Now < f.end():
		return nothing(CodeLeaderStopping, "leader, stopping, lease ends in %v", f.left())
	}
	return release(CodeLeaderStopping, "leader, stopping, lease ended")
}

// leadingUnfollowed is a 200 of a member whose role this VIP does not follow.
func leadingUnfollowed(f Facts) Verdict {
	switch f.Word.Role {
	case RoleReplica, RoleDemoted, RoleUninitialized: // a promotion or a crash, with the lock in hand
		return holdIfThere(f, CodeLeaderChanging, "leader lock held, PostgreSQL is %s as %s", f.Word.State, f.Word.Role)
	}
	if !f.holder() {
		return notHolder(f)
	}
	return release(CodeNotFollowed, "leader, but %s is not followed", f.Word.Role)
}

// leadingStale is a 200 whose lock may end before the next tick: the loop of Patroni hangs, or the DCS does.
func leadingStale(f Facts) Verdict {
	age := (f.Now - f.Word.SeenAt).Round(time.Second)
	if f.missing() {
		return nothing(CodeLeaderStale, "leader, DCS last seen %v ago", age)
	}
	if !f.stalled() || !f.Word.Running() {
		return hold(f, lockLease(f), CodeLeaderStale, "leader, DCS last seen %v ago", age)
	}
	return hold(f, rollingLease(f), CodeLeaderStale, "leader, DCS last seen %v ago, rolling", age)
}

// doubtful reports whether a 200 may be another member's too.
func (f Facts) doubtful() bool {
	return f.Word.Paused || !f.Word.Failsafe && f.Word.State != "stopping" && !f.fresh()
}

// seenLongAgo reports whether our Patroni's view of the DCS is older than a loop and its retries.
func (f Facts) seenLongAgo() bool { return f.Word.blind(f.Word.At, f.timing()) }

// twoLeaders finds the one of two leaders that yields; both sides come to the same answer.
func twoLeaders(f Facts) Verdict {
	if f.Asked < 2 {
		return ask(CodeTwoLeaders, Question{Patroni: true, Peers: true, After: twoLeadersAfter})
	}
	why := fmt.Sprintf("two leaders: %s too", f.Peers.Name)
	until := lockLease(f)
	if f.Word.Paused {
		until = pausedLease(f)
	}
	switch {
	case !yields(f.Word, f.Peers.Word, f.Peers.Name):
		if f.missing() {
			return nothing(CodeTwoLeaders, "%s, and it yields", why)
		}
		return hold(f, until, CodeTwoLeaders, "%s, and it yields", why)
	case f.holder():
		return release(CodeTwoLeaders, "%s, and we yield", why)
	}
	return nothing(CodeTwoLeaders, "%s, and we yield", why)
}

// yields reports whether we, of two leaders, are the one that is none.
func yields(we, peer Word, peerName string) bool {
	switch {
	case (we.Paused || peer.Paused) && we.Unlocked != peer.Unlocked:
		return we.Unlocked
	case !we.Paused && !peer.Paused && we.LastSeen != peer.LastSeen:
		return we.LastSeen < peer.LastSeen
	case we.Timeline != peer.Timeline:
		return we.Timeline < peer.Timeline
	}
	return we.Name > peerName
}
