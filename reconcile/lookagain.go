package reconcile

import (
	"context"
	"time"
)

const (
	// loopLate is how much later than a loop_wait after the last one a loop of Patroni reads the DCS as a rule. One that is
	// later yet is asked for anew, every loopAgain, for loopPatience.
	loopLate     = 30 * time.Millisecond
	loopAgain    = 50 * time.Millisecond
	loopPatience = 500 * time.Millisecond
	// loopBlur is how closely the moment of Patroni's loops is worth knowing.
	loopBlur = 100 * time.Millisecond
	// tickSoon is how close the next tick must be to make another look needless.
	tickSoon = 200 * time.Millisecond
	// stoppingEvery is how often a leader that stops is looked at: it gives the lock away as soon as its checkpoint is
	// written, also while its archiver goes on for minutes, and no callback comes before that has ended.
	stoppingEvery = 100 * time.Millisecond
	// unprovedEvery is how often a silent leader is looked at that has the address on the word of others alone.
	unprovedEvery = 200 * time.Millisecond
	// shortBefore is what a look and what is done about it take.
	shortBefore = 50 * time.Millisecond
)

// nextLookAt is when a tick should look again, and whether it should. While PostgreSQL stops, or the peers' word is all
// that keeps the address here, because a successor may lead at any moment. Else when Patroni's next loop falls well before
// the next tick: a lock that was refreshed and not heard of would shorten the lease by a whole loop_wait, should Patroni
// die before that tick.
func (f Facts) nextLookAt() (at Moment, wanted bool) {
	w, turn := f.Word, f.Trigger.At+f.Interval
	switch {
	case f.Trigger.Event != EventTick || f.missing():
		return 0, false
	case w.Mute() && f.unproved():
		at = f.Now + unprovedEvery
		if whole := wholeSeconds(f.Now, lastLease(f)); whole > f.Now {
			at = min(at, whole)
		}
		return at, at < turn-tickSoon
	case w.Mute() && f.Peers.Result == PollUs && peersLease(f) == lastLease(f):
		at = wholeSeconds(f.Now, lastLease(f))
		return at, at > f.Now && at < turn-tickSoon
	case w.Answer != Leader:
		return 0, false
	case w.State == "stopping":
		at = f.Now + stoppingEvery
		return at, at <= turn-stoppingEvery
	case w.SeenAt == 0:
		return 0, false
	}
	at = w.nextLoop(f.Now, f.timing().LoopWait)
	return at, at >= f.Now && at < turn-tickSoon
}

// unproved reports whether a silent leader's address is here on the word of others alone: beyond the lock that Patroni's
// loops prove whoever else made S move, or in a pause. The lock may be free at any moment, and somebody may take it.
func (f Facts) unproved() bool {
	if f.stillPaused() {
		return f.Now < f.Past.Leading.SeenAt+2*f.timing().TTL // a pause may last: ticks are enough then
	}
	return f.Peers.Result == PollUs && f.Now > f.provedUntil()
}

// nextLoop is when to ask for the next value of dcs_last_seen: when it should be there, or, where that is known too
// vaguely, once in the middle before. Whatever the answer is there, it halves what is not known (see [Memory.narrow]), of
// this loop and of those that follow a loop_wait apart.
func (w Word) nextLoop(now Moment, loop time.Duration) Moment {
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

// wholeSeconds is the next moment that is some whole seconds before the end, and a little: lifetimes in the kernel are whole
// seconds, and one that begins at another moment ends up to a second too early.
func wholeSeconds(now, end Moment) Moment { return now + (end-shortBefore-now)%time.Second }

// lookAgain decides once more in the same tick, as often as that is wanted.
func (v *visit) lookAgain(ctx context.Context) {
	for v.outcome.Err == nil {
		at, wanted := v.facts.nextLookAt()
		if !wanted || v.Clock.Wait(ctx, at-v.Clock.Now()) != nil {
			return
		}
		v.anew(false)
		v.settle(ctx)
	}
}
