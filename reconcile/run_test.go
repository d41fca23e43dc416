package reconcile

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vipctl/vipctl/reconcile/policy"
)

// A cluster that has just come up has but one member. The others must be known before its Patroni
// dies.
func TestALeaderThatKnowsNobodyAsksSoonAgain(t *testing.T) {
	w := newWorld(t)
	w.members = nil
	ticks := func(n, asked int) {
		t.Helper()
		for range n {
			w.leads()
			w.tick()
			w.pass(2 * time.Second)
		}
		if w.membersAsked != asked {
			t.Errorf("asked %d times, want %d", w.membersAsked, asked)
		}
	}
	ticks(3, 1)
	ticks(3, 2)
	w.members = []policy.Peer{{Name: "n2"}}
	ticks(10, 3)
}

// The question may have moved dcs_last_seen even where no answer came: it counts as put, and is not
// put in each tick.
func TestMembersThatCannotBeHad(t *testing.T) {
	w := newWorld(t)
	w.tick()
	w.pass(peersOfLeader)
	w.membersErr = errors.New("no answer within 1s")
	for range 10 {
		w.leads()
		w.tick()
		w.pass(2 * time.Second)
	}
	if w.membersAsked != 2 {
		t.Errorf("asked %d times, want twice", w.membersAsked)
	}
	if got := w.memory; got.PeersAt != policy.SinceBoot(1300*time.Second) || len(got.Peers) != 1 {
		t.Errorf("asked at %v, knows %v: want the last question's moment, and whom it knew", got.PeersAt, got.Peers)
	}
}

// A lower ttl counts from Patroni's next loop on: the lease is made of it before that, in the tick
// that hears of it.
func TestALeaderHearsOfALowerTTLAtOnce(t *testing.T) {
	w := newWorld(t)
	w.timing.TTL = time.Minute
	w.tick()
	w.tick()
	if left := w.end.Sub(w.now); left != 49*time.Second {
		t.Fatalf("lease ends in %v, want 49s", left)
	}
	w.timing.TTL = 30 * time.Second
	w.tick()
	if left := w.end.Sub(w.now); left != 19*time.Second {
		t.Errorf("lease ends in %v, want 19s", left)
	}
	if w.timingAsked != 3 {
		t.Errorf("asked %d times in 3 ticks", w.timingAsked)
	}
}

// Whoever does not lead has time, and an unlocked Patroni would ask the DCS.
func TestWhoAsksForTheSettings(t *testing.T) {
	for name, c := range map[string]struct {
		word policy.PatroniReply
		took time.Duration
		err  error
		due  bool
		want int
	}{
		"a leader":                     {word: policy.PatroniReply{Kind: policy.Leader}, want: 1},
		"a replica":                    {word: policy.PatroniReply{Kind: policy.NotLeader}},
		"a replica, when they are due": {word: policy.PatroniReply{Kind: policy.NotLeader}, due: true, want: 1},
		"an unlocked leader":           {word: policy.PatroniReply{Kind: policy.Leader, Unlocked: true}, due: true},
		"a slow leader":                {word: policy.PatroniReply{Kind: policy.Leader}, took: 501 * time.Millisecond},
		"a slow leader, overdue":       {word: policy.PatroniReply{Kind: policy.Leader}, took: 501 * time.Millisecond, due: true, want: 1},
		"a leader that does not say":   {word: policy.PatroniReply{Kind: policy.Leader}, err: errors.New("no answer within 200ms"), want: 1},
		"nor when they are due":        {word: policy.PatroniReply{Kind: policy.Leader}, err: errors.New("no answer within 200ms"), due: true, want: 2},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.memory.Timing, w.memory.TimingAt = w.timing, w.now
			w.memory.Peers, w.memory.PeersAt = w.members, w.now
			if c.due {
				w.pass(time.Minute)
			}
			w.leads()
			w.word.Kind, w.word.Unlocked, w.wordFor, w.timingErr = c.word.Kind, c.word.Unlocked, c.took, c.err
			o := w.tick()
			if w.timingAsked != c.want {
				t.Errorf("asked %d times, want %d", w.timingAsked, c.want)
			}
			if warned := len(o.Warnings) > 0; warned != (c.want == 2) {
				t.Errorf("warnings %q", o.Warnings)
			}
		})
	}
}

