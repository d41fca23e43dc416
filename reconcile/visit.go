package reconcile

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	// lockPatience is how long anything waits for a VIP's lock before a release goes ahead without it.
	lockPatience = 200 * time.Millisecond
	// claimPatience is how long a claim waits: as long as its evidence may count.
	claimPatience = EvidenceAge
	// diskPatience is how long postmaster.pid may take to be read: the disk below it may be dead.
	diskPatience = 100 * time.Millisecond
	// oldFacts is the age from which on facts are not acted upon. The process was stopped behind its decision: its lock may
	// have been passed over, and the address moved, by then.
	oldFacts = EvidenceAge / 2
	// maxRounds is more than any chain of questions needs.
	maxRounds = 8
)

// visit is one VIP in one run.
type visit struct {
	*run
	vip     VIP
	facts   Facts
	asked   int // words of this run that this VIP has used
	polled  int
	dead    bool // the disk below postmaster.pid has not answered
	claimed bool // by this visit
	noted   bool // the note tells of the hand-over
	spent   spent
	outcome Outcome
}

func newVisit(r *run, vip VIP) *visit {
	return &visit{run: r, vip: vip, outcome: Outcome{VIP: vip.Name}, facts: Facts{
		Trigger: r.trigger, Interval: r.Interval, Follow: vip.Follow, Leased: vip.Leased,
	}}
}

// decideAndAct decides, and carries it out. The lock is held from the look at the link to the note of what was done to it, and given
// back for every question.
func (v *visit) decideAndAct(ctx context.Context) {
	patience, waited := lockPatience, time.Duration(0) // for all rounds together
	for range maxRounds {
		began := v.Clock.Now()
		unlock, err := v.lock(max(0, patience-waited))
		busy := errors.Is(err, ErrBusy)
		waited += v.Clock.Now() - began
		verdict := v.decide(ctx)
		switch {
		case verdict.Do == DoAsk:
			unlock()
			if v.ask(ctx, verdict.Ask); v.stopped(ctx) {
				return
			}
		case verdict.Do == DoHold && busy && patience == claimPatience:
			v.outcome.Err = err
			return
		case verdict.Do == DoHold && busy:
			patience = claimPatience
		case v.Clock.Now()-v.facts.Now > oldFacts:
			unlock()
		default:
			v.caution("continuing without the lock", err)
			dismissRoute(v, verdict)
			wait := v.act(verdict)
			unlock()
			if !wait || !v.awaitSuccessor(ctx) {
				return
			}
			v.anew(v.facts.Confirming)
		}
	}
	v.outcome.Err = fmt.Errorf("decide on %s: still %s after %d rounds", v.vip.Name, v.outcome.Verdict.Code, maxRounds)
}

// plan decides like decideAndAct, without the lock and without acting.
func (v *visit) plan(ctx context.Context) {
	for range maxRounds {
		verdict := v.decide(ctx)
		if verdict.Do != DoAsk {
			return
		}
		if v.ask(ctx, verdict.Ask); v.stopped(ctx) {
			return
		}
	}
}

// stopped reports whether the run was told to stop while it asked: what it did not hear is no silence of Patroni's, and the
// next tick asks again. A callback goes on, for nobody repeats what Patroni has told it.
func (v *visit) stopped(ctx context.Context) bool {
	if ctx.Err() == nil || v.trigger.Event != EventTick && v.trigger.Event != EventOperator {
		return false
	}
	v.outcome.Err = fmt.Errorf("decide on %s: %w", v.vip.Name, context.Cause(ctx))
	return true
}

// needsConfirming reports whether the address was held on argv alone, or on a word that has become old meanwhile.
func (v *visit) needsConfirming() bool {
	w, verdict := v.facts.Word, v.outcome.Verdict
	if verdict.Do != DoHold || v.outcome.Err != nil || v.trigger.Force {
		return false
	}
	return verdict.Code == CodePromoted && w.Answer == Unasked || w.Answer == Leader && v.Clock.Now()-w.At > EvidenceAge
}

// confirm looks a second time, and undoes the claim where Patroni denies it.
func (v *visit) confirm(ctx context.Context) {
	v.anew(true)
	v.decideAndAct(ctx)
}

// anew forgets what was heard, for another look.
func (v *visit) anew(confirming bool) {
	v.facts.Confirming = confirming
	v.facts.Word, v.facts.Peers, v.facts.Asked, v.facts.Stale = Word{}, Poll{}, 0, 0
}

// lock takes the VIP's lock. Where that fails, unlock does nothing, and most go on without: a broken /run must not keep
// the address where it does not belong.
func (v *visit) lock(patience time.Duration) (unlock func(), err error) {
	defer v.timed(&v.spent.lock)()
	if unlock, err = v.Notes.Lock(v.vip.Name, patience); err != nil {
		unlock = func() {}
	}
	return unlock, err
}

// decide looks at the link and the note, and decides.
func (v *visit) decide(ctx context.Context) Verdict {
	var err error
	if v.facts.Sight, err = v.vip.Address.Look(); err != nil {
		v.facts.Sight = Sight{Here: PresenceUnknown}
		v.caution("look for the address", err)
	}
	v.facts.Note, err = v.Notes.Note(v.vip.Name)
	v.caution("continuing without a note", err)
	v.facts.PG = PGUnknown
	if v.facts.holder() {
		v.facts.PG = v.postmaster(ctx)
	}
	v.facts.Past = v.memory()
	v.facts.Now = v.Clock.Now()
	v.outcome.Facts, v.outcome.Verdict = v.facts, Decide(v.facts)
	return v.outcome.Verdict
}

// postmaster reads postmaster.pid, without waiting for a dead disk.
func (v *visit) postmaster(ctx context.Context) PG {
	if v.dead {
		return PGUnknown
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), diskPatience)
	defer cancel()
	pg := v.Patroni.Postmaster(ctx)
	if v.dead = pg == PGUnknown && ctx.Err() != nil; v.dead {
		v.caution("read postmaster.pid", ctx.Err())
	}
	return pg
}

// ask fetches what the verdict needs, Patroni and the peers side by side.
func (v *visit) ask(ctx context.Context, q Question) {
	defer v.timed(&v.spent.observe)()
	if q.After > 0 && v.Clock.Wait(ctx, q.After) != nil && v.stopped(ctx) {
		return
	}
	polled := make(chan Poll, 1)
	switch {
	case q.Peers:
		go func(n int) { polled <- v.poll(ctx, n, q.DCS) }(v.polled)
	case q.Rivals:
		go func() { polled <- v.glance(ctx) }()
	}
	if q.Patroni {
		if v.facts.outdated() { // asked again for its age, it is no second look
			v.facts.Stale++
		} else {
			v.facts.Asked++
		}
		v.facts.Word = v.word(ctx, v.asked, q.Within)
		v.asked++
	}
	switch {
	case q.Peers:
		v.facts.Peers = <-polled
		v.polled++
	case q.Rivals:
		v.facts.Peers = <-polled
	}
}

// caution keeps an error that does not stop the run, once.
func (v *visit) caution(doing string, err error) {
	if err == nil {
		return
	}
	text := fmt.Sprintf("%s: %s: %v", v.vip.Name, doing, err)
	for _, w := range v.outcome.Warnings {
		if w == text {
			return
		}
	}
	v.outcome.Warnings = append(v.outcome.Warnings, text)
}
