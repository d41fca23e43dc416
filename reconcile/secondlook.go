package reconcile

import (
	"context"
	"time"
)

const (
	// loopLate is when a loop of Patroni shows in dcs_last_seen for sure, counted from that value plus loop_wait: it is
	// rounded down to the second, and the loop itself takes a moment.
	loopLate = time.Second + 150*time.Millisecond
	// tickSoon is how close the next tick must be to make a second look needless.
	tickSoon = 400 * time.Millisecond
)

// secondLookAt is when a tick that holds the address should look again, and whether it should: when Patroni's next loop
// falls well before the next tick. A lock that was refreshed and not heard of would shorten the lease by a whole
// loop_wait, should Patroni die before that tick.
func (f Facts) secondLookAt() (at Moment, wanted bool) {
	w := f.Word
	if f.Trigger.Event != EventTick || w.Answer != Leader || w.SeenAt == 0 || f.missing() {
		return 0, false
	}
	at = w.SeenAt + f.timing().LoopWait + loopLate
	return at, at > f.Now && at < f.Trigger.At+f.Interval-tickSoon
}

// lookAgain decides once more in the same tick, where that is wanted.
func (v *visit) lookAgain(ctx context.Context) {
	at, wanted := v.facts.secondLookAt()
	if !wanted || v.outcome.Verdict.Do != DoHold || v.Clock.Wait(ctx, at-v.Clock.Now()) != nil {
		return
	}
	v.anew(false)
	v.settle(ctx)
}
