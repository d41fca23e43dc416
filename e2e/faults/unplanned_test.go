package faults_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/vipctl/vipctl/e2e/lab"
)

// outageOfDeath is what clients may lose when a primary's Patroni dies, beyond Patroni's own
// election.
const outageOfDeath = 4 * time.Second

func TestFrozen(t *testing.T) {
	tr := short.begin(t, "node frozen, thawed after the failover")
	tr.frozen(tr.leader.Freeze)
}

// A Patroni that hangs, as on a dead disk, is silent: its REST API accepts connections and never
// replies.
func TestPatroniFrozen(t *testing.T) {
	tr := short.begin(t, "Patroni frozen, PostgreSQL runs on, thawed after the failover")
	tr.frozen(tr.leader.Patroni.Freeze)
}

// frozen lets something of the leader stand still until another has succeeded it.
func (tr *trial) frozen(freeze func()) {
	tr.Helper()
	var thawed time.Time
	tr.while(func() {
		freeze()
		tr.elected()
		thawed = time.Now()
		tr.leader.Thaw()
		tr.settleAnyhow()
	})
	tr.succession()
	if d := tr.two(tr.began, thawed); d > 0 {
		tr.Errorf("two nodes had the VIP for %v before the thaw", d)
	}
	if d := tr.two(thawed, tr.recording.To); d > interval+twoLimit {
		tr.Errorf("two nodes had the VIP for %v after the thaw, want a tick at most", d)
	}
	tr.lostAfter(tr.recording.Figures().Changes[0].Direct)
}

// settleAnyhow waits until the cluster is whole, whoever leads then.
func (tr *trial) settleAnyhow() {
	tr.Helper()
	was := tr.leader
	tr.settle()
	tr.leader = was
}

// lostAfter checks that the successor's writes are all there, unless Patroni itself threw them
// away.
func (tr *trial) lostAfter(first time.Time) {
	tr.Helper()
	switch n := tr.lost(first); {
	case tr.overwrote():
		tr.note("%d writes of the successor are lost: Patroni took the lock back from it and rewound it", n)
	case n > 0 && !tr.window:
		tr.Errorf("%d writes that the successor acknowledged are lost", n)
	}
}

// overwrote reports whether a Patroni took the lock from another that had it, see [lab.LockChange].
func (tr *trial) overwrote() bool {
	return slices.ContainsFunc(tr.lab.Lock.Changes(), func(c lab.LockChange) bool { return c.At.After(tr.began) && c.Over != "" })
}

func TestPatroniKilled(t *testing.T) {
	tr := short.begin(t, "Patroni killed, PostgreSQL runs on")
	tr.patroniKilled()
}

func TestPatroniKilledDefaults(t *testing.T) {
	t.Parallel()
	tr := defaults.begin(t, "Patroni killed, PostgreSQL runs on")
	tr.patroniKilled()
}

// patroniKilled lets a leader's Patroni die. The address must serve until its lease ends, and be
// gone before the lock is. How long before, and how long Patroni takes to elect another, add up to
// what clients lose.
//
// No client writes to the dying leader at its own address. While somebody does, each replica that
// asks the other finds it ahead of what it has itself, and Patroni elects nobody for another
// loop_wait or two.
func (tr *trial) patroniKilled() {
	tr.Helper()
	tr.except = tr.leader.Name
	time.Sleep(rand.N(tr.lab.Settings.LoopWait)) // anywhere in Patroni's loop; what came before has kept step with it
	tr.while(func() {
		tr.leader.Patroni.Kill()
		tr.elected()
	})
	tr.diedByLease()
}

// diedByLease checks that the VIP went by the end of its lease, when Patroni had died.
func (tr *trial) diedByLease() {
	tr.Helper()
	tr.succession()
	if *tr.Two > 0 {
		tr.Errorf("two nodes had the VIP for %d ms", *tr.Two)
	}
	if *tr.Early < 0 {
		tr.Errorf("the VIP was there %d ms after the lock had ended", -*tr.Early)
	}
	tr.atMost("nobody had the VIP beyond Patroni's election", ms(time.Duration(*tr.Nobody-*tr.Election)*time.Millisecond), tr.beforeLock())
	if *tr.Outage > outageOfDeath.Milliseconds() {
		tr.note("outage %d ms = lease ended %d ms before the lock + Patroni's election %d ms + %d ms; more than %v", *tr.Outage,
			*tr.Early, *tr.Election, *tr.Outage-*tr.Early-*tr.Election, outageOfDeath)
	}
}

// Whoever asks for the cluster makes Patroni read the DCS, which moves dcs_last_seen as a loop
// does, and refreshes no lock.
func TestClusterAsked(t *testing.T) {
	t.Parallel()
	tr := defaults.begin(t, "Patroni killed, somebody asks its REST API for the cluster twice a second")
	tr.except = tr.leader.Name // as in patroniKilled
	tr.nextLoop()
	loop := tr.lastSeen()
	tr.while(func() {
		stop := tr.askForCluster()
		defer stop()
		tr.eventually(2*tr.lab.Settings.LoopWait, "the DCS was read long after the loop", func() bool {
			return tr.lastSeen() >= loop+int64(tr.lab.Settings.LoopWait.Seconds())-2
		})
		tr.leader.Patroni.Kill()
		stop()
		tr.elected()
	})
	tr.diedByLease()
	tr.lostAfter(tr.recording.Figures().Changes[0].Direct)
}