// A replica has asked all along, and as a leader the question would cost it a part of its lease.
func TestAPromotedMemberDoesNotAskWhomItKnows(t *testing.T) {
	w := newWorld(t)
	w.follows()
	w.tick()
	w.pass(5 * time.Second)
	w.leads()
	w.run(policy.Event("on_role_change"), policy.Role("primary"))
	w.pass(time.Second)
	w.tick()
	if w.membersAsked != 1 {
		t.Errorf("asked %d times, want once", w.membersAsked)
	}
	w.follows()
	w.run(policy.Event("on_role_change"), policy.Role("replica"))
	w.tick()
	if w.membersAsked != 2 {
		t.Errorf("asked %d times, want twice: a replica learns of a change at once", w.membersAsked)
	}
}

// A Patroni that is slow is asked for the leader alone: a tick must end before the lease does.
func TestASlowPatroniIsAskedNothingElse(t *testing.T) {
	for wait, want := range map[time.Duration]int{500 * time.Millisecond: 1, 500*time.Millisecond + 1: 0} {
		w := newWorld(t)
		w.memory.Timing, w.memory.TimingAt = w.timing, w.now
		w.memory.Peers = w.members
		w.wordFor = wait
		w.tick()
		if w.membersAsked != want {
			t.Errorf("an answer took %v, and the members were asked for %d times, want %d", wait, w.membersAsked, want)
		}
	}
}

// A question of one VIP's keeps no other from its lock.
func TestVIPsDoNotWaitForEachOther(t *testing.T) {
	w := newWorld(t)
	r := newRun(&w.engine().Ports, policy.Trigger{Event: policy.EventTick, At: w.now})
	r.asking <- struct{}{}
	if got := newVIPRun(r, &routeSwitches{}, w.engine().VIPs[0]).decide(t.Context()); got.Do != policy.DoAsk {
		t.Errorf("verdict %+v, want the question", got)
	}
}

// slowPatroni takes long to say that this member leads.
type slowPatroni struct{ *worldPatroni }

func (p slowPatroni) Reply(ctx context.Context) policy.PatroniReply {
	select {
	case <-time.After(1500 * time.Millisecond):
		return p.worldPatroni.Reply(ctx)
	case <-ctx.Done():
		return policy.PatroniReply{Kind: policy.Silent, Why: "no answer in time", At: (*world)(p.worldPatroni).Now()}
	}
}

// Two VIPs that follow different roles: the one that steps down gives Patroni 200 ms, the other as
// long as it takes.
func TestEachVIPWaitsAsLongAsItCan(t *testing.T) {
	const hasty = 200 * time.Millisecond
	for name, order := range map[string][]time.Duration{"the patient first": {0, hasty}, "the hasty first": {hasty, 0}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				e := w.engine()
				e.Patroni = slowPatroni{(*worldPatroni)(w)}
				r := newRun(&e.Ports, policy.Trigger{Event: policy.Event("on_role_change"), Role: policy.Role("standby_leader"), At: w.now})
				done := make(chan struct{})
				for _, within := range order {
					go func() {
						defer func() { done <- struct{}{} }()
						began, want, took := time.Now(), policy.Leader, 1500*time.Millisecond
						if within > 0 {
							want, took = policy.Silent, within
						}
						word := r.reply(t.Context(), 0, within)
						if got := time.Since(began); word.Kind != want || got < took || got > took+within+hasty {
							t.Errorf("within %v: %s after %v, want %s after %v", within, word.Kind, got, want, took)
						}
					}()
					synctest.Wait()
				}
				<-done
				<-done
			})
		})
	}
}

// TestMembersThatCannotBeAskedAreToldOf: also where a claim had to know them before the tick's end.
func TestMembersThatCannotBeAskedAreToldOf(t *testing.T) {
	w := newWorld(t)
	w.membersErr = errors.New("HTTP 500")
	o := w.tick()
	w.want(true)
	if want := "ask for the cluster's members: HTTP 500"; !slices.Contains(o.Warnings, want) || w.membersAsked != 1 {
		t.Errorf("asked %d times, warnings %q; want once, and %q", w.membersAsked, o.Warnings, want)
	}
}
