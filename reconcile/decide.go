package reconcile

import (
	"fmt"
	"time"
)

const (
	// blip is how long a lone 503 of a running primary is given: Patroni answers so for up to 0.2 s after a stall of
	// the DCS, a restart or a pause.
	blip = 500 * time.Millisecond
	// undoAfter lies between the two 503s that undo a callback's claim.
	undoAfter = 200 * time.Millisecond
	// stepDownWithin is all the time that a callback gives Patroni before the address goes.
	stepDownWithin = 200 * time.Millisecond
	// twoLeadersAfter lets one of two leaders notice that it is none.
	twoLeadersAfter = time.Second
	// maxAsked ends a run in which Patroni's answers keep coming too late to count.
	maxAsked = 3
	// slowCallback is the run time from which a callback behind may have waited for too long, when it starts as soon as
	// the slow one has ended; and cutShortFor is how long one that never ended may have been in the way.
	slowCallback = time.Second
	cutShortFor  = time.Minute
)

// Decide is the policy: whether this host should hold the VIP, and why. It is pure: no clock, no state, no effect.
//
// A claim needs proof that this member leads. A release needs proof that it does not, or the end of the lease. A
// verdict of [DoAsk] says what has to be known first; after a bounded number of answers there is always another one.
// DESIGN.md has the table that this function implements, row by row.
func Decide(f Facts) Verdict {
	f.Word = f.evidence()
	switch {
	case f.Trigger.Event == EventOperator:
		return ordered(f)
	case f.held():
		return heldStill(f)
	case f.Confirming:
		return confirm(f)
	}
	switch f.Trigger.Event {
	case EventOnStop:
		return stopped(f)
	case EventOnReload:
		return nothing(CodeReload, "a reload moves nothing")
	case EventOnRoleChange:
		if f.Follow.Wants(f.Trigger.Role) {
			return promoted(f)
		}
		return steppedDown(f)
	case EventOnStart, EventOnRestart:
		if f.Follow.Wants(f.Trigger.Role) {
			return started(f)
		}
		return steppedDown(f)
	}
	return tick(f)
}

// stopped is on_stop: PostgreSQL is down here, whatever the lock says.
func stopped(f Facts) Verdict {
	switch {
	case !f.holder():
		return elsewhere(f)
	case f.PG == PGDown:
		return handOver(CodeStopped, "PostgreSQL stopped: handing over")
	case f.PG == PGAlive && (f.Now-f.Trigger.At > EvidenceAge || f.Note.Changed > f.Trigger.At):
		return tick(f) // it was another PostgreSQL that stopped, before this one was started or this claim made
	}
	return release(CodeStopped, "PostgreSQL stopped")
}

// promoted is on_role_change to a followed role: argv is proof enough to claim at once, unless it may have waited in
// Patroni's queue behind a callback that was killed or slow.
func promoted(f Facts) Verdict {
	if f.Word.Answer == Unasked && f.argvCounts() {
		until, forever := claimLease(f)
		return Verdict{Do: DoHold, Code: CodePromoted, Why: "promoted to " + string(f.Trigger.Role), Until: until, Forever: forever || !f.Leased}
	}
	if w := f.Word; w.Answer == Leader && w.Role == RoleReplica && w.Running() && !w.Paused && f.fresh() {
		return hold(f, lockLease(f), CodePromoted, "promoted to %s", f.Trigger.Role) // SQL is a moment behind the lock
	}
	return started(f)
}

// argvCounts reports whether a callback's words still prove a promotion: the process is young, nobody moved the address
// since it was started, and the callback before it neither was cut short nor ran for long.
func (f Facts) argvCounts() bool {
	return f.Now-f.Trigger.At <= EvidenceAge && f.Note.Changed <= f.Trigger.At && !f.queued()
}

// queued reports whether this callback may have waited behind the one before.
func (f Facts) queued() bool {
	last, at := f.Past.Callback, f.Trigger.At
	switch {
	case last.Event == "":
		return false
	case last.Ended == 0:
		return at-last.Began < cutShortFor
	}
	return last.Ended-last.Began > slowCallback && at-last.Ended < slowCallback
}

