package reconcile

import (
	"context"
	"time"
)

const (
	// loopLate is by how much Patroni's loops usually come late: up to so long after loop_wait has passed. One that is later
	// yet is asked for every loopAgain, for loopPatience.
	loopLate     = 10 * time.Millisecond
	loopAgain    = 20 * time.Millisecond
	loopPatience = 500 * time.Millisecond
	// loopEarly is by how much less than loop_wait Patroni's loops may be apart.
	loopEarly = 100 * time.Millisecond
	// loopBlur is how closely the moment of Patroni's loops has to be known.
	loopBlur = 50 * time.Millisecond
	// tickSoon is how close the next tick must be to make another look needless.
	tickSoon = 20 * time.Millisecond
	// stoppingEvery is how often a leader that stops is looked at: it gives the lock away as soon as its checkpoint is
	// written, also while its archiver goes on for minutes, and no callback comes before that has ended.
	stoppingEvery = 100 * time.Millisecond
	// unprovedEvery is how often a leader is looked at that has the address on the word of others alone.
	unprovedEvery = 200 * time.Millisecond
	// shortBefore is what a look and what is done about it take.
	shortBefore = 50 * time.Millisecond
)

// nextLookAt is when a tick should look again, and whether it should. It looks soon while PostgreSQL stops, and while only
// the word of others keeps the address here: a successor may lead at any moment. Else it looks when Patroni's next loop comes
// well before the next tick does: should Patroni die in between, a refresh of the lock that nobody heard of would shorten
// the lease by a whole loop_wait.
func (f Facts) NextLook() (at Moment, wanted bool) {
	w, turn := f.Reply, f.Trigger.At+f.Interval
	switch {
	case f.Trigger.Event != EventTick || f.NotAsWanted():
		return 0, false
	case w.IsSilent() && f.onPeersReply():
		at = f.Now + unprovedEvery
		if whole := wholeSeconds(f.Now, lastLease(f)); whole > f.Now {
			at = min(at, whole)
		}
		return at, at < turn-tickSoon
	case w.IsSilent() && f.Peers.Result == PollUs && peersLease(f) == lastLease(f):
		at = wholeSeconds(f.Now, lastLease(f))
		return at, at > f.Now && at < turn-tickSoon
	case w.Kind != Leader:
		return 0, false
	case w.State == "stopping":
		at = f.Now + stoppingEvery
		return at, at <= turn-stoppingEvery
	case f.onOthersReply() && f.Peers.us():
		at = f.Now + unprovedEvery
		return at, at < turn-tickSoon
	case w.SeenAt == 0:
		return 0, false
	}
	at = w.nextLoop(f.Now, f.timing().LoopWait)
	return at, at >= f.Now && at < turn-tickSoon
}

// unproved reports whether only the word of others keeps a silent leader's address here: the lock that is proved has run
// out (somebody else may have made S move since), or the cluster is paused. Somebody may take the lock at any moment.
func (f Facts) onPeersReply() bool {
	return f.stillPaused() || f.Peers.Result == PollUs && f.Now > f.provedUntil()
}

// nextLoop is when to ask for the next value of dcs_last_seen: when it should be there, or, where that is known too
// vaguely, in the middle first. Either answer halves what is not known of this loop, and of all that follow a loop_wait
// apart (see [Memory.narrow]).
func (w PatroniReply) nextLoop(now Moment, loop time.Duration) Moment {
	soonest, latest := w.SeenAt+loop, w.SeenBy+loop+loopLate
	middle := soonest + (latest-soonest)/2
	switch {
	case middle > now && latest-soonest > loopBlur:
		return middle
	case latest <= now && now < latest+loopPatience:
		return now + loopAgain
	}
	return latest
}

// wholeSeconds is the next moment that lies a whole number of seconds, and shortBefore, ahead of the end: lifetimes in the
// kernel are whole seconds, and one that begins at another moment ends up to a second too early.
func wholeSeconds(now, end Moment) Moment { return now + (end-shortBefore-now)%time.Second }

// lookAgain decides once more in the same tick, as often as that is wanted.
func (v *vipRun) lookAgain(ctx context.Context) {
	for v.outcome.Err == nil {
		at, wanted := v.facts.NextLook()
		if !wanted || v.Clock.Wait(ctx, at-v.Clock.Now()) != nil {
			return
		}
		v.anew(false)
		v.facts.Again = true
		v.decideAndAct(ctx)
	}
}
