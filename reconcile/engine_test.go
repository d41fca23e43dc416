package reconcile

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/vipctl/vipctl/reconcile/policy"
)

// TestStory follows one address through a promotion, a healthy life, a switchover away and back.
func TestStory(t *testing.T) {
	w := newWorld(t)
	w.follows()
	w.wantCode(w.tick(), policy.Code("not_holder"))
	w.want(false)

	w.leads()
	o := w.run(policy.Event("on_role_change"), policy.Role("primary"))
	w.wantCode(o, policy.Code("leader")) // claimed on argv's proof, then confirmed by Patroni's word
	w.want(true)
	if len(w.records) != 1 || w.records[0].Code != policy.Code("promoted") || w.records[0].Do != ChangeClaim {
		t.Fatalf("records %+v, want one claim by promotion", w.records)
	}

	w.pass(2 * time.Second)
	w.leads()
	o = w.tick()
	w.wantCode(o, policy.Code("leader"))
	if len(o.Records) != 0 || len(w.records) != 1 {
		t.Fatal("a tick that changes nothing wrote the history")
	}
	if want := w.now.Add(19 * time.Second); w.end != want {
		t.Fatalf("lease ends at %v, want %v", w.end, want)
	}

	// A switchover: PostgreSQL stops, the successor answers the probes.
	w.pg, w.successor = policy.PGDown, "02:00:00:00:00:02"
	o = w.run(policy.Event("on_stop"), policy.Role("demoted"))
	w.wantCode(o, policy.Code("stopped"))
	w.want(false)
	if r := w.records[1]; r.Do != ChangeHandOver || !strings.Contains(r.Reason, "02:00:00:00:00:02 took over") {
		t.Fatalf("record %+v, want a hand-over to the successor", r)
	}

	// And back.
	w.pass(10 * time.Second)
	w.set(policy.PGAlive)
	w.follows()
	w.wantCode(w.run(policy.Event("on_role_change"), policy.Role("replica")), policy.Code("not_holder"))
	w.leads()
	w.run(policy.Event("on_role_change"), policy.Role("primary"))
	w.want(true)
	if g := w.notes["vip"].Generation; g != 2 {
		t.Fatalf("generation %d, want 2", g)
	}
}

func TestAClaimOnArgvIsUndoneByTwoDenials(t *testing.T) {
	w := newWorld(t)
	w.follows()
	began := w.now
	o := w.run(policy.Event("on_role_change"), policy.Role("primary"))
	w.wantCode(o, policy.Code("claim_undone"))
	w.want(false)
	if took := w.now.Sub(began); took != 200*time.Millisecond {
		t.Errorf("undone after %v, want 200ms", took)
	}
	if len(w.records) != 2 || w.records[1].Do != ChangeRelease {
		t.Errorf("records %+v, want a claim and its release", w.records)
	}
}

func TestAClaimOnArgvStandsThroughOneDenial(t *testing.T) {
	w := newWorld(t)
	w.follows()
	w.onWait = w.leads
	w.wantCode(w.run(policy.Event("on_role_change"), policy.Role("primary")), policy.Code("leader"))
	w.want(true)
}

func TestACallbackBehindOneThatWasCutShortAsksFirst(t *testing.T) {
	w := newWorld(t)
	w.memory.Callback = policy.Callback{Event: policy.Event("on_role_change"), Began: w.now.Add(-5 * time.Second)}
	w.follows()
	w.wantCode(w.run(policy.Event("on_role_change"), policy.Role("primary")), policy.Code("not_holder"))
	w.want(false)
	if len(w.records) != 0 {
		t.Errorf("records %+v, want none: the address must not have been here for an instant", w.records)
	}
	if w.memory.Callback.Ended.IsZero() {
		t.Error("the callback's end is not on the memory")
	}
}

func TestAFrozenProcessUndoesItsOldClaim(t *testing.T) {
	w := newWorld(t)
	w.onHold = func() { // frozen between the decision and the kernel call; meanwhile another node leads
		w.onHold = nil
		w.pass(policy.EvidenceAge + time.Second)
		w.follows()
	}
	o := w.tick()
	w.wantCode(o, policy.Code("claim_undone"))
	w.want(false)
}