// started is an event whose role proves nothing: since Patroni 3.2 on_start can fire without the lock.
func started(f Facts) Verdict {
	if f.Word.Answer == Silent || f.Word.Answer == NotOurs {
		return nothing(CodeStartUnconfirmed, "%s as %s, %s", f.Trigger.Event, f.Trigger.Role, f.silence())
	}
	return tick(f)
}

// steppedDown is a callback with any role that is not followed. Patroni before 3.0.4 reports a crashed primary that
// keeps the lock so, for 0.15 s: its word decides, if it comes at once.
func steppedDown(f Facts) Verdict {
	switch {
	case !f.holder():
		return elsewhere(f)
	case f.handingOver() && f.PG == PGDown:
		return handOver(CodeHandingOver, "handing over")
	}
	switch f.Word.Answer {
	case Unasked:
		return ask(CodeUnheard, Question{Patroni: true, Within: stepDownWithin})
	case Leader:
		return leading(f)
	case NotLeader:
		if f.PG == PGDown {
			return handOver(CodeDown, "not the leader, PostgreSQL down: handing over")
		}
		return release(CodeNotLeader, "not the leader, %s", f.says())
	}
	return release(CodeDemoted, "%s as %s, %s", f.Trigger.Event, f.Trigger.Role, f.silence())
}

// confirm is the second look at a claim that was made before Patroni's word.
func confirm(f Facts) Verdict {
	switch f.Word.Answer {
	case Unasked:
		return ask(CodeUnheard, Question{Patroni: true})
	case Leader:
		return leading(f)
	case NotLeader:
		if f.Asked < 2 {
			return ask(CodeAskAgain, Question{Patroni: true, After: undoAfter})
		}
		return release(CodeClaimUndone, "claimed, but not the leader, %s", f.says())
	}
	return nothing(CodeClaimUnconfirmed, "claimed, %s", f.silence())
}

// evidence is Patroni's word as far as it still counts: one that is too old has to be asked for again.
func (f Facts) evidence() Word {
	switch {
	case !f.stale():
		return f.Word
	case f.Asked < maxAsked:
		return Word{}
	}
	return Word{Answer: Silent, Why: "its answers came too late", At: f.Word.At}
}

// tick asks Patroni and decides by its word.
func tick(f Facts) Verdict {
	switch f.Word.Answer {
	case Unasked:
		return ask(CodeUnheard, Question{Patroni: true})
	case Leader:
		return leading(f)
	case NotLeader:
		return notLeading(f)
	}
	return silent(f)
}

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
		return holdIfThere(f, CodeLeaderStopping, "leader, stopping")
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
	}
	return hold(f, pausedLease(f), CodePausedNoDCS, why)
}

