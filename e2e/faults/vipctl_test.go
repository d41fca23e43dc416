package faults_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vipctl/vipctl/e2e/lab"
)

func TestTimerStoppedThenSwitchover(t *testing.T) {
	tr := short.begin(t, "timers stopped, then a switchover")
	for _, n := range tr.lab.Nodes {
		n.Timer.Stop()
	}
	to := tr.other()
	tr.while(func() {
		tr.must(tr.lab.Cluster.Switchover(tr.ctx, to))
		tr.alone(to, 6*time.Second)
	})
	tr.atMost("outage", tr.Outage, 5*outageLimit)
	tr.atMost("two holders", tr.Two, twoLimit)
}

// Without its timer nobody renews the lease: the VIP leaves a healthy primary. Status warns before
// that.
func TestTimerStoppedOnLeader(t *testing.T) {
	t.Parallel()
	tr := second.begin(t, "timer stopped on the leader")
	const words = "is the timer on?"
	warned := ""
	tr.while(func() {
		tr.leader.Timer.Stop()
		time.Sleep(4 * interval)
		text, err := tr.leader.Vipctl.Run("status")
		if !lab.FoundProblem(err) {
			tr.Errorf("status on a leader whose lease nobody renews: got %v, want exit code 1", err)
		}
		for line := range strings.Lines(text) {
			if strings.Contains(line, words) {
				warned = strings.TrimSpace(line)
			}
		}
		tr.eventually(25*time.Second, "the lease has ended", func() bool { return len(tr.holders()) == 0 })
		tr.leader.Timer.Start()
		tr.alone(tr.leader, 3*interval)
	})
	if warned == "" {
		tr.Errorf("status does not say %q", words)
	}
	tr.note("status said: %s", warned)
	tr.Gone = ms(tr.held(tr.leader, false, tr.began).Sub(tr.began))
}

func TestRunWiped(t *testing.T) {
	tr := short.begin(t, "/run wiped on the leader while REST does not answer once")
	tr.while(func() {
		tr.leader.Patroni.Freeze()
		tr.must(tr.leader.Vipctl.WipeRun())
		time.Sleep(interval + 300*time.Millisecond) // a tick, which asks for a second
		tr.leader.Thaw()
		time.Sleep(3 * interval)
	})
	tr.unmoved()
	tr.atMost("outage", tr.Outage, staysLimit)
}

// A release that cannot be written down is done all the same, and once.
func TestRunFull(t *testing.T) {
	t.Parallel()
	tr := third.begin(t, "/run full on the leader, then a switchover")
	from, to := tr.leader, tr.other()
	defer func() { tr.must(from.Vipctl.FillRun(false)) }()
	tr.must(from.Vipctl.FillRun(true))
	tr.while(func() {
		tr.must(tr.lab.Cluster.Switchover(tr.ctx, to))
		tr.alone(to, 6*time.Second)
		time.Sleep(3 * interval) // ticks that could do it again
	})
	tr.atMost("outage", tr.Outage, 5*outageLimit)
	tr.atMost("two holders", tr.Two, twoLimit)
	history, err := from.Vipctl.History()
	tr.must(err)
	released := slices.DeleteFunc(slices.Clone(history), func(e lab.Transition) bool {
		return e.At.Before(tr.began) || e.Do != "release" && e.Do != "hand_over"
	})
	if len(released) != 1 {
		tr.Errorf("%d releases of one address are in the history, want 1: %+v", len(released), history)
	}
}

// A Patroni that runs has read its configuration before somebody broke the file.
func TestPatroniYAMLBroken(t *testing.T) {
	t.Parallel()
	tr := third.begin(t, "patroni.yml broken on the leader for 25 s")
	tr.staysThrough(tr.leader.Patroni.BreakYAML)
}

// What is in the file does not count before Patroni has read it.
func TestPatroniYAMLAhead(t *testing.T) {
	t.Parallel()
	tr := third.begin(t, "another REST port in patroni.yml on the leader, Patroni not reloaded for 25 s")
	tr.staysThrough(tr.leader.Patroni.MoveREST)
}

