package faults_test

import (
	"strings"
	"testing"
	"time"

	"github.com/vipctl/vipctl/e2e/lab"
)

// A stall that Patroni survives, the VIP survives too: Patroni asks the DCS again for
// retry_timeout. It does not survive every such stall; then the trial is made again.
func TestEtcdStalled(t *testing.T) {
	t.Parallel()
	tr := defaults.begin(t, "etcd's packets dropped for 12 s")
	tr.survived(tr.stall)
}

// survived lets a fault happen, up to three times, until Patroni survives it. The VIP must then
// have survived it too.
func (tr *trial) survived(fault func()) {
	tr.Helper()
	for range 3 {
		fault()
		if *tr.Direct < 2000 {
			tr.unmoved()
			tr.atMost("outage", tr.Outage, besideLimit)
			return
		}
		tr.note("Patroni did not survive it: nobody wrote for %d ms, clients of the VIP %d ms longer; %s's Patroni said last: %s",
			*tr.Direct, *tr.Outage, tr.leader.Name, strings.Join(tr.leader.Patroni.Said("demot"), "; "))
		tr.settle()
	}
	tr.Fatal("Patroni survived it in none of three times")
}

// stall drops etcd's packets from three seconds after a loop of the leader's Patroni on, so that
// the next one falls into the stall and outlasts it.
func (tr *trial) stall() {
	tr.Helper()
	tr.nextLoop()
	time.Sleep(time.Second)
	tr.while(func() {
		for _, n := range tr.lab.Nodes {
			tr.must(n.Link.DropEtcd())
		}
		time.Sleep(12 * time.Second)
		tr.must(tr.lab.Heal())
		tr.nextLoop()
		tr.nextLoop()
	})
}

// nextLoop waits until the leader's Patroni reads the DCS.
func (tr *trial) nextLoop() {
	tr.Helper()
	before := tr.lastSeen()
	tr.eventually(40*time.Second, "Patroni reads the DCS", func() bool { return tr.lastSeen() > before })
}

// lastSeen is when the leader's Patroni read the DCS, or 0 where it does not reply.
func (tr *trial) lastSeen() int64 {
	m, err := tr.leader.REST.Member(tr.ctx)
	if err != nil {
		return 0
	}
	return m.LastSeen
}

// withoutQuorum kills two of three etcds, lets the time pass, and starts them again.
func (tr *trial) withoutQuorum(meanwhile func()) {
	tr.Helper()
	var killed []*lab.Node
	for _, n := range tr.lab.Nodes {
		if n != tr.leader {
			n.Etcd.Kill()
			killed = append(killed, n)
		}
	}
	meanwhile()
	for _, n := range killed {
		tr.must(n.Start())
	}
}

func TestEtcdLost(t *testing.T) {
	t.Parallel()
	tr := second.begin(t, "etcd without quorum, failsafe_mode off")
	tr.while(func() {
		tr.withoutQuorum(func() {
			tr.eventually(30*time.Second, "the VIP leaves with the demotion", func() bool { return len(tr.holders()) == 0 })
		})
		tr.settleAnyhow()
	})
	tr.Gone = ms(tr.held(tr.leader, false, tr.began).Sub(tr.began))
	if *tr.Two > 0 {
		tr.Errorf("two nodes had the VIP for %d ms", *tr.Two)
	}
}

func TestEtcdLostFailsafe(t *testing.T) {
	t.Parallel()
	tr := second.begin(t, "etcd without quorum, failsafe_mode on; etcd back")
	tr.failsafe()
	defer func() { tr.must(tr.lab.Cluster.Configure(tr.ctx, `{"failsafe_mode": false}`)) }()
	seen := false
	tr.survived(func() {
		tr.while(func() {
			tr.withoutQuorum(func() {
				until := time.Now().Add(25 * time.Second) // longer than the lock
				for time.Now().Before(until) {
					m, err := tr.leader.REST.Member(tr.ctx)
					seen = seen || err == nil && m.Failsafe
					time.Sleep(200 * time.Millisecond)
				}
			})
			tr.settleAnyhow()
			time.Sleep(2 * interval)
		})
	})
	if !seen {
		tr.Error("Patroni never was in failsafe mode")
	}
}

// failsafe turns Patroni's failsafe mode on, and waits until every member knows whom to ask.
func (tr *trial) failsafe() {
	tr.Helper()
	tr.must(tr.lab.Cluster.Configure(tr.ctx, `{"failsafe_mode": true}`))
	tr.eventually(30*time.Second, "failsafe_mode is on", func() bool {
		for _, n := range tr.lab.Nodes {
			if knows, err := n.REST.Failsafe(tr.ctx); err != nil || !knows {
				return false
			}
		}
		return true
	})
}

// A before_stop hook keeps PostgreSQL writable for as long as it runs, on a leader whose lock
// another node may take meanwhile.
func TestSlowStop(t *testing.T) {
	tr := short.begin(t, "leader cut off, its before_stop hook ends 5 s after the successor leads")
	from := tr.leader
	defer func() { tr.must(from.Patroni.HoldStop(false)) }()
	tr.while(func() {
		tr.must(from.Patroni.HoldStop(true))
		tr.must(from.Link.Partition()) // not from the clients
		tr.must(tr.lab.Cluster.Elected(tr.ctx, from))
		time.Sleep(5 * time.Second)
		tr.must(from.Patroni.HoldStop(false))
	})
	tr.succession()
	if *tr.Two > 0 {
		tr.Errorf("two nodes had the VIP for %d ms", *tr.Two)
	}
	late := 0
	changes := tr.recording.Figures().Changes
	for _, a := range tr.recording.Acks {
		if a.Node == from.Name && a.End.After(changes[0].Direct) {
			late++
		}
	}
	if late == 0 {
		tr.Error("the old PostgreSQL took no write when its successor led: the trial has shown nothing")
	}
	tr.note("the old PostgreSQL took %d writes at its own address when the successor led already, none through the VIP", late)
}