func TestAFrozenProcessCannotClaimPastItsLease(t *testing.T) {
	w := newWorld(t)
	w.onHold = func() { w.pass(time.Hour) }
	if o := w.tick(); o.Err == nil {
		t.Error("no error")
	}
	w.want(false)
}

func TestANewerChangeOutdatesTheWord(t *testing.T) {
	w := newWorld(t)
	w.wordFor = 100 * time.Millisecond
	p := &interrupting{worldPatroni: (*worldPatroni)(w)}
	p.then = func() { // on_stop released the address while a tick waited for its answer
		w.notes["vip"] = policy.VIPState{Generation: 1, Changed: w.now}
		w.follows()
	}
	e := w.engine()
	e.Patroni = p
	o := e.Run(t.Context(), policy.Trigger{Event: policy.EventTick, At: w.now})[0]
	w.wantCode(o, policy.Code("not_holder"))
	w.want(false)
}

func TestWithoutRun(t *testing.T) {
	w := newWorld(t)
	w.lockErr = os.ErrPermission
	w.noteErr = errors.New("read-only file system")
	o := w.run(policy.Event("on_role_change"), policy.Role("primary"))
	w.want(true)
	if o.Err != nil || len(o.Warnings) == 0 {
		t.Fatalf("error %v, warnings %q; want the claim, with warnings", o.Err, o.Warnings)
	}
	w.pg = policy.PGAlive
	w.follows()
	w.run(policy.Event("on_stop"), policy.Role("primary"))
	w.want(false)
}

func TestABusyLockDelaysAClaimButNoRelease(t *testing.T) {
	w := newWorld(t)
	w.lockErr = ErrBusy
	if o := w.run(policy.Event("on_role_change"), policy.Role("primary")); !errors.Is(o.Err, ErrBusy) {
		t.Errorf("error %v, want busy", o.Err)
	}
	w.want(false)
	w.here, w.end = true, w.now.Add(10*time.Second)
	w.follows()
	w.run(policy.Event("on_stop"), policy.Role("primary"))
	w.want(false)
}

func TestAWipedRunKeepsTheAddress(t *testing.T) {
	w := newWorld(t)
	w.run(policy.Event("on_role_change"), policy.Role("primary"))
	w.tick() // with a timer, the address has an end
	w.notes, w.memory = map[string]policy.VIPState{}, policy.ClusterState{}
	w.word = policy.PatroniReply{Kind: policy.Silent, Why: "no answer"}
	w.wantCode(w.tick(), policy.Code("silent_leased"))
	w.want(true)
	w.leads()
	o := w.tick()
	w.wantCode(o, policy.Code("leader"))
	if len(o.Records) != 0 || w.notes["vip"].Phase != policy.Claimed {
		t.Errorf("records %+v, note %+v; want the address taken over without one", o.Records, w.notes["vip"])
	}
}

func TestADeletedAddressIsBackAtTheNextTick(t *testing.T) {
	w := newWorld(t)
	w.tick()
	w.here = false
	w.wantCode(w.tick(), policy.Code("address_missing"))
	w.want(true)
	if len(w.records) != 2 {
		t.Errorf("%d records, want 2", len(w.records))
	}
}

func TestALeaseThatRanOutIsOnRecord(t *testing.T) {
	w := newWorld(t)
	w.tick()
	w.word = policy.PatroniReply{Kind: policy.Silent, Why: "connection refused"}
	w.pass(30 * time.Second)
	w.want(false)
	o := w.tick()
	w.wantCode(o, policy.Code("lease_ended"))
	w.tick()
	if len(w.records) != 2 || w.records[1].Do != ChangeRelease {
		t.Errorf("records %+v, want the claim and one release", w.records)
	}
}

