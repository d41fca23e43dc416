package faults_test

import (
	"slices"
	"testing"
	"time"

	"github.com/vipctl/vipctl/e2e/lab"
)

// pause pauses the cluster, and returns when a tick on the leader knows of it.
func (tr *trial) pause() {
	tr.Helper()
	tr.must(tr.lab.Cluster.Pause(tr.ctx, true))
	tr.ticked(tr.leader)
}

// resume ends a pause, and does not wait until a Patroni that may be frozen or dead knows.
func (tr *trial) resume() {
	tr.Helper()
	tr.must(tr.lab.Cluster.Configure(tr.ctx, `{"pause": false}`))
}

// ticked waits until a tick has ended on the node that began after now.
func (tr *trial) ticked(n *lab.Node) {
	tr.Helper()
	now := time.Now()
	tr.eventually(5*interval, "a tick on "+n.Name, func() bool {
		s, err := n.Vipctl.Status()
		return err == nil && s.Tick != nil && s.Tick.After(now)
	})
}

func TestPause(t *testing.T) {
	t.Parallel()
	tr := third.begin(t, "paused, Patroni killed on the leader and started again, resumed")
	defer tr.resume()
	tr.while(func() {
		tr.pause()
		tr.leader.Patroni.Kill()
		time.Sleep(25 * time.Second) // longer than the lock
		tr.comeBack()
	})
	tr.unmoved()
	tr.atMost("outage", tr.Outage, besideLimit)
}

// comeBack starts the leader's Patroni again and ends the pause, with a tick or two before and
// after that.
func (tr *trial) comeBack() {
	tr.Helper()
	tr.must(tr.leader.Patroni.Start())
	tr.leads(tr.leader, 20*time.Second)
	time.Sleep(2 * interval)
	tr.must(tr.lab.Cluster.Pause(tr.ctx, false))
	time.Sleep(2 * interval)
}

// In a pause an operator may restart PostgreSQL past a dead Patroni, and take longer than any
// hand-over.
func TestPausePostgresRestarted(t *testing.T) {
	t.Parallel()
	tr := third.begin(t, "paused, Patroni killed, PostgreSQL stopped and started by hand, Patroni started, resumed")
	defer tr.resume()
	tr.while(func() {
		tr.pause()
		tr.leader.Patroni.Kill()
		tr.must(tr.leader.Postgres.Stop())
		time.Sleep(8 * time.Second)
		tr.must(tr.leader.Postgres.Start())
		tr.comeBack()
	})
	tr.unmoved()
	tr.atMost("outage", tr.Outage, besideLimit)
}

// A host that freezes in a pause does not learn of the pause's end, and nothing runs there that
// could take the address away.
func TestPauseFrozen(t *testing.T) {
	t.Parallel()
	tr := third.begin(t, "paused, node frozen, resumed, thawed after the failover")
	defer tr.resume()
	tr.frozen(func() {
		tr.pause()
		tr.leader.FreezeAll()
		tr.resume()
	})
}

// A leader whose Patroni is dead and that reaches no peer learns of the end of a pause only from
// its successor, which answers ARP for the VIP.
func TestPauseUnheard(t *testing.T) {
	t.Parallel()
	tr := third.begin(t, "paused, REST between nodes dropped, Patroni killed on the leader, resumed")
	tr.resumedUnheard(func() {
		tr.leader.Patroni.Kill()
		tr.eventually(30*time.Second, "the lock has ended", func() bool { return !tr.unlocked().IsZero() })
		if now := tr.holders(); !slices.Equal(now, []string{tr.leader.Name}) {
			tr.Errorf("the VIP left in the pause: it is on %v", now)
		}
	})
}

// A leader that is cut off from the DCS and from its peers, and that clients reach, goes on leading
// in a pause. It learns that the other nodes have ended the pause only from its successor, which
// answers ARP for the VIP.
func TestPauseCutOff(t *testing.T) {
	t.Parallel()
	tr := third.begin(t, "paused, leader cut off from etcd and the other nodes' REST, resumed there")
	tr.resumedUnheard(func() {
		tr.must(tr.leader.Link.DropEtcd())
		time.Sleep(10 * time.Second) // longer than loop_wait + retry_timeout, after which Patroni's view counts as old
	})
}

// resumedUnheard lets the fault happen on the leader, and ends a pause whose end the leader's peers
// cannot tell it. The VIP must leave when a tick has seen the successor's ARP answer. The writes
// that this costs are counted.
func (tr *trial) resumedUnheard(fault func()) {
	tr.Helper()
	defer tr.resume()
	tr.window = true
	var to *lab.Node
	tr.while(func() {
		tr.pause()
		tr.must(tr.leader.Link.DropREST())
		fault()
		tr.resume()
		tr.eventually(time.Minute, "another node alone has the VIP", func() bool { // two Patronis may say that they lead
			now := tr.holders()
			i := slices.IndexFunc(tr.lab.Nodes, func(n *lab.Node) bool { return slices.Equal(now, []string{n.Name}) })
			if i >= 0 && tr.lab.Nodes[i] != tr.leader {
				to = tr.lab.Nodes[i]
			}
			return to != nil
		})
	})
	tr.settleAnyhow() // one leader is left to ask for what was written
	came, gone := tr.held(to, true, tr.began), tr.held(tr.leader, false, tr.began)
	if d, limit := gone.Sub(came), 2*interval+time.Second; d > limit {
		tr.Errorf("the VIP left %s %v after its successor's claim, want %v at most", tr.leader.Name, d, limit)
	}
	tr.Gone, tr.LockFree = ms(gone.Sub(tr.began)), ms(tr.unlocked().Sub(tr.began))
	tr.note("the VIP left the old leader %d ms after its successor's claim", *ms(gone.Sub(came)))
	tr.lostAfter(tr.recording.Figures().Changes[0].Direct)
}
