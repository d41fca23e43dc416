package e2e

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/vipctl/vipctl/e2e/lab"
)

// unplanned lets the fault happen to the leader's node while clients write, and waits until another node leads. The
// VIP must be gone from the old one before the new one has it.
func unplanned(t *testing.T, fault func(l *lab.Lab, leader *lab.Node)) {
	t.Helper()
	ctx, l := cluster(t)
	from, _ := leaderAndOther(t, ctx, l)
	began := time.Now()
	var to *lab.Node
	r := while(t, ctx, l, func() {
		fault(l, from)
		must(t, l.Elected(ctx, from))
		to, _ = leaderAndOther(t, ctx, l)
		eventually(t, 5*time.Second, "the new leader has the VIP", func() bool {
			holders, err := l.Holders()
			must(t, err)
			return len(holders) == 1 && holders[0] == to.Name
		})
	})
	if f := noDeposedWrites(t, r); f.Two > 0 {
		t.Errorf("two nodes had the VIP for %v", f.Two)
	}
	onlyHolder(t, l, to)
	claimed := moment(t, l, to, true, began)
	near(t, explained(t, to, began, []string{"claim"}, claimCodes), claimed)
	if gone := moment(t, l, from, false, began); gone.After(claimed) {
		t.Errorf("the old node had the VIP for %v after the new one", gone.Sub(claimed))
	}
	settle(t, ctx, l)
	explained(t, from, began, []string{"release", "hand_over"}, releaseCodes)
}

func TestCrash(t *testing.T) {
	unplanned(t, func(_ *lab.Lab, leader *lab.Node) { must(t, leader.Crash()) })
}

// A frozen node's kernel goes on answering for the address: only the end of its lifetime takes it away.
func TestFreeze(t *testing.T) {
	unplanned(t, func(_ *lab.Lab, leader *lab.Node) { leader.FreezeAll() })
}

func TestCablePulled(t *testing.T) {
	unplanned(t, func(l *lab.Lab, leader *lab.Node) { must(t, l.PullCable(leader)) })
}

// Patroni dead, PostgreSQL alive: the old primary takes writes until it is stopped, but not through the VIP.
func TestPatroniKilled(t *testing.T) {
	unplanned(t, func(_ *lab.Lab, leader *lab.Node) { leader.KillPatroni() })
}

// Patroni kills a callback when the next one comes, and so may anybody at any instruction. The timer repairs it.
func TestKilledCallbacks(t *testing.T) {
	ctx, l := cluster(t)
	seed := uint64(time.Now().UnixNano())
	t.Log("seed", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	killed, err := l.KillRuns(ctx, "callback", func() time.Duration {
		return time.Duration(random.Int64N(int64(15 * time.Millisecond)))
	})
	if err != nil {
		t.Skip(err) // a kernel without CONFIG_PROC_EVENTS, or a container
	}
	for range 4 {
		_, to := leaderAndOther(t, ctx, l)
		r := while(t, ctx, l, func() { must(t, l.Switchover(ctx, to)) })
		noDeposedWrites(t, r)
		settle(t, ctx, l)
		onlyHolder(t, l, to)
	}
	t.Logf("%d callbacks were killed under way", killed.Load())
	if killed.Load() == 0 {
		t.Error("no callback was killed: the test has tested nothing")
	}
}