// What a run that is told to stop did not hear is no silence of Patroni's.
func TestARunThatIsToldToStop(t *testing.T) {
	stopped, stop := context.WithCancel(t.Context())
	stop()
	for name, c := range map[string]struct {
		trigger policy.Trigger
		here    bool
		err     error
	}{
		"a tick":      {policy.Trigger{Event: policy.EventTick}, true, context.Canceled},
		"an operator": {policy.Trigger{Event: policy.EventOperator, Order: policy.OrderRelease}, true, context.Canceled},
		"a callback":  {policy.Trigger{Event: policy.Event("on_role_change"), Role: policy.Role("replica")}, false, nil},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.tick()
			w.word = policy.PatroniReply{Kind: policy.Silent, Why: "vipctl was asked to stop"}
			w.peers = []policy.PeerReply{{Peer: policy.Peer{Name: "n2"}, Reply: policy.PatroniReply{Kind: policy.Leader}}}
			c.trigger.At = w.now
			for way, run := range map[string]func(context.Context, policy.Trigger) []Outcome{"plan": w.engine().Plan, "run": w.engine().Run} {
				if o := run(stopped, c.trigger)[0]; !errors.Is(o.Err, c.err) {
					t.Errorf("%s: error %v, want %v", way, o.Err, c.err)
				}
			}
			w.want(c.here)
		})
	}
}

func TestAFailureIsRecordedOnce(t *testing.T) {
	w := newWorld(t)
	w.kernelErr = os.ErrPermission
	for range 3 {
		if o := w.tick(); !errors.Is(o.Err, os.ErrPermission) {
			t.Fatalf("error %v, want permission", o.Err)
		}
	}
	if len(w.records) != 1 || w.records[0].Error == "" {
		t.Errorf("records %+v, want one with the error", w.records)
	}
}

func TestTheWallClockMayStep(t *testing.T) {
	for step, code := range map[time.Duration]policy.Code{time.Hour: policy.Code("leader"), -time.Hour: policy.Code("leader_unproven")} {
		w := newWorld(t)
		w.run(policy.Event("on_role_change"), policy.Role("primary"))
		w.wall = w.wall.Add(step) // dcs_last_seen is of before the step
		for range 5 {
			w.pass(2 * time.Second)
			w.tick()
			w.want(true)
		}
		w.leads() // the next loop of Patroni
		w.wantCode(w.tick(), code)
		w.want(true)
	}
}

func TestAHandOverEnds(t *testing.T) {
	t.Run("when nobody takes over", func(t *testing.T) {
		w := handingOverWorld(t)
		w.run(policy.Event("on_stop"), policy.Role("demoted"))
		w.want(false)
		if r := w.records[len(w.records)-1]; !strings.Contains(r.Reason, "nobody took over within") {
			t.Errorf("reason %q", r.Reason)
		}
	})
	t.Run("when PostgreSQL is up again", func(t *testing.T) {
		w := handingOverWorld(t)
		w.follows()
		began := w.now
		w.onWait = func() { w.set(policy.PGAlive) }
		w.run(policy.Event("on_stop"), policy.Role("demoted"))
		w.want(false)
		if w.now.Sub(began) > time.Second {
			t.Errorf("released after %v", w.now.Sub(began))
		}
	})
	t.Run("not the claim, where PostgreSQL is up again and the lock never left", func(t *testing.T) {
		w := handingOverWorld(t)
		w.onWait = func() { w.set(policy.PGAlive) }
		w.wantCode(w.run(policy.Event("on_stop"), policy.Role("demoted")), policy.Code("leader"))
		w.want(true)
	})
	t.Run("not by the survivor of an old one", func(t *testing.T) {
		w := handingOverWorld(t)
		w.onWait = func() { // promoted again while the old on_stop still listens
			n := w.notes["vip"]
			n.Generation, n.HandOver = n.Generation+1, nil
			w.notes["vip"] = n
			w.set(policy.PGAlive)
		}
		w.run(policy.Event("on_stop"), policy.Role("demoted"))
		w.want(true)
	})
	t.Run("at the next tick when the first one's turn is over", func(t *testing.T) {
		w := handingOverWorld(t)
		w.follows()
		w.wantCode(w.tick(), policy.Code("postgresql_down"))
		w.want(true)
		w.successor = "02:00:00:00:00:02"
		w.wantCode(w.tick(), policy.Code("handing_over"))
		w.want(false)
	})
}

