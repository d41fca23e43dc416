package reconcile

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

const (
	// firstProbe leaves the former holder time to go.
	firstProbe = 10 * time.Second
	probeEvery = 5 * time.Minute
	// conflictPace makes it each tick while another host answers: once it does not, it may be a successor again.
	conflictPace = time.Second
	probeWindow  = 150 * time.Millisecond
)

// probeDue reports whether the neighbours should be asked who else answers for an address that is here.
func (n Note) probeDue(now Moment) bool {
	switch {
	case n.Claimed == 0 || now-n.Claimed < firstProbe:
		return false
	case n.Probed < n.Claimed:
		return true
	case len(n.Answering) > 0:
		return now-n.Probed >= conflictPace
	}
	return now-n.Probed >= probeEvery
}

// learnOthers finds out, at the end of a tick that leaves the address here, who else answers for it. Whoever does is a
// conflict, and later no successor that a hand-over waits for. Where only our Patroni's last word keeps the address here,
// each tick asks, and an answer means that the pause has ended.
func (v *visit) learnOthers(ctx context.Context) {
	if v.trigger.Event != EventTick || v.outcome.Verdict.Do != DoHold || v.outcome.Err != nil {
		return
	}
	code := v.outcome.Verdict.Code
	alone := (code == CodeSilentPaused || code == CodePausedNoDCS) && v.facts.onOurWord()
	if !alone && !v.facts.Note.probeDue(v.Clock.Now()) {
		return
	}
	v.probe(ctx)
	if alone {
		v.decideAndAct(ctx)
	}
}

// probe asks the neighbours, and keeps who answers.
func (v *visit) probe(ctx context.Context) {
	others, err := v.vip.Address.Others(ctx, probeWindow)
	if err != nil {
		v.caution("ask who else answers for the address", err)
		return
	}
	slices.Sort(others)
	unlock, err := v.lock(lockPatience)
	defer unlock()
	if errors.Is(err, ErrBusy) {
		return
	}
	n, err := v.Notes.Note(v.vip.Name)
	if err != nil || n.Claimed != v.facts.Note.Claimed {
		return
	}
	news := len(others) > 0 && !slices.Equal(others, n.Answering)
	n.Probed, n.Answering = v.Clock.Now(), others
	v.save(n)
	if news {
		verdict := Verdict{Code: CodeConflict}
		v.record(ChangeConflict, verdict, fmt.Sprintf("another host answers for the address: %v", others))
	}
}
