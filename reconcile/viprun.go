package reconcile

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/vipctl/vipctl/reconcile/policy"
)

const (
	// lockPatience is how long anything waits for a VIP's lock before a release goes ahead without
	// it.
	lockPatience = 200 * time.Millisecond
	// claimPatience is how long a claim waits: as long as its evidence may count.
	claimPatience = policy.EvidenceAge
	// diskPatience is how long postmaster.pid may take to be read: the disk below it may be dead.
	diskPatience = 100 * time.Millisecond
	// oldFacts is the age from which on facts are not acted upon. The process was stopped behind
	// its decision: its lock may have been passed over, and the address moved, by then.
	oldFacts = policy.EvidenceAge / 2
	// maxRounds is more than any chain of questions needs.
	maxRounds = 8
	// shortest is the shortest lifetime that the kernel can be given.
	shortest = time.Second
	// tickSwitches is how long a tick's process works on a route: less than the time that the
	// example's unit gives it.
	tickSwitches = 25 * time.Second
	// probeWindow is what a host on the same link takes to answer, many times over.
	probeWindow = 100 * time.Millisecond
)

// vipRun is one VIP in one run of the engine. [vipRun.do] is where it is entered.
type vipRun struct {
	*run
	switches *routeSwitches // of the process
	vip      VIP
	facts    policy.Facts
	replies  int  // of this run's replies, those that this VIP has used
	polls    int  // of this run's polls, likewise
	dead     bool // the disk below postmaster.pid has not answered
	claimed  bool // by this run
	noted    bool // the VIP state tells of the hand-over
	times    phaseTimes
	outcome  Outcome
}

func newVIPRun(r *run, switches *routeSwitches, vip VIP) *vipRun {
	return &vipRun{run: r, switches: switches, vip: vip, outcome: Outcome{VIP: vip.Name}, facts: policy.Facts{
		Trigger: r.trigger, Interval: r.Interval, Follow: vip.Follow, Leased: vip.Leased,
	}}
}

// do decides and acts, as often as this run calls for, and returns what came of it.
func (v *vipRun) do(ctx context.Context) Outcome {
	v.decideAndAct(ctx)
	finish := v.switchRoute(ctx)
	if v.needsConfirming() {
		v.confirm(ctx)
	}
	v.lookAgain(ctx)
	v.probeOthers(ctx)
	v.tellEnded()
	finish()
	return v.outcome
}