// handingOverWorld is a holder whose PostgreSQL is down.
func handingOverWorld(t *testing.T) *world {
	w := newWorld(t)
	w.tick()
	w.want(true)
	w.pg = policy.PGDown
	return w
}

// interrupting lets something happen while Patroni answers for the first time.
type interrupting struct {
	*worldPatroni
	then func()
}

func (p *interrupting) Reply(ctx context.Context) policy.PatroniReply {
	w := p.worldPatroni.Reply(ctx)
	if p.then != nil {
		p.then()
		p.then = nil
	}
	return w
}

// A word that is asked again because it came too late is no second look at a 503.
func TestAStaleWordIsNoLook(t *testing.T) {
	w := newWorld(t)
	w.tick()
	w.pass(2 * time.Second)
	w.leads()
	w.wordFor = 2100 * time.Millisecond
	e := w.engine()
	e.Patroni = &interrupting{worldPatroni: (*worldPatroni)(w), then: func() {
		w.wordFor = 0
		w.word = policy.PatroniReply{Kind: policy.NotLeader, Role: policy.Role("primary"), State: "running"}
		w.onWait = w.leads // the blip is over when it is asked again
	}}
	o := e.Run(t.Context(), policy.Trigger{Event: policy.EventTick, At: w.now})[0]
	w.wantCode(o, policy.Code("leader"))
	w.want(true)
}

// A link that is down when the address is due to be announced again may be up at the next tick.
func TestAFailedAnnouncementIsRepeated(t *testing.T) {
	w := newWorld(t)
	w.tick()
	w.pass(time.Minute)
	w.here, w.end = true, w.now.Add(20*time.Second)
	w.announceErr = errors.New("no carrier")
	for i := range 3 {
		w.leads()
		announced := w.announced
		w.tick()
		if w.announced == announced {
			t.Errorf("tick %d announces nothing", i)
		}
		w.pass(2 * time.Second)
	}
}

// A pause that only our dead Patroni has told of may have ended. Whoever answers for the address is
// the successor then.
func TestAPauseThatOnlyWeKnowOfEndsWithASuccessor(t *testing.T) {
	w := newWorld(t)
	w.word.Paused = true
	w.tick()
	w.word = policy.PatroniReply{Kind: policy.Silent, Why: "connection refused"}
	for range 30 {
		w.pass(2 * time.Second)
		w.wantCode(w.tick(), policy.Code("silent_paused"))
	}
	w.want(true)
	w.pass(2 * time.Second)
	w.successor = "02:00:00:00:00:09"
	w.wantCode(w.tick(), policy.Code("silent_lock_lost"))
	w.want(false)
}

func TestAConflictIsRecordedAndNoSuccessor(t *testing.T) {
	w := newWorld(t)
	w.tick()
	w.successor = "02:00:00:00:00:09" // a proxy, or a host that has the address too
	for range 6 {
		w.pass(2 * time.Second)
		w.leads()
		w.tick()
	}
	w.want(true)
	if n := len(w.records); n != 2 || w.records[1].Do != ChangeConflict || !strings.Contains(w.records[1].Reason, string(w.successor)) {
		t.Fatalf("records %+v, want the claim and one conflict", w.records)
	}
	announced := w.announced
	w.pass(2 * time.Second)
	w.leads()
	w.tick()
	if w.announced == announced {
		t.Error("a conflict is not answered with an announcement")
	}
	w.pg = policy.PGDown
	began := w.now
	w.run(policy.Event("on_stop"), policy.Role("demoted"))
	if w.now.Sub(began) < 4*time.Second {
		t.Error("the host that answered all along was taken for the successor")
	}
	if len(w.notes["vip"].Answering) != 0 {
		t.Error("who answers is kept beyond the release")
	}
}

func TestAFrozenProcessDecidesAnew(t *testing.T) {
	w := newWorld(t)
	w.tick()
	w.want(true)
	w.follows()
	frozen := func() { // between the decision and the kernel call; meanwhile this node was promoted again
		w.onDecided = nil
		w.pass(policy.EvidenceAge + time.Second)
		w.leads()
	}
	e := w.engine()
	e.Patroni = &interrupting{worldPatroni: (*worldPatroni)(w), then: func() { w.onDecided = frozen }}
	w.wantCode(e.Run(t.Context(), policy.Trigger{Event: policy.EventTick, At: w.now})[0], policy.Code("leader"))
	w.want(true)
	if len(w.records) != 1 {
		t.Errorf("records %+v, want the claim alone: the address must not have gone for an instant", w.records)
	}
}