// staysThrough changes the leader's patroni.yml for longer than a lease, while the VIP must stay,
// and takes that back.
func (tr *trial) staysThrough(change func(on bool) error) {
	tr.Helper()
	defer func() { tr.must(change(false)) }()
	tr.while(func() {
		tr.must(change(true))
		time.Sleep(25 * time.Second)
		tr.must(change(false))
		tr.ticked(tr.leader)
	})
	tr.unmoved()
	tr.atMost("outage", tr.Outage, besideLimit)
}

// vipctl does not remove a copy, and does not let the lease end because of it.
func TestCopy(t *testing.T) {
	t.Parallel()
	tr := third.begin(t, "a copy of the VIP on another link of the leader")
	const words = "also on lo"
	tr.while(func() {
		tr.must(tr.leader.Addresses.CopyVIP(true))
		time.Sleep(25 * time.Second) // longer than a lease
		if here, err := tr.leader.Addresses.HasVIP(); err != nil || !here {
			tr.Errorf("the VIP is gone from its own link, where a copy is on another (%v)", err)
		}
		if s, err := tr.leader.Vipctl.Status(); err != nil || !strings.Contains(s.VIPs[0].Reason, words) {
			tr.Errorf("status does not say %q: %+v (%v)", words, s, err)
		}
		tr.must(tr.leader.Addresses.CopyVIP(false))
		tr.ticked(tr.leader)
	})
	tr.unmoved()
	tr.atMost("outage", tr.Outage, besideLimit)
}

// Patroni kills a callback when the next one comes, and so may anybody at any instruction. The
// timer repairs it.
func TestCallbacksKilled(t *testing.T) {
	t.Parallel()
	tr := second.begin(t, "callbacks killed at random instants")
	seed := uint64(time.Now().UnixNano())
	t.Log("seed", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	killing, stop := context.WithCancel(tr.ctx)
	defer stop()
	count, err := lab.KillRuns(killing, tr.lab.Nodes, "callback", func() time.Duration { return killAfter(random) })
	if err != nil {
		t.Skip(err) // a kernel without CONFIG_PROC_EVENTS, or a container
	}
	var took []int64
	for range *killed {
		to := tr.other()
		tr.must(tr.lab.Cluster.Switchover(tr.ctx, to))
		led := time.Now()
		tr.alone(to, 2*interval+time.Second)
		took = append(took, time.Since(led).Milliseconds())
		tr.settle()
	}
	stop()
	tr.note("%d callbacks killed in %d switchovers; the VIP was right %d ms after the leader led at the median, %d ms at most",
		count.Load(), *killed, median(took), slices.Max(took))
	if count.Load() == 0 {
		t.Error("no callback was killed: the trial has shown nothing")
	}
	for range 2 { // a node whose last callback was cut short asks before it believes the next one
		tr.must(tr.lab.Cluster.Switchover(tr.ctx, tr.other()))
		tr.settle()
	}
}

// A host that was given the VIP by mistake answers for it whatever vipctl does.
func TestConflict(t *testing.T) {
	t.Parallel()
	tr := second.begin(t, "VIP also on a host that is no member")
	mac, leave, err := tr.lab.Switch.PlugStranger(tr.lab.VIP)
	tr.must(err)
	defer func() { tr.must(leave()) }()
	to := tr.other()
	began := time.Now()
	tr.must(tr.lab.Cluster.Switchover(tr.ctx, to))
	tr.alone(to, 3*interval)
	tr.eventually(20*time.Second, "status names the other host", func() bool {
		s, err := to.Vipctl.Status()
		return err == nil && len(s.VIPs) == 1 && s.VIPs[0].Conflict != nil && s.VIPs[0].Conflict.MAC == mac
	})
	named := time.Since(began)
	history, err := to.Vipctl.History()
	tr.must(err)
	i := slices.IndexFunc(history, func(e lab.Transition) bool { return e.Code == "conflict" && strings.Contains(e.Reason, mac) })
	if i < 0 {
		t.Fatalf("no conflict with %s in the history: %+v", mac, history)
	}
	tr.note("the conflict was in status and history %.1f s after the switchover", named.Seconds())
	tr.alone(to, 0)
}
