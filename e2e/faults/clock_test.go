package faults_test

import (
	"context"
	"testing"
	"time"

	"github.com/vipctl/vipctl/e2e/lab"
)

// A wall clock that is set while Patroni leads. Patroni times its sleep and its leadership by it.

const step = 300 * time.Second

// A Patroni that sleeps too long wakes when the leader key changes, with etcd3: as soon as its lock
// has run out.
func TestClockBack(t *testing.T) {
	t.Parallel()
	tr := clocks.begin(t, "clock of the leader set back by 300 s, etcd3")
	tr.while(func() {
		tr.setBack(func() {
			tr.eventually(time.Minute, "the lock has ended", func() bool { return !tr.unlocked().IsZero() })
		})
		tr.must(tr.leader.Clock.Set(0))
		tr.settleAnyhow()
		time.Sleep(2 * interval)
	})
	if *tr.Two > 0 {
		tr.Errorf("two nodes had the VIP for %d ms", *tr.Two)
	}
	tr.LockFree = ms(tr.unlocked().Sub(tr.began))
	if gone := tr.held(tr.leader, false, tr.began); !gone.IsZero() { // it has the lock again before a tick has seen that
		tr.leftWithTheLock()
	}
	if n := tr.lost(tr.recording.From); n > 0 {
		tr.Errorf("%d writes are lost", n)
	}
}

// With etcd's old API nothing wakes it, and before Python 3.11 its last sleep does not end in time
// either. Patroni says for 300 s that it leads, while its lock runs out. The other nodes see its
// PostgreSQL and elect nobody, unless an operator orders a failover. A node that is ordered to lead
// before the lock has ended takes the lock at once, before the old leader looks again.
func TestClockBackFailover(t *testing.T) {
	t.Parallel()
	tr := sleepers.begin(t, "clock of the leader set back by 300 s, etcd's old API, failover ordered")
	tr.window = true
	tr.setBackAndSucceeded(func(to *lab.Node) { tr.order(to) })
	tr.atMost("two holders", tr.Two, twoLimit)
	tr.note("two nodes had the VIP for %d ms, and the old one took %d writes of clients of the VIP", *tr.Two, *tr.Deposed)
}

// The other nodes also elect one where they cannot ask the old leader. Then it cannot ask them
// either, and what its own Patroni says of the DCS is all that it has.
func TestClockBackUnheard(t *testing.T) {
	t.Parallel()
	tr := sleepers.begin(t, "clock of the leader set back by 300 s, etcd's old API, REST between nodes dropped")
	tr.setBackAndSucceeded(func(*lab.Node) { tr.must(tr.leader.Link.DropREST()) })
	tr.succession()
	if *tr.Two > 0 {
		tr.Errorf("two nodes had the VIP for %d ms", *tr.Two)
	}
}

// An operator can wake a Patroni that sleeps too long.
func TestClockBackWoken(t *testing.T) {
	t.Parallel()
	tr := sleepers.begin(t, "clock of the leader set back by 300 s, etcd's old API, Patroni woken in time")
	tr.while(func() {
		tr.setBack(func() {
			time.Sleep(5 * time.Second)
			tr.must(tr.leader.REST.Wake(tr.ctx))
			tr.eventually(2*time.Minute, "nothing is doubted any more", func() bool {
				s, err := tr.leader.Vipctl.Status()
				return err == nil && s.VIPs[0].Code == "leader"
			})
		})
	})
	tr.unmoved()
	tr.atMost("outage", tr.Outage, besideLimit)
	tr.leader.Patroni.Kill() // a step forward is another trial
	tr.must(tr.leader.Clock.Set(0))
	tr.must(tr.leader.Patroni.Start())
}

// setBackAndSucceeded sets the leader's clock back, lets another succeed it, and sets it right. Its
// Patroni says all the while that it leads.
func (tr *trial) setBackAndSucceeded(how func(to *lab.Node)) {
	tr.Helper()
	tr.except = tr.leader.Name
	var right time.Time
	tr.while(func() {
		tr.setBack(func() {
			how(tr.other())
			tr.eventually(time.Minute, "another node has the lock", func() bool {
				changes := tr.lab.Lock.Changes()
				last := changes[len(changes)-1]
				return last.At.After(tr.began) && last.Node != "" && last.Node != tr.leader.Name
			})
			time.Sleep(15 * time.Second) // a monitor's questions, ticks
			if m, err := tr.leader.REST.Member(tr.ctx); err != nil || !m.Leads {
				tr.Errorf("%s does not say that it leads: the trial has shown nothing (%+v, %v)", tr.leader.Name, m, err)
			}
		})
		right = time.Now()
		tr.must(tr.leader.Clock.Set(0))
		tr.must(tr.lab.Heal())
		tr.settleAnyhow()
	})
	tr.leftWithTheLock()
	if at := tr.held(tr.leader, true, tr.began); !at.IsZero() && at.Before(right) {
		tr.Errorf("%s claimed the VIP again %v after its clock was set back", tr.leader.Name, at.Sub(tr.began))
	}
	tr.lostAfter(tr.recording.Figures().Changes[0].Direct)
}

