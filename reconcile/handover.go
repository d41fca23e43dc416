package reconcile

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/vipctl/vipctl/reconcile/policy"
)

// watchEvery is how often a PostgreSQL that was down is looked at while its address waits for the
// successor.
const watchEvery = 100 * time.Millisecond

// successorWatch waits, on a host whose PostgreSQL is down, for the host that has the address next.
type successorWatch struct {
	address Address
	patroni Patroni
	clock   Clock
}

// wait listens until another host, none of those in ignore, answers for the address, and returns
// its MAC. It returns "" at the budget's end, where ctx ends, and as soon as PostgreSQL might
// accept a write again. finished waits for what it has left running: a look at postmaster.pid on a
// slow disk.
func (w successorWatch) wait(ctx context.Context, ignore []policy.MAC, budget policy.Moment) (mac policy.MAC, finished func(), err error) {
	listening, stop := context.WithCancel(ctx)
	defer stop()
	var watching sync.WaitGroup
	watching.Go(func() { w.watchPostgreSQL(listening, budget, stop) })
	mac, err = w.address.AwaitSuccessor(listening, ignore)
	return mac, watching.Wait, err
}

// watchPostgreSQL stops the listening at the budget's end, or as soon as PostgreSQL might accept a
// write again.
func (w successorWatch) watchPostgreSQL(ctx context.Context, budget policy.Moment, stop func()) {
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, budget.Sub(w.clock.Now()))
	defer cancel()
	for w.clock.Now().Before(budget) && w.patroni.Postmaster(ctx) == policy.PGDown {
		if w.clock.Wait(ctx, min(watchEvery, budget.Sub(w.clock.Now()))) != nil {
			return
		}
	}
}

// handOverEnded says how a hand-over ended, for people.
func handOverEnded(mac policy.MAC, took time.Duration) string {
	if mac == "" {
		return fmt.Sprintf("nobody took over within %v", took.Round(time.Millisecond))
	}
	return fmt.Sprintf("%s took over after %v", mac, took.Round(time.Millisecond))
}
