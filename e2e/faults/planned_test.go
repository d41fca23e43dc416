package faults_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/vipctl/vipctl/e2e/lab"
)

const (
	outageLimit = 20 * time.Millisecond
	// again is how often a trial is made whose outage must stay below outageLimit: a single figure
	// is accurate to some 20 ms.
	again    = 3
	twoLimit = 300 * time.Millisecond
)

// median of at least one figure.
func median(all []int64) int64 {
	all = slices.Sorted(slices.Values(all))
	return (all[(len(all)-1)/2] + all[len(all)/2]) / 2
}

func TestSwitchover(t *testing.T) {
	var outages, flushes, failures, flushFailures []int64
	for i := range *switchovers {
		ok := t.Run(fmt.Sprint(i+1), func(t *testing.T) {
			tr := short.begin(t, fmt.Sprintf("switchover %d", i+1))
			to := tr.other()
			tr.while(func() { tr.must(tr.lab.Cluster.Switchover(tr.ctx, to)) })
			tr.succeeded(to)
			tr.atMost("two holders", tr.Two, twoLimit)
			outages, flushes = append(outages, *tr.Outage), append(flushes, *tr.Flush)
			failures, flushFailures = append(failures, tr.failed(lab.ViaVIP)), append(flushFailures, tr.failed(lab.ViaFlush))
		})
		if !ok {
			t.FailNow()
		}
	}
	if len(outages) == 0 {
		t.Fatal("no switchover took place")
	}
	t.Logf("outage at the median %d ms of %v; a client that flushes %d ms of %v; failures %d and %d", median(outages), outages,
		median(flushes), flushes, sum(failures), sum(flushFailures))
	if m := median(outages); m > loosened(outageLimit).Milliseconds() {
		t.Errorf("outage: %d ms at the median, want %v at most", m, outageLimit)
	}
	if m := median(flushes); m > loosened(outageLimit).Milliseconds() {
		t.Errorf("outage of a client that flushes: %d ms at the median, want %v at most", m, outageLimit)
	}
	// Both try every 10 ms; their clocks differ.
	if a, b := sum(failures), sum(flushFailures); b > a+a/10+10 {
		t.Errorf("a client that flushes saw %d failures, one that does not %d", b, a)
	}
}

// atMedian makes a trial some times, one after the other, and checks the outage.
func atMedian(t *testing.T, trial func(t *testing.T) (outage int64)) {
	t.Helper()
	var outages []int64
	for i := range again {
		if !t.Run(fmt.Sprint(i+1), func(t *testing.T) { outages = append(outages, trial(t)) }) {
			t.FailNow()
		}
	}
	if m := median(outages); m > loosened(outageLimit).Milliseconds() {
		t.Errorf("outage: %d ms at the median of %v, want %v at most", m, outages, outageLimit)
	}
}

func sum(all []int64) (s int64) {
	for _, n := range all {
		s += n
	}
	return s
}

// failed counts the failed attempts of a writer.
func (tr *trial) failed(target string) (n int64) {
	for _, f := range tr.recording.Failures {
		if f.Target == target {
			n++
		}
	}
	return n
}

// succeeded checks the end of a planned move: the successor has the VIP alone, and no acknowledged
// write is lost.
func (tr *trial) succeeded(to *lab.Node) {
	tr.Helper()
	tr.alone(to, 5*time.Second)
	if n := tr.lost(time.Time{}); n > 0 {
		tr.Errorf("%d acknowledged writes are lost", n)
	}
}

// With an archive_command that is behind, Patroni gives the lock away long before PostgreSQL has
// ended and on_stop comes.
func TestSwitchoverSlowArchiver(t *testing.T) {
	atMedian(t, func(t *testing.T) int64 {
		tr := short.begin(t, "switchover, archive_command takes 6 s")
		tr.archiveCommand("sleep 6")
		defer tr.archiveCommand("/bin/true")
		to := tr.other()
		tr.while(func() { tr.switchWithSegmentsToArchive(to) })
		tr.succeeded(to)
		tr.atMost("two holders", tr.Two, interval+twoLimit)
		tr.refusing(to)
		return *tr.Outage
	})
}