func TestAnAddressThatIsNotAsItShouldBeIsNotHandedOver(t *testing.T) {
	w := handingOverWorld(t)
	w.partly = true
	began := w.now
	w.run(policy.Event("on_stop"), policy.Role("demoted"))
	w.want(false)
	if w.now != began {
		t.Errorf("released after %v", w.now.Sub(began))
	}
}

func TestANoteThatCannotBeReplacedIsNoNewClaimEachTick(t *testing.T) {
	w := newWorld(t)
	w.tick()
	n := w.notes["vip"]
	n.Phase = policy.Claiming // the last that could be written before /run was full
	w.notes["vip"] = n
	w.saveErr = errors.New("no space left on device")
	for range 3 {
		w.tick()
		w.want(true)
	}
	if len(w.records) != 1 {
		t.Errorf("records %+v, want the claim alone", w.records)
	}
}

func TestACallbackWithoutATimerHasNoEnd(t *testing.T) {
	w := newWorld(t)
	w.wantCode(w.run(policy.Event("on_role_change"), policy.Role("primary")), policy.Code("leader")) // claimed and confirmed
	if w.end != policy.Forever || !w.notes["vip"].Forever {
		t.Errorf("the address ends in %v though nobody renews it, note %+v", w.end.Sub(w.now), w.notes["vip"])
	}
	w.tick()
	if w.end == policy.Forever || w.notes["vip"].Forever {
		t.Error("the first tick gives it no end")
	}
}

func TestOnStopOfAnotherPostgreSQL(t *testing.T) {
	w := newWorld(t)
	w.run(policy.Event("on_role_change"), policy.Role("primary"))
	old := policy.Trigger{Event: policy.Event("on_stop"), Role: policy.Role("primary"), Cluster: "demo", At: w.now.Add(-time.Minute)} // thawed after a minute
	w.wantCode(w.engine().Run(t.Context(), old)[0], policy.Code("leader"))
	w.want(true)
}

func TestAHandOverOfALeaderThatIsUpAgain(t *testing.T) {
	w := newWorld(t)
	w.tick()
	w.pg = policy.PGDown // a restart, while Patroni is slow once
	w.word = policy.PatroniReply{Kind: policy.Silent, Why: "no answer"}
	w.onWait = func() { w.set(policy.PGAlive); w.leads() }
	w.wantCode(w.tick(), policy.Code("leader"))
	w.want(true)
	if len(w.records) != 1 {
		t.Errorf("records %+v, want the claim alone", w.records)
	}
	if w.notes["vip"].HandOver != nil {
		t.Error("the hand-over is still on the note")
	}
}

// deaf is a Patroni whose answers a process that is told to stop does not hear.
type deaf struct{ *worldPatroni }

func (p deaf) Reply(ctx context.Context) policy.PatroniReply {
	if ctx.Err() != nil {
		return policy.PatroniReply{Kind: policy.Silent, Why: "vipctl was asked to stop", At: (*world)(p.worldPatroni).Now()}
	}
	return p.worldPatroni.Reply(ctx)
}

// One denial undoes no claim, and the second was never heard.
func TestAClaimWhoseSecondLookIsCutShort(t *testing.T) {
	w := newWorld(t)
	w.tick()
	w.follows()
	w.run(policy.Event("on_role_change"), policy.Role("replica"))
	ctx, stop := context.WithCancel(t.Context())
	w.onWait = stop
	w.pass(3 * time.Second)
	e := w.engine()
	e.Patroni = deaf{(*worldPatroni)(w)}
	o := e.Run(ctx, policy.Trigger{Event: policy.Event("on_role_change"), Role: policy.Role("primary"), Cluster: "demo", At: w.now})[0]
	w.wantCode(o, policy.Code("claim_unconfirmed"))
	if o.Err != nil {
		t.Error(o.Err)
	}
	w.want(true)
}
