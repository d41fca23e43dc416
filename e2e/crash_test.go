package e2e

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/vipctl/vipctl/e2e/lab"
)

// unplanned lets the fault happen to the leader's node while clients write, and waits until another
// node leads and has the VIP. It returns the node that led, and what the clients saw.
func unplanned(t *testing.T, fault func(ctx context.Context, l *lab.Lab, leader *lab.Node) error) (*lab.Node, *lab.Recording) {
	t.Helper()
	ctx, l := cluster(t)
	from, _ := leaderAndOther(t, ctx, l)
	began := time.Now()
	var to *lab.Node
	r := while(t, ctx, l, func() {
		must(t, fault(ctx, l, from))
		must(t, l.Cluster.Elected(ctx, from))
		to, _ = leaderAndOther(t, ctx, l)
		eventually(t, 10*time.Second, "the new leader alone has the VIP", func() bool {
			holders, err := l.Holders.Now()
			must(t, err)
			return slices.Equal(holders, []string{to.Name})
		})
	})
	noDeposedWrites(t, l, r)
	onlyHolder(t, l, to)
	near(t, explained(t, to, began, []string{"claim"}, claimCodes), moment(t, l, to, true, began))
	settle(t, ctx, l)
	return from, r
}

// dead is a fault after which the old node's PostgreSQL may be alive, or nobody there can tell: its
// VIP must be gone before the new leader has it, and its history must say why.
func dead(t *testing.T, fault func(ctx context.Context, l *lab.Lab, leader *lab.Node) error) {
	t.Helper()
	from, r := unplanned(t, fault)
	goneFirst(t, from, r.From)
	explained(t, from, r.From, []string{"release", "hand_over"}, releaseCodes)
}

// goneFirst checks that the VIP left the node before any other had it. Two other nodes may both
// have it for a moment later on. That is a hand-over: the first that was elected gave up, and
// another followed.
func goneFirst(t *testing.T, from *lab.Node, since time.Time) {
	t.Helper()
	_, l := cluster(t)
	gone := moment(t, l, from, false, since)
	for _, h := range l.Holders.Changes() {
		if h.Node != from.Name && h.Has && h.At.After(since) && h.At.Before(gone) {
			t.Errorf("%s had the VIP %v before it left %s", h.Node, gone.Sub(h.At), from.Name)
		}
	}
}

func TestCrash(t *testing.T) {
	dead(t, func(_ context.Context, _ *lab.Lab, leader *lab.Node) error { return leader.Crash() })
}

// A frozen node's kernel goes on answering for the address: only the end of its lifetime takes it
// away.
func TestFreeze(t *testing.T) {
	dead(t, func(_ context.Context, _ *lab.Lab, leader *lab.Node) error { leader.FreezeAll(); return nil })
}

func TestCablePulled(t *testing.T) {
	dead(t, func(_ context.Context, _ *lab.Lab, leader *lab.Node) error { return leader.Link.Pull() })
}

// Patroni dead, PostgreSQL alive: the old primary takes writes until it is stopped, but not through
// the VIP.
func TestPatroniKilled(t *testing.T) {
	dead(t, func(_ context.Context, _ *lab.Lab, leader *lab.Node) error { leader.Patroni.Kill(); return nil })
}

// The old leader still reaches the clients, and neither etcd nor the other nodes.
func TestPartition(t *testing.T) {
	unplanned(t, func(_ context.Context, _ *lab.Lab, leader *lab.Node) error { return leader.Link.Partition() })
}

func TestEtcdLost(t *testing.T) {
	unplanned(t, func(_ context.Context, _ *lab.Lab, leader *lab.Node) error { return leader.Link.DropEtcd() })
}

func TestPowerOff(t *testing.T) {
	from, r := unplanned(t, func(_ context.Context, _ *lab.Lab, leader *lab.Node) error { return leader.PowerOff() })
	goneFirst(t, from, r.From)
}

// Patroni kills a callback when the next one comes, and so may anybody at any instruction. The
// timer repairs it.
func TestKilledCallbacks(t *testing.T) {
	ctx, l := cluster(t)
	seed := uint64(time.Now().UnixNano())
	t.Log("seed", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	killing, stop := context.WithCancel(ctx)
	defer stop()
	killed, err := lab.KillRuns(killing, l.Nodes, "callback", func() time.Duration {
		return time.Duration(random.Int64N(int64(15 * time.Millisecond)))
	})
	if err != nil {
		t.Skip(err) // a kernel without CONFIG_PROC_EVENTS, or a container
	}
	for range 4 {
		_, to := leaderAndOther(t, ctx, l)
		r := while(t, ctx, l, func() { must(t, l.Cluster.Switchover(ctx, to)) })
		noDeposedWrites(t, l, r)
		settle(t, ctx, l)
		onlyHolder(t, l, to)
	}
	stop()
	t.Logf("%d callbacks were killed under way", killed.Load())
	if killed.Load() == 0 {
		t.Error("no callback was killed: the test has tested nothing")
	}
}
