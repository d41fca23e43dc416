package faults_test

import (
	"fmt"
	"testing"
	"time"
)

// configured changes the cluster's settings, and waits until the leader's lease is one that they
// make.
func (tr *trial) configured(patch, what string, lease func(seconds float64) bool) {
	tr.Helper()
	tr.must(tr.lab.Cluster.Configure(tr.ctx, patch))
	tr.eventually(time.Minute, what, func() bool {
		s, err := tr.leader.Vipctl.Status()
		return err == nil && s.VIPs[0].Lease != nil && lease(*s.VIPs[0].Lease)
	})
}

// A lease that was made of the old ttl would outlive the lock by 40 s.
func TestTTLLowered(t *testing.T) {
	t.Parallel()
	tr := second.begin(t, "ttl lowered from 60 s to 20 s, Patroni killed 5 s later")
	tr.except = tr.leader.Name
	tr.configured(`{"ttl": 60}`, "the lease is one of a ttl of 60 s", func(s float64) bool { return s > 40 })
	defer func() { tr.must(tr.lab.Cluster.Configure(tr.ctx, `{"ttl": 20}`)) }()
	tr.while(func() {
		tr.must(tr.lab.Cluster.Configure(tr.ctx, `{"ttl": 20}`))
		time.Sleep(5 * time.Second) // two loops of Patroni, and two ticks
		tr.leader.Patroni.Kill()
		tr.elected()
	})
	tr.diedByLease()
}

// With a loop_wait of half the ttl the lease lasts from one tick to the next, and leaves a
// hand-over no time.
func TestSwitchoverNoRoom(t *testing.T) {
	atMedian(t, func(t *testing.T) int64 {
		tr := short.begin(t, "switchover, a lease without room")
		tr.Settings = "20/10/5"
		to := tr.other()
		defer func() {
			tr.leader = to
			tr.configured(`{"loop_wait": 2, "retry_timeout": 3}`, "the lease has room again", func(s float64) bool { return s > 10 })
		}()
		tr.configured(`{"loop_wait": 10, "retry_timeout": 5}`, "the lease lasts from tick to tick", func(s float64) bool { return s <= 5 })
		tr.while(func() { tr.must(tr.lab.Cluster.Switchover(tr.ctx, to)) })
		tr.succeeded(to)
		tr.atMost("two holders", tr.Two, twoLimit)
		tr.atMost(fmt.Sprintf("outage of a client that flushes, to %s", to.Name), tr.Flush, again*outageLimit)
		return *tr.Outage
	})
}