func (tr *trial) switchWithSegmentsToArchive(to *lab.Node) {
	tr.Helper()
	for range 2 {
		_, err := tr.leader.Postgres.Query(tr.ctx, "SELECT pg_switch_wal()")
		tr.must(err)
		_, err = tr.leader.Postgres.Query(tr.ctx, "CHECKPOINT")
		tr.must(err)
	}
	tr.must(tr.lab.Cluster.Switchover(tr.ctx, to))
	tr.alone(to, 15*time.Second)
	tr.replicates(tr.leader, time.Minute) // when it has archived and ended
}

// replicates waits until the node is a replica that runs.
func (tr *trial) replicates(n *lab.Node, limit time.Duration) {
	tr.Helper()
	tr.eventually(limit, n.Name+" is a replica", func() bool {
		m, err := n.REST.Member(tr.ctx)
		return err == nil && m.Role == "replica" && m.State == "running"
	})
}

// archiveCommand changes the cluster's archive_command and waits until the leader has it.
func (tr *trial) archiveCommand(command string) {
	tr.Helper()
	tr.must(tr.lab.Cluster.Configure(tr.ctx, fmt.Sprintf(`{"postgresql": {"parameters": {"archive_command": %q}}}`, command)))
	tr.eventually(20*time.Second, "the leader has the archive_command", func() bool {
		leader, err := tr.lab.Cluster.Leader(tr.ctx)
		if err != nil || leader == nil {
			return false
		}
		rows, err := leader.Postgres.Query(tr.ctx, "SHOW archive_command")
		return err == nil && rows[0][0] == command
	})
}

// refusing checks that the old PostgreSQL took no write, at whatever address, while both nodes had
// the VIP.
func (tr *trial) refusing(to *lab.Node) {
	tr.Helper()
	came, gone := tr.held(to, true, tr.began), tr.held(tr.leader, false, tr.began)
	tr.Gone = ms(gone.Sub(tr.began))
	for _, a := range tr.recording.Acks {
		if a.Node == tr.leader.Name && a.Start.After(came) && a.Start.Before(gone) {
			tr.Errorf("the old PostgreSQL took a write when both nodes had the VIP: %+v", a)
			return
		}
	}
}

func TestPatroniStopped(t *testing.T) {
	atMedian(t, func(t *testing.T) int64 {
		tr := short.begin(t, "Patroni stopped (SIGTERM)")
		tr.while(func() {
			tr.must(tr.leader.Patroni.Stop(tr.ctx))
			tr.elected()
		})
		tr.atMost("two holders", tr.Two, twoLimit)
		tr.settle()
		tr.succeeded(tr.leader)
		return *tr.Outage
	})
}

func TestRestart(t *testing.T) {
	tr := short.begin(t, "patronictl restart of the leader")
	tr.while(func() { tr.must(tr.leader.REST.Restart(tr.ctx)) })
	tr.unmoved()
	tr.atMost("outage", tr.Outage, 50*time.Millisecond)
}

func TestReload(t *testing.T) {
	tr := short.begin(t, "patronictl reload of the leader")
	tr.while(func() {
		tr.must(tr.leader.REST.Reload(tr.ctx))
		time.Sleep(5 * time.Second) // Patroni's next loop, and a callback
	})
	tr.unmoved()
	tr.atMost("outage", tr.Outage, 50*time.Millisecond)
}

// An address with a prefix of its own that comes first in its subnet would take the host's own one
// with it.
func TestPrefix(t *testing.T) {
	t.Parallel()
	tr := second.begin(t, "VIP /24 before the host's own address")
	from := tr.leader
	defer func() { tr.must(from.Vipctl.SetPrefix("")) }()
	tr.must(from.Vipctl.SetPrefix("/24"))
	tr.must(from.Addresses.DeleteVIP())
	tr.alone(from, 3*interval)
	tr.must(from.Addresses.OwnLast())
	own := func(when string) {
		tr.Helper()
		if has, err := from.Addresses.HasOwn(); err != nil || !has {
			tr.Errorf("%s: the host's own address is gone (%v)", when, err)
		}
	}
	from.Timer.Stop()
	tr.eventually(25*time.Second, "the lease has ended", func() bool { return len(tr.holders()) == 0 })
	own("expired")
	from.Timer.Start()
	tr.alone(from, 3*interval)
	tr.must(from.Addresses.OwnLast())
	to := tr.other()
	tr.must(tr.lab.Cluster.Switchover(tr.ctx, to))
	tr.alone(to, 3*interval)
	own("released")
}