// setBack sets the leader's clock back while a monitor asks it for the cluster every 10 s.
func (tr *trial) setBack(meanwhile func()) {
	tr.Helper()
	ctx, stop := context.WithCancel(tr.ctx)
	defer stop()
	go tr.monitor(ctx)
	tr.must(tr.leader.Clock.Set(-step))
	meanwhile()
}

func (tr *trial) monitor(ctx context.Context) {
	for every := time.NewTicker(10 * time.Second); ctx.Err() == nil; {
		select {
		case <-every.C:
			_ = tr.leader.REST.AskForCluster(ctx)
		case <-ctx.Done():
		}
	}
}

// order tells the cluster that the node shall lead, and does not wait for it: the leader sleeps.
func (tr *trial) order(to *lab.Node) {
	ctx, cancel := context.WithTimeout(tr.ctx, time.Minute)
	tr.Cleanup(cancel)
	go func() { _ = to.REST.Failover(ctx) }()
}

// leftWithTheLock checks that the VIP left the old leader when its lock had ended. Where peers
// named it the leader until then, the next tick that asks them releases the VIP: a few tenths of a
// second later on a quiet machine. At the latest its lease ends.
func (tr *trial) leftWithTheLock() {
	tr.Helper()
	gone, lock := tr.held(tr.leader, false, tr.began), tr.unlocked()
	if gone.IsZero() || lock.IsZero() {
		tr.Fatalf("the VIP left %s at %v, its lock ended at %v", tr.leader.Name, gone, lock)
	}
	tr.Gone, tr.LockFree, tr.Early = ms(gone.Sub(tr.began)), ms(lock.Sub(tr.began)), ms(lock.Sub(gone))
	if late := gone.Sub(lock); late > interval+3*time.Second {
		tr.Errorf("the VIP left %s %v after its lock had ended", tr.leader.Name, late)
	}
}

// A Patroni whose clock is set forward takes its lock for expired until its next loop. The other
// nodes are down, so that only what it says of the DCS is left to ask.
func TestClockForward(t *testing.T) {
	t.Parallel()
	tr := clocks.begin(t, "clock of the leader set forward by 300 s, the other nodes' Patroni down")
	tr.Settings = "30/10/10"
	tr.configured(`{"ttl": 30, "loop_wait": 10, "retry_timeout": 10}`, "the lease is one of 30/10/10", func(s float64) bool { return s > 16 })
	defer func() { tr.must(tr.lab.Cluster.Configure(tr.ctx, `{"ttl": 20, "loop_wait": 2, "retry_timeout": 3}`)) }()
	denied := 0
	tr.while(func() {
		for _, n := range tr.lab.Nodes {
			if n != tr.leader {
				n.Patroni.Kill()
			}
		}
		tr.nextLoop()
		time.Sleep(time.Second) // a step while it asks the DCS ends that question's time: Patroni demotes its PostgreSQL then
		tr.must(tr.leader.Clock.Set(step))
		for until := time.Now().Add(2 * tr.lab.Settings.LoopWait); time.Now().Before(until); time.Sleep(200 * time.Millisecond) {
			if m, err := tr.leader.REST.Member(tr.ctx); err == nil && !m.Leads && m.Role == tr.lab.Release.Primary() {
				denied++
			}
		}
		tr.leads(tr.leader, 30*time.Second)
		time.Sleep(2 * interval)
	})
	if denied == 0 {
		tr.Error("Patroni never said that it does not lead: the trial has shown nothing")
	}
	tr.unmoved()
	tr.atMost("outage", tr.Outage, besideLimit)
	tr.leader.Patroni.Kill() // it would take its clock for one that is set back
	tr.must(tr.leader.Clock.Set(0))
	tr.must(tr.leader.Patroni.Start())
}