// decideAndAct decides, and carries it out. The lock is held from the look at the link to the VIP
// state that tells what was done, and given back for every question.
func (v *vipRun) decideAndAct(ctx context.Context) {
	patience, waited := lockPatience, time.Duration(0) // for all rounds together
	for range maxRounds {
		began := v.Clock.Now()
		unlock, err := v.lock(max(0, patience-waited))
		busy := errors.Is(err, ErrBusy)
		waited += v.Clock.Now().Sub(began)
		verdict := v.decide(ctx)
		switch {
		case verdict.Do == policy.DoAsk:
			unlock()
			if v.ask(ctx, verdict.Ask); v.toldToStop(ctx) {
				return
			}
		case verdict.Do == policy.DoKeep && busy && patience == claimPatience:
			v.outcome.Err = err
			return
		case verdict.Do == policy.DoKeep && busy:
			patience = claimPatience
		case v.Clock.Now().Sub(v.facts.Now) > oldFacts:
			unlock()
		default:
			v.warnVIP("continuing without the lock", err)
			v.dismissRoute(verdict)
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
func (v *vipRun) plan(ctx context.Context) {
	for range maxRounds {
		verdict := v.decide(ctx)
		if verdict.Do != policy.DoAsk {
			return
		}
		if v.ask(ctx, verdict.Ask); v.toldToStop(ctx) {
			return
		}
	}
}

// toldToStop reports whether the run was told to stop while it asked. What it did not hear is no
// silence of Patroni's, and the next tick asks again. A callback goes on, for nobody repeats what
// Patroni has told it.
func (v *vipRun) toldToStop(ctx context.Context) bool {
	if ctx.Err() == nil || v.trigger.Event.FromPatroni() {
		return false
	}
	v.outcome.Err = fmt.Errorf("decide on %s: %w", v.vip.Name, context.Cause(ctx))
	return true
}

// lock takes the VIP's lock. Where that fails, unlock does nothing, and most go on without: a
// broken /run must not keep the address where it does not belong.
func (v *vipRun) lock(patience time.Duration) (unlock func(), err error) {
	defer v.timed(&v.times.lock)()
	if unlock, err = v.Store.Lock(v.vip.Name, patience); err != nil {
		unlock = func() {}
	}
	return unlock, err
}

// decide looks at the link and the VIP state, and decides.
func (v *vipRun) decide(ctx context.Context) policy.Verdict {
	var err error
	if v.facts.Address, err = v.vip.Address.State(); err != nil {
		v.facts.Address = policy.AddressState{Presence: policy.PresenceUnknown}
		v.warnVIP("look for the address", err)
	}
	v.facts.VIP, err = v.Store.VIPState(v.vip.Name)
	v.warnVIP("continuing without the VIP state", err)
	v.facts.PG = policy.PGUnknown
	if v.facts.MayBeHere() {
		v.facts.PG = v.postmaster(ctx)
	}
	v.facts.Cluster = v.clusterState()
	v.facts.Now = v.Clock.Now()
	v.outcome.Facts, v.outcome.Verdict = v.facts, policy.Decide(v.facts)
	return v.outcome.Verdict
}

// postmaster reads postmaster.pid, without waiting for a dead disk.
func (v *vipRun) postmaster(ctx context.Context) policy.PG {
	if v.dead {
		return policy.PGUnknown
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), diskPatience)
	defer cancel()
	pg := v.Patroni.Postmaster(ctx)
	if v.dead = pg == policy.PGUnknown && ctx.Err() != nil; v.dead {
		v.warnVIP("read postmaster.pid", ctx.Err())
	}
	return pg
}

// ask fetches what the verdict needs, Patroni and the peers side by side.
func (v *vipRun) ask(ctx context.Context, q policy.Question) {
	defer v.timed(&v.times.observe)()
	if q.After > 0 && v.Clock.Wait(ctx, q.After) != nil && v.toldToStop(ctx) {
		return
	}
	polled := make(chan policy.Poll, 1)
	switch {
	case q.Peers:
		go func(n int) { polled <- v.poll(ctx, n, q.DCS) }(v.polls)
	case q.Rivals:
		go func() { polled <- v.glance(ctx) }()
	}
	if q.Patroni {
		if v.facts.Outdated() { // asked again for its age, it is no second look
			v.facts.Stale++
		} else {
			v.facts.Asked++
		}
		v.facts.Reply = v.reply(ctx, v.replies, q.Within)
		v.replies++
	}
	switch {
	case q.Peers:
		v.facts.Peers = <-polled
		v.polls++
	case q.Rivals:
		v.facts.Peers = <-polled
	}
}

// anew forgets what was heard, for another look.
func (v *vipRun) anew(confirming bool) {
	v.facts.Confirming = confirming
	v.facts.Reply, v.facts.Peers, v.facts.Asked, v.facts.Stale = policy.PatroniReply{}, policy.Poll{}, 0, 0
}

// needsConfirming reports whether the address was claimed on argv alone, or on a reply that has
// become old meanwhile.
func (v *vipRun) needsConfirming() bool {
	r := v.facts.Reply
	if v.outcome.Verdict.Do != policy.DoKeep || v.outcome.Err != nil || v.trigger.Force {
		return false
	}
	return r.Kind == policy.Unasked || r.Kind == policy.Leader && v.Clock.Now().Sub(r.At) > policy.EvidenceAge
}

// confirm looks a second time, and undoes the claim where Patroni denies it.
func (v *vipRun) confirm(ctx context.Context) {
	v.anew(true)
	v.decideAndAct(ctx)
}

// lookAgain decides once more in the same tick, as often as that is wanted.
func (v *vipRun) lookAgain(ctx context.Context) {
	for v.outcome.Err == nil {
		at, wanted := policy.NextLook(v.facts)
		if !wanted || v.Clock.Wait(ctx, at.Sub(v.Clock.Now())) != nil {
			return
		}
		v.anew(false)
		v.facts.Again = true
		v.decideAndAct(ctx)
	}
}

// probeOthers finds out, at the end of a tick that leaves the address here, who else answers for
// it. Whoever does is a conflict, and later no successor that a hand-over waits for. One that is
// new may be the successor of a lock that was lost: everything is decided anew. Where only our
// Patroni's last reply keeps the address here, an answer means that the pause has ended.
func (v *vipRun) probeOthers(ctx context.Context) {
	if v.trigger.Event != policy.EventTick || v.outcome.Verdict.Do != policy.DoKeep || v.outcome.Err != nil {
		return
	}
	alone := v.facts.KeptOnOurReply(v.outcome.Verdict)
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

// probe asks the neighbours, keeps who answers, and reports whether somebody does who did not
// before.
func (v *vipRun) probe(ctx context.Context) (news bool) {
	answering, err := v.vip.Address.Probe(ctx, probeWindow)
	if errors.Is(err, ErrUnasked) { // many VIPs take turns
		return false
	}
	if err != nil {
		v.warnVIP("ask who else answers for the address", err)
		return false
	}
	slices.Sort(answering)
	unlock, err := v.lock(lockPatience)
	defer unlock()
	if errors.Is(err, ErrBusy) {
		return false
	}
	s, err := v.Store.VIPState(v.vip.Name)
	if err != nil || s.Claimed != v.facts.VIP.Claimed || len(answering) == 0 && len(s.Answering) == 0 {
		return false
	}
	news = len(answering) > 0 && !slices.Equal(answering, s.Answering)
	s.Probed, s.Answering = v.Clock.Now(), answering
	v.save(s)
	if news {
		v.record(ChangeConflict, policy.Verdict{Code: codeConflict}, fmt.Sprintf("another host answers for the address: %v", answering))
	}
	return news
}

// act carries a verdict out, under the lock: kernel calls and the VIP state, no network and no
// disk. It reports whether a successor has to be waited for, without the lock.
func (v *vipRun) act(verdict policy.Verdict) (wait bool) {
	switch verdict.Do {
	case policy.DoKeep:
		if v.facts.NotAsWanted() || v.facts.CutShort() {
			v.claim(verdict)
		} else {
			v.renew(verdict)
		}
	case policy.DoRelease:
		v.release(verdict, ChangeRelease, verdict.Why)
	case policy.DoHandOver:
		return v.beginHandOver(verdict)
	}
	return false
}

// claim puts the address on the link and announces it. The VIP state tells of the claim before the
// kernel does, so that one which is killed half-way is seen and finished by the next run.
func (v *vipRun) claim(verdict policy.Verdict) {
	s, now := v.facts.VIP, v.Clock.Now()
	s.Generation, s.Phase, s.HandOver = s.Generation+1, policy.Claiming, nil
	s.Changed, s.LeaseEnd, s.Forever = now, verdict.Until, verdict.Forever
	s.Repeats = s.Repeats.Without(string(ChangeRelease), string(ChangeHandOver))
	mended := v.facts.VIP.Phase == policy.Claimed && v.facts.Address.Presence == policy.PresencePartly
	again := v.facts.CutShort()
	saved := v.save(s)
	repeated := again && !saved // the VIP state goes on telling of a claim that was cut short: each tick finishes it

	stop := v.timed(&v.times.address)
	err := v.vip.Address.Keep(verdict.KernelEnd())
	stop()
	s.Ours = s.Ours || err == nil
	if err == nil {
		stop = v.timed(&v.times.frame)
		err = v.vip.Address.Announce()
		stop()
	}
	announced := v.Clock.Now()

	failure := s.Failure
	s.Failure = text(err)
	if err == nil {
		s.Phase, s.Announced = policy.Claimed, announced
	}
	if err == nil && !mended { // one that is mended was here all the while: who else answers is asked as before
		s.Claimed = announced
	}
	v.save(s)
	v.claimed, v.outcome.Err = err == nil, err
	if (err == nil || s.Failure != failure) && !repeated {
		v.record(ChangeClaim, verdict, verdict.Why)
	}
}

// renew moves the end of an address that is here, where it moves by as much as the kernel can tell.
func (v *vipRun) renew(verdict policy.Verdict) {
	s, here, now := v.facts.VIP, v.facts.Address, v.Clock.Now()
	end := verdict.KernelEnd()
	moves := here.Forever != (end == policy.Forever) || !here.Forever && end.Sub(here.End).Abs() >= shortest
	if moves && end.Sub(now) >= shortest {
		v.outcome.Err = v.vip.Address.Keep(end)
	}
	if s.Phase != policy.Claimed { // found without a VIP state, after a wiped /run: taken over as it is
		s.Phase, s.Claimed = policy.Claimed, now
	}
	if s.HandOver != nil || s.Generation == 0 { // whoever waits for a successor must find another generation
		s.Generation, s.HandOver = s.Generation+1, nil
	}
	if s.AnnounceDue(now, v.Refresh, v.Interval) {
		err := v.vip.Address.Announce()
		if err == nil {
			s.Announced = now
		} else if !errors.Is(err, ErrUnasked) { // many VIPs take turns
			v.warnVIP("announce", err)
		}
	}
	s.LeaseEnd, s.Forever, s.Failure = verdict.Until, verdict.Forever, ""
	s.Ours = s.Ours || v.outcome.Err == nil
	if !reflect.DeepEqual(s, v.facts.VIP) {
		v.save(s)
	}
}

// release takes the address away, also where it was not seen. It makes a record only where the
// address was here, or claimed.
func (v *vipRun) release(verdict policy.Verdict, c Change, why string) {
	stop := v.timed(&v.times.address)
	err := v.vip.Address.Release()
	stop()
	released := v.Clock.Now()

	was, presence := v.facts.VIP, v.facts.Address.Presence
	seen := presence == policy.PresenceYes || presence == policy.PresencePartly
	s := policy.VIPState{Generation: was.Generation, Phase: policy.Released, Changed: released, Failure: text(err), Hold: was.Hold}
	s.Repeats = was.Repeats.Without(string(ChangeClaim))
	if err != nil {
		s.Phase, s.Claimed, s.Ours, s.LeaseEnd, s.Forever = was.Phase, was.Claimed, was.Ours, was.LeaseEnd, was.Forever
	}
	saved := v.save(s) // where it cannot be, the VIP state goes on telling of a claim
	v.outcome.Err = err
	if (seen || saved && (was.Phase == policy.Claimed || was.HandOver != nil)) && (err == nil || s.Failure != was.Failure) {
		v.record(c, verdict, why)
	}
}

// beginHandOver sets the address's lifetime to the hand-over's end, so that a SIGKILL at any point
// is harmless, and reports whether there is anything to wait for.
func (v *vipRun) beginHandOver(verdict policy.Verdict) bool {
	s, here, now := v.facts.VIP, v.facts.Address, v.Clock.Now()
	if !v.facts.HandingOver() {
		s.HandOver = &policy.HandOver{Generation: s.Generation, Began: now, Until: now.Add(v.vip.HandOver)}
		if !here.Forever && !here.End.IsZero() {
			s.HandOver.Until = s.HandOver.Until.Min(here.End.Max(v.facts.RolledEnd()))
		}
	}
	if s.HandOver.Until.Sub(now) < shortest || v.facts.NotAsWanted() { // or not as it should be: nothing to keep
		v.release(verdict, ChangeHandOver, verdict.Why)
		return false
	}
	if here.Forever || here.End.Sub(s.HandOver.Until).Abs() >= shortest {
		v.warnVIP("set the lifetime", v.vip.Address.Keep(s.HandOver.Until))
	}
	v.noted = v.save(s)
	return true
}

// awaitSuccessor leaves the address where it is until another host answers for it, and releases it
// then; at the latest at the hand-over's end. A tick gives up its turn before the next is due: that
// one goes on. Where PostgreSQL is up again meanwhile, it reports that everything has to be decided
// anew.
func (v *vipRun) awaitSuccessor(ctx context.Context) (again bool) {
	h := *v.facts.VIP.HandOver
	budget := h.Until
	if v.trigger.Event == policy.EventTick {
		budget = budget.Min(v.trigger.At.Add(v.Interval))
	}
	w := successorWatch{address: v.vip.Address, patroni: v.Patroni, clock: v.Clock}
	mac, finished, err := w.wait(ctx, v.facts.VIP.Answering, budget)
	defer finished() // behind the release, which does not wait for a disk
	v.warnVIP("listen for the successor", err)

	unlock, err := v.lock(lockPatience)
	defer unlock()
	v.warnVIP("continuing without the lock", err)
	now := v.Clock.Now()
	if v.superseded(ctx, h) {
		return false
	}
	if mac == "" && now.Before(h.Until) {
		switch {
		case ctx.Err() != nil: // told to stop: the address ends with its lifetime, unless the next tick goes on
			return false
		case v.postmaster(ctx) != policy.PGDown:
			return true
		case budget.Before(h.Until):
			return false
		}
	}
	if !v.noted && mac != "" { // another process may have ended this hand-over, and could not say so either: it has the record
		if s, err := v.vip.Address.State(); err == nil {
			v.facts.Address = s
		}
	}
	v.release(v.outcome.Verdict, ChangeHandOver, fmt.Sprintf("%s; %s", v.outcome.Verdict.Why, handOverEnded(mac, now.Sub(h.Began))))
	return false
}

// superseded reports whether the address is another claim's by now. Where the VIP state cannot be
// read, or does not tell of this hand-over because it could not be replaced, a PostgreSQL that is
// still down says that it is not.
func (v *vipRun) superseded(ctx context.Context, h policy.HandOver) bool {
	s, err := v.Store.VIPState(v.vip.Name)
	if err != nil {
		v.warnVIP("continuing without the VIP state", err)
		return v.postmaster(ctx) != policy.PGDown
	}
	if !v.noted && s.Generation == h.Generation && !s.Changed.After(h.Began) {
		return v.postmaster(ctx) != policy.PGDown
	}
	v.facts.VIP = s
	return s.HandOver == nil || s.Generation != h.Generation
}

// setHold begins an operator's hold, or ends it where lasting is 0.
func (v *vipRun) setHold(lasting time.Duration) Outcome {
	unlock, err := v.lock(claimPatience)
	defer unlock()
	if errors.Is(err, ErrBusy) {
		v.outcome.Err = err
		return v.outcome
	}
	v.warnVIP("continuing without the lock", err)
	s, err := v.Store.VIPState(v.vip.Name)
	v.warnVIP("the VIP state cannot be read, a new one begins", err)
	c, why := ChangeUnhold, "hold ended by "+v.trigger.By
	s.Hold = nil
	if lasting > 0 {
		s.Hold = &policy.OperatorHold{By: v.trigger.By, Until: v.Clock.Now().Add(lasting)}
		c, why = ChangeHold, fmt.Sprintf("held by %s for %v", v.trigger.By, lasting)
	}
	if v.outcome.Err = v.Store.SaveVIPState(v.vip.Name, s); v.outcome.Err == nil {
		v.record(c, policy.Verdict{Code: codeOperator}, why)
	}
	return v.outcome
}

// switchRoute begins what the route of a VIP needs that has just been vouched for, and returns what
// waits for its end.
func (v *vipRun) switchRoute(ctx context.Context) (finish func()) {
	if v.vip.Route == nil || v.outcome.Verdict.Do != policy.DoKeep || v.outcome.Err != nil || !v.claimed && !v.facts.WouldClaim() {
		return func() {}
	}
	s := &routeSwitch{
		Ports: v.Ports, vip: v.vip, trigger: v.trigger, generation: v.facts.VIP.Generation,
		proved: v.facts.ProvedAt(), done: make(chan struct{}), stillLeader: v.stillLeader(v.facts.VIP.Generation),
	}
	outlives := v.trigger.Event == policy.EventTick
	limit := RouteLockAge
	if outlives {
		ctx, limit = context.WithoutCancel(ctx), tickSwitches
	}
	ctx, stop := context.WithTimeout(ctx, limit)
	ctx, s.cancel = context.WithCancelCause(ctx)
	if !v.switches.start(s, func() { defer stop(); s.run(ctx) }) {
		stop()
		return func() {}
	}
	return func() {
		if !outlives {
			v.joinRoute(s)
		}
	}
}

// joinRoute waits for a switch and takes over what came of it.
func (v *vipRun) joinRoute(s *routeSwitch) {
	<-s.done
	if s.record != nil {
		v.outcome.Records = append(v.outcome.Records, *s.record)
	}
	v.outcome.Warnings = append(v.outcome.Warnings, s.warnings...)
	if v.outcome.Err == nil && !errors.Is(s.err, ErrNoLongerLeader) {
		v.outcome.Err = s.err
	}
}

// dismissRoute ends this process's call for an address that is not here, or about to go: a member
// that does not lead asks the API nothing, not even how a call went.
func (v *vipRun) dismissRoute(verdict policy.Verdict) {
	if !verdict.Leaves(v.facts) {
		v.switches.cancel(v.vip.Name)
	}
}

// stillLeader returns what asks whether the address would be claimed if everything were decided
// now, and whether the claim is still the one of this generation. An operator's --force needs no
// leader.
func (v *vipRun) stillLeader(generation uint64) func(context.Context) bool {
	vip := v.vip
	vip.Address = absentAddress{vip.Address}
	return func(ctx context.Context) bool {
		t := policy.Trigger{Event: policy.EventTick, By: v.trigger.By, At: v.Clock.Now()}
		if v.trigger.Force {
			t = v.trigger
			t.At = v.Clock.Now()
		}
		now := newVIPRun(newRun(v.Ports, t), v.switches, vip)
		now.plan(ctx)
		return now.outcome.Verdict.Do == policy.DoKeep && now.facts.VIP.Generation == generation
	}
}

// save keeps the VIP state, or says why not.
func (v *vipRun) save(s policy.VIPState) (saved bool) {
	defer v.timed(&v.times.state)()
	err := v.Store.SaveVIPState(v.vip.Name, s)
	v.warnVIP("save the VIP state", err)
	v.facts.VIP = s
	return err == nil
}

// record makes the record of a transition and tells of it at once. What ticks do again and again is
// counted instead.
func (v *vipRun) record(c Change, verdict policy.Verdict, why string) {
	if v.trigger.Event == policy.EventTick && v.outcome.Err == nil { // a failure that goes on is told once anyway
		key := string(c) + " " + string(verdict.Code)
		if c == ChangeConflict {
			key += " " + why // one host after the other is news
		}
		tell, words := v.count(key)
		if !tell {
			return
		}
		why += words
	}
	v.tell(c, verdict.Code, why)
}

// count takes note of a tick's transition, and reports whether it is told, with its count.
func (v *vipRun) count(what string) (tell bool, words string) {
	s := v.facts.VIP
	s.Repeats, tell, words = s.Repeats.Count(what, v.Clock.Now(), v.Clock.Wall())
	v.save(s)
	if words == "" {
		return tell, ""
	}
	words = "; " + words
	if v.Movers != nil && tell {
		for _, other := range v.Movers() {
			words += "; " + other + " runs here"
		}
	}
	return tell, words
}

// tellEnded tells how often something came that has stayed away since.
func (v *vipRun) tellEnded() {
	rest, what, ended := v.facts.VIP.Repeats.Ended(v.Clock.Now())
	if what == "" || v.trigger.Event != policy.EventTick {
		return
	}
	s := v.facts.VIP
	s.Repeats = rest
	if v.save(s) {
		words := strings.SplitN(what, " ", 3)
		v.tell(Change(words[0]), policy.Code(words[1]), "it came "+ended.String()+", and no more")
	}
}

// tell makes a record.
func (v *vipRun) tell(c Change, code policy.Code, why string) {
	r := Record{
		At: Stamp{v.Clock.Wall()}, VIP: v.vip.Name, Trigger: v.trigger.Event, By: v.trigger.By,
		Do: c, Code: code, Reason: why,
		TookMS: milliseconds(v.Clock.Now().Sub(v.trigger.At)), Phases: v.times.phases(), Error: text(v.outcome.Err),
	}
	v.outcome.Records = append(v.outcome.Records, r)
	v.history.write(r)
	if v.Tell != nil {
		v.Tell(r)
	}
}

// warnVIP keeps an error that does not stop the run, once.
func (v *vipRun) warnVIP(doing string, err error) {
	if err == nil {
		return
	}
	text := fmt.Sprintf("%s: %s: %v", v.vip.Name, doing, err)
	if !slices.Contains(v.outcome.Warnings, text) {
		v.outcome.Warnings = append(v.outcome.Warnings, text)
	}
}

// timed starts to count, and returns the function that adds what has passed to d.
func (v *vipRun) timed(d *time.Duration) (stop func()) {
	began := v.Clock.Now()
	return func() { *d += v.Clock.Now().Sub(began) }
}

// absentAddress is an address that always says that it is not here. [vipRun.stillLeader] asks
// whether the address would be claimed now, and does not look at the link while a tick of this
// process may move the address.
type absentAddress struct{ Address }

func (absentAddress) State() (policy.AddressState, error) {
	return policy.AddressState{Presence: policy.PresenceNo}, nil
}