// askForCluster asks the leader's Patroni for the cluster twice a second, as a monitoring system
// does, until it is stopped.
func (tr *trial) askForCluster() (stop func()) {
	ctx, stop := context.WithCancel(tr.ctx)
	go func() {
		for every := time.NewTicker(500 * time.Millisecond); ctx.Err() == nil; <-every.C {
			_ = tr.leader.REST.AskForCluster(ctx)
		}
	}()
	return stop
}

// beforeLock is how long before the lock's end a lease may end. What the last tick knew of the DCS
// may be a loop and a tick old, in whole seconds. A second is margin, and etcd ends its leases up
// to a second late.
func (tr *trial) beforeLock() time.Duration {
	return tr.lab.Settings.LoopWait + interval + 4*time.Second
}

func TestPatroniRestarted(t *testing.T) {
	tr := short.begin(t, "Patroni killed and started again within the lease")
	tr.while(func() {
		tr.leader.Patroni.Kill()
		time.Sleep(5 * time.Second)
		tr.must(tr.leader.Patroni.Start())
		tr.leads(tr.leader, 20*time.Second)
		time.Sleep(2 * interval)
	})
	tr.unmoved()
	tr.atMost("outage", tr.Outage, staysLimit)
}

// leads waits until the node's Patroni says that it leads.
func (tr *trial) leads(n *lab.Node, limit time.Duration) {
	tr.Helper()
	tr.eventually(limit, n.Name+" leads", func() bool {
		m, err := n.REST.Member(tr.ctx)
		return err == nil && m.Leads && m.State == "running"
	})
}

func TestCable(t *testing.T) {
	tr := short.begin(t, "cable pulled, plugged back after the failover")
	var plugged time.Time
	tr.while(func() {
		tr.must(tr.leader.Link.Pull())
		tr.must(tr.lab.Cluster.Elected(tr.ctx, tr.leader))
		tr.elected()
		plugged = time.Now()
		tr.must(tr.leader.Link.Plug())
		tr.settleAnyhow()
	})
	tr.succession()
	tr.lostAfter(tr.recording.Figures().Changes[0].Direct)
	if *tr.Early < 0 {
		tr.Errorf("the VIP was there %d ms after the lock had ended", -*tr.Early)
	}
	limit := time.Duration(0)
	if tr.overwrote() {
		limit = interval + twoLimit // a second move, whose loser does not know before its Patroni's next loop
	}
	if d := tr.two(plugged, tr.recording.To); d > limit {
		tr.Errorf("two nodes had the VIP for %v after the plug was back", d)
	}
}

// Patroni before 3.0.4 starts a crashed primary that keeps the lock as a replica, and promotes it
// again: it reports both. Later ones start it as the primary that it was.
func TestPostmasterKilled(t *testing.T) {
	tr := short.begin(t, "postmaster killed, recovered by Patroni")
	before := tr.timeline()
	tr.while(func() {
		tr.must(tr.leader.Postgres.Kill())
		time.Sleep(time.Second)
		tr.leads(tr.leader, 30*time.Second)
		time.Sleep(2 * interval)
	})
	tr.unmoved()
	tr.atMost("outage", tr.Outage, staysLimit)
	promotions := map[bool]int{false: 1, true: 0}[tr.lab.Release.Since(3, 0, 4)]
	if got := tr.timeline() - before; got != promotions {
		tr.Errorf("Patroni %s promoted the crashed primary %d times, want %d: the trial has shown something else", tr.lab.Release.Version, got, promotions)
	}
}

// timeline is the one of the leader of before.
func (tr *trial) timeline() int {
	tr.Helper()
	m, err := tr.leader.REST.Member(tr.ctx)
	tr.must(err)
	return m.Timeline
}

// A Patroni that is started beside a primary that was succeeded says on_start with the role of a
// primary before it has looked at the lock (since 3.2), or after its first loop.
func TestPatroniStartedBesideExPrimary(t *testing.T) {
	tr := short.begin(t, "Patroni killed, node cut off, started again beside the running ex-primary")
	var started time.Time
	tr.while(func() {
		tr.leader.Patroni.Kill()
		tr.must(tr.leader.Link.Pull())
		tr.elected()
		started = time.Now()
		tr.must(tr.leader.Link.Plug())
		tr.eventually(time.Minute, tr.leader.Name+"'s Patroni answers", func() bool {
			tr.must(tr.leader.Patroni.Start()) // again, where it ended: it does when etcd is still electing
			_, err := tr.leader.REST.Member(tr.ctx)
			return err == nil
		})
		tr.settleAnyhow()
	})
	tr.succession()
	if at := tr.held(tr.leader, true, started); !at.IsZero() {
		tr.Errorf("%s claimed the VIP without the lock, %v after its Patroni was started", tr.leader.Name, at.Sub(started))
	}
}