// leadingUnfollowed is a 200 of a member whose role this VIP does not follow.
func leadingUnfollowed(f Facts) Verdict {
	switch f.Word.Role {
	case RoleReplica, RoleDemoted, RoleUninitialized: // a promotion or a crash, with the lock in hand
		return holdIfThere(f, CodeLeaderChanging, "leader lock held, PostgreSQL is %s as %s", f.Word.State, f.Word.Role)
	}
	if !f.holder() {
		return elsewhere(f)
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

// notLeading is Patroni's 503.
func notLeading(f Facts) Verdict {
	w := f.Word
	switch {
	case !f.holder():
		return elsewhere(f)
	case f.handingOver() && f.PG == PGDown:
		return handOver(CodeHandingOver, "handing over")
	case f.PG == PGDown:
		return handOver(CodeDown, "not the leader, PostgreSQL down: handing over")
	case !f.Follow.Wants(w.Role) || !w.Running():
		return release(CodeNotLeader, "not the leader, %s", f.says())
	case f.Asked < 2 && f.Now < f.end():
		return ask(CodeAskAgain, Question{Patroni: true, Peers: true, After: blip})
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
		return f.Past.RefusedAt != 0 && f.Now-f.Past.RefusedAt <= 2*f.timing().LoopWait
	}
	return f.Peers.Result == PollUs
}

// silent is no word: nobody answered, or somebody who is not our Patroni.
func silent(f Facts) Verdict {
	if !f.holder() {
		return elsewhere(f)
	}
	if f.handingOver() && f.PG == PGDown {
		return handOver(CodeHandingOver, "handing over")
	}
	// A PostgreSQL that is down cannot accept a write whoever leads, and hands over faster than it drops.
	if f.PG == PGDown {
		return handOver(CodeSilentDown, "%s, PostgreSQL down: handing over", f.silence())
	}
	if f.Peers.Result == Unpolled {
		return ask(CodeUnheard, Question{Peers: true})
	}
	switch {
	case f.Peers.elsewhere():
		return release(CodeSilentLost, "%s, %s leads", f.silence(), f.Peers.Name)
	case f.PG == PGAlive && f.Past.Word.Paused && f.stillPaused() && !f.missing():
		return hold(f, pausedLease(f), CodeSilentPaused, "%s, cluster was paused", f.silence())
	case f.Peers.Result == PollNobody:
		return release(CodeSilentLost, "%s, lock gone", f.silence())
	case f.Now >= f.end():
		return release(CodeSilentExpired, "%s, nobody vouches for this VIP", f.silence())
	case f.Peers.Result == PollUs && peersLease(f) > f.end() && !f.missing():
		return hold(f, peersLease(f), CodeSilentLeased, "%s, the peers name us", f.silence())
	}
	return nothing(CodeSilentLeased, "%s, lease ends in %v", f.silence(), (f.end() - f.Now).Round(100*time.Millisecond))
}

// stillPaused reports whether nobody who answered denies the pause. Where no peer answers, another host that answers for
// the address does.
func (f Facts) stillPaused() bool {
	return f.Peers.Paused || f.Peers.Result == PollSilent && len(f.Note.Answering) == 0
}

// elsewhere is the verdict where the address is not here and nothing proves that it should be. A claim that is still
// on the note ended without us: the lease ran out, or somebody removed the address.
func elsewhere(f Facts) Verdict {
	why := "not the leader"
	switch f.Word.Answer {
	case Unasked:
		why = "not here"
	case Silent, NotOurs:
		why = f.silence()
	case Leader:
		why = fmt.Sprintf("leader as %s", f.Word.Role)
	}
	if f.Sight.Here == PresenceNo && (f.Note.Claimed != 0 || f.Note.HandOver != nil) {
		return release(CodeLeaseEnded, "%s, the address went by itself", why)
	}
	return nothing(CodeElsewhere, "%s", why)
}

// hold vouches for the address until the given moment, or longer where that was proved before. Where that is over, what
// was vouched for before runs out, and then the address goes.
func hold(f Facts, until Moment, c Code, why string, args ...any) Verdict {
	why = fmt.Sprintf(why, args...)
	until = steady(f, until)
	switch {
	case until > f.Now:
		return Verdict{Do: DoHold, Code: c, Why: why, Until: until, Forever: !f.Leased || !f.ticking()}
	case f.Now < f.end():
		return nothing(c, "%s, lease ends in %v", why, (f.end() - f.Now).Round(100*time.Millisecond))
	}
	return release(c, "%s, lease ended", why)
}

// holdIfRunning holds what is here, and claims only for a PostgreSQL that runs.
func holdIfRunning(f Facts, until Moment, c Code, why string) Verdict {
	if f.missing() && !f.Word.Running() {
		return nothing(c, "%s, PostgreSQL is %s", why, f.Word.State)
	}
	return hold(f, until, c, "%s", why)
}

// holdIfThere holds what is here and claims nothing.
func holdIfThere(f Facts, c Code, why string, args ...any) Verdict {
	if f.missing() {
		return nothing(c, why, args...)
	}
	return hold(f, lockLease(f), c, why, args...)
}

// says is Patroni's word for its own member, for people.
func (f Facts) says() string { return fmt.Sprintf("%s, %s", f.Word.Role, f.Word.State) }

// silence is why there is no word, for people.
func (f Facts) silence() string {
	if f.Word.Answer == NotOurs {
		return "not our Patroni: " + f.Word.Why
	}
	return "Patroni silent: " + f.Word.Why
}
