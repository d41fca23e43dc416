package faults_test

import (
	"context"
	"testing"
	"time"

	"github.com/vipctl/vipctl/e2e/lab"
)

// arrivalLimit is how long after the API's return the VIP's traffic may take to arrive.
const arrivalLimit = 5 * time.Second

func TestHetznerDown(t *testing.T) {
	t.Parallel()
	tr := hetzner.begin(t, "Hetzner's API down for 60 s around a crash of the leader")
	var to *lab.Node
	var back time.Time
	tr.while(func() {
		until := time.Now().Add(time.Minute)
		tr.lab.Hetzner.Down()
		time.Sleep(5 * time.Second)
		tr.must(tr.leader.Crash())
		to = tr.elected()
		time.Sleep(time.Until(until))
		if tr.routed(to) {
			tr.Fatalf("the VIP was routed to %s without an API", to.Name)
		}
		back = time.Now()
		tr.must(tr.lab.Hetzner.Up())
		tr.eventually(30*time.Second, "the traffic goes to the new leader", func() bool { return tr.routed(to) })
	})
	tr.succession()
	first := tr.recording.Figures().Changes[0]
	if took := first.VIP.Sub(back); first.VIP.IsZero() || took > arrivalLimit {
		tr.Errorf("the traffic arrived %v after the API was back, want %v at most", took, arrivalLimit)
	}
	calls := tr.lab.Hetzner.Calls(tr.began)
	tr.note("routed %d ms after the API was back, a client's first write there after %d ms; %s's calls: %v",
		*ms(tr.lab.Hetzner.Moves()[len(tr.lab.Hetzner.Moves())-1].At.Sub(back)), *ms(first.VIP.Sub(back)), to.Name, calls.By(to.Name))
	if n := len(calls.Mutating()); n != 1 || len(calls.By(to.Name)) != len(calls) {
		tr.Errorf("%d changes were asked for, want 1 by %s alone: %+v", n, to.Name, calls)
	}
	tr.settleAnyhow()
	tr.lostAfter(first.Direct)
}

// routed reports whether the router sends the VIP to the node.
func (tr *trial) routed(to *lab.Node) bool {
	tr.Helper()
	now, err := tr.lab.Router.Routed()
	tr.must(err)
	return now == to.Name
}

// The APIs know no call that changes something only if nothing else has changed meanwhile: a call
// that arrives late steals the VIP.
func TestHetznerHangs(t *testing.T) {
	t.Parallel()
	tr := hetzner.begin(t, "Hetzner's API hangs in two switchovers")
	tr.must(tr.other().Vipctl.WipeRun()) // it has to ask for the ids first
	asked := tr.backAndForth(func(c lab.Calls) bool { return len(c) > 0 })
	if len(asked.Mutating()) > 0 {
		tr.Errorf("changes were asked for without an id: %+v", asked)
	}
}

// Patroni kills the callback of a node that is demoted. It does not kill a tick, and here a tick
// has taken over from the callback.
func TestHetznerHangsForChanges(t *testing.T) {
	t.Parallel()
	tr := hetzner.begin(t, "Hetzner's API hangs for changes in two switchovers, callbacks killed")
	killing, stop := context.WithCancel(tr.ctx)
	defer stop()
	if _, err := lab.KillRuns(killing, tr.lab.Nodes, "callback", func() time.Duration { return 800 * time.Millisecond }); err != nil {
		t.Skip(err) // a kernel without CONFIG_PROC_EVENTS, or a container
	}
	tr.backAndForth(func(c lab.Calls) bool {
		if len(c.Mutating()) < 2 { // the callback's, and a tick's
			return false
		}
		stop()
		return true
	}, "POST ")
}

// backAndForth switches over, and back when enough is true of what the new leader has called, while
// calls hang. It checks that who led in between asked for no change afterwards, and returns all
// that it has called.
func (tr *trial) backAndForth(enough func(lab.Calls) bool, hanging ...string) lab.Calls {
	tr.Helper()
	from, to := tr.leader, tr.other()
	tr.while(func() {
		answer := tr.lab.Hetzner.Hang(hanging...)
		defer answer()
		tr.must(tr.lab.Cluster.Switchover(tr.ctx, to))
		tr.eventually(20*time.Second, to.Name+" waits for an answer", func() bool { return enough(tr.lab.Hetzner.Calls(tr.began).By(to.Name)) })
		tr.replicates(from, time.Minute)
		tr.must(tr.lab.Cluster.Switchover(tr.ctx, from))
		time.Sleep(10 * time.Second)
		answer()
		tr.alone(from, 10*time.Second)
		time.Sleep(5 * interval)
	})
	if !tr.routed(from) {
		tr.Errorf("the VIP is not routed to %s, which leads", from.Name)
	}
	left := tr.unlockedFrom(to)
	late := tr.lab.Hetzner.Calls(left).By(to.Name)
	for _, c := range late.Mutating() {
		tr.Errorf("%s asked %s %s, %v after its lock was gone", to.Name, c.Method, c.Path, c.At.Sub(left))
	}
	calls := tr.lab.Hetzner.Calls(tr.began)
	tr.note("%s led for %.1f s; its calls: %v; since then: %v; %s's: %v", to.Name, left.Sub(tr.unlocked()).Seconds(), calls.By(to.Name),
		late, from.Name, calls.By(from.Name))
	if n := tr.lost(time.Time{}); n > 0 {
		tr.Errorf("%d acknowledged writes are lost", n)
	}
	return calls.By(to.Name)
}

// unlockedFrom returns when the node no longer had the lock that it got during the trial.
func (tr *trial) unlockedFrom(n *lab.Node) time.Time {
	tr.Helper()
	had := false
	for _, c := range tr.lab.Lock.Changes() {
		if had {
			return c.At
		}
		had = c.At.After(tr.began) && c.Node == n.Name
	}
	tr.Fatalf("%s never had the lock, or has it still", n.Name)
	return time.Time{}
}
