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
	// probeWindow is what a host on the same link takes to answer, many times over.
	probeWindow = 100 * time.Millisecond
)

// probeDue reports whether a tick should ask the neighbours who else answers for an address that is here.
func (n VIPState) ProbeDue(now Moment) bool { return n.Claimed != 0 && now-n.Claimed >= firstProbe }

// learnOthers finds out, at the end of a tick that leaves the address here, who else answers for it. Whoever does is a
// conflict, and later no successor that a hand-over waits for. One that is new may be the successor of a lock that was lost:
// everything is decided anew. Where only our Patroni's last word keeps the address here, an answer means that the pause has
// ended.
func (v *vipRun) learnOthers(ctx context.Context) {
	if v.trigger.Event != EventTick || v.outcome.Verdict.Do != DoKeep || v.outcome.Err != nil {
		return
	}
	code := v.outcome.Verdict.Code
	alone := (code == codeSilentPaused || code == codePausedNoDCS) && v.facts.onOurReply()
	if !alone && !v.facts.VIP.ProbeDue(v.Clock.Now()) {
		return
	}
	news := v.probe(ctx)
	switch {
	case alone:
		v.decideAndAct(ctx)
	case news:
		v.anew(false)
		v.facts.Again = true
		v.decideAndAct(ctx)
	}
}

// probe asks the neighbours, keeps who answers, and reports whether somebody does who did not before.
func (v *vipRun) probe(ctx context.Context) (news bool) {
	others, err := v.vip.Address.Probe(ctx, probeWindow)
	if errors.Is(err, ErrUnasked) { // many VIPs take turns
		return false
	}
	if err != nil {
		v.warnVIP("ask who else answers for the address", err)
		return false
	}
	slices.Sort(others)
	unlock, err := v.lock(lockPatience)
	defer unlock()
	if errors.Is(err, ErrBusy) {
		return false
	}
	n, err := v.Store.VIPState(v.vip.Name)
	if err != nil || n.Claimed != v.facts.VIP.Claimed || len(others) == 0 && len(n.Answering) == 0 {
		return false
	}
	news = len(others) > 0 && !slices.Equal(others, n.Answering)
	n.Probed, n.Answering = v.Clock.Now(), others
	v.save(n)
	if news {
		v.record(ChangeConflict, Verdict{Code: CodeConflict}, fmt.Sprintf("another host answers for the address: %v", others))
	}
	return news
}
