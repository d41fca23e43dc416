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
	// slowCallback is the run time from which a callback is slow: the next, if it starts right after the slow one's end, may
	// have waited in Patroni's queue, so that its argv proves nothing. cutShortFor is how long a callback that never ended
	// may have been in the way like that.
	slowCallback = time.Second
	cutShortFor  = time.Minute
)

// Decide is the policy: whether this host should hold the VIP, and why. It is pure: no clock, no state, no effect.
//
// A claim needs proof that this member leads, unless an operator forces it. A release needs proof that it does not, or the
// end of the lease. A verdict of [DoAsk] says what has to be known first; after a bounded number of answers there is always
// another one. DESIGN.md has the table that this function implements, row by row.
func Decide(f Facts) Verdict {
	f.Reply = f.evidence()
	switch {
	case f.Trigger.Event == EventOperator:
		return ordered(f)
	case f.VIP.HeldAt(f.Now):
		return heldStill(f)
	case f.Confirming:
		return confirm(f)
	}
	switch f.Trigger.Event {
	case EventOnStop:
		return stopped(f)
	case EventOnReload:
		return nothing(codeReload, "a reload moves nothing")
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

// evidence is Patroni's word as far as it still counts: one that is too old has to be asked for again.
func (f Facts) evidence() PatroniReply {
	switch {
	case !f.Outdated():
		return f.Reply
	case f.Asked+f.Stale < maxAsked:
		return PatroniReply{}
	}
	return PatroniReply{Kind: Silent, Why: "its answers came too late", At: f.Reply.At}
}

// tick asks Patroni and decides by its word.
func tick(f Facts) Verdict {
	switch f.Reply.Kind {
	case Unasked:
		return ask(codeUnasked, f.first())
	case Leader:
		return leading(f)
	case NotLeader:
		return notLeading(f)
	}
	return silent(f)
}

// first is a tick's first question. Where the address is here it asks the peers as well whether one of them leads: our Patroni
// may say that we do when its lock is over.
func (f Facts) first() Question {
	return Question{Patroni: true, Rivals: f.Trigger.Event == EventTick && f.MayBeHere() && !f.Again}
}

// notHolder is the verdict where the address is not here and nothing proves that it should be. A claim that is still
// on the note ended without us: the lease ran out, or somebody removed the address.
func notHolder(f Facts) Verdict {
	why := "not the leader"
	switch f.Reply.Kind {
	case Unasked:
		why = "not here"
	case Silent, NotOurs:
		why = f.silence()
	case Leader:
		why = fmt.Sprintf("leader as %s", f.Reply.Role)
	}
	if f.Address.Presence == PresenceNo && (f.VIP.Claimed != 0 || f.VIP.HandOver != nil) {
		return release(codeLeaseEnded, "%s, the address went by itself", why)
	}
	return nothing(codeNotHolder, "%s", why)
}

// hold vouches for the address until the given moment, or longer where that was proved before. Where that moment is past,
// an older lease still counts; when that has ended too, the address goes.
func hold(f Facts, until Moment, c Code, why string, args ...any) Verdict {
	why = fmt.Sprintf(why, args...)
	until = steady(f, until)
	switch {
	case until > f.Now:
		return Verdict{Do: DoKeep, Code: c, Why: why, Until: until, Forever: !f.Leased || !f.ticking()}
	case f.Now < f.leaseEnd():
		return nothing(c, "%s, lease ends in %v", why, f.leaseLeft())
	}
	return release(c, "%s, lease ended", why)
}

// holdIfRunning holds what is here, and claims only for a PostgreSQL that runs.
func holdIfRunning(f Facts, until Moment, c Code, why string) Verdict {
	if f.NotAsWanted() && !f.Reply.Running() {
		return nothing(c, "%s, PostgreSQL is %s", why, f.Reply.State)
	}
	return hold(f, until, c, "%s", why)
}

// holdIfThere holds what is here and claims nothing.
func holdIfThere(f Facts, c Code, why string, args ...any) Verdict {
	if f.NotAsWanted() {
		return nothing(c, why, args...)
	}
	return hold(f, lockLease(f), c, why, args...)
}

// says is Patroni's word for its own member, for people.
func (f Facts) memberState() string { return fmt.Sprintf("%s, %s", f.Reply.Role, f.Reply.State) }

// silence is why there is no word, for people.
func (f Facts) silence() string {
	if f.Reply.Kind == NotOurs {
		return "not our Patroni: " + f.Reply.Why
	}
	return "Patroni silent: " + f.Reply.Why
}
