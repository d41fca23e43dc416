package sim

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// report is what came of a scenario.
type report struct {
	scenario Scenario
	bad      []string // what did not hold
	lived    time.Duration
	story    string
	outcome  map[string]int64
}

// simulate lets a cluster live through a scenario.
func simulate(t *testing.T, s Scenario) (r report) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(context.Background())
		w := newWorld(ctx, s)
		w.live()
		stop()
		w.mu.Lock()
		r = report{s, w.checks.bad, w.now(), w.tellStory(), w.metrics.outcome()}
		for _, n := range w.nodes { // whatever waits must end
			n.frozen.open()
			n.patroni.frozen.open()
		}
		w.mu.Unlock()
		w.actors.Wait()
	})
	return r
}

// shrink drops faults, and shortens none, as long as something does not hold.
func shrink(t *testing.T, r report) report {
	t.Helper()
	for i := 0; i < len(r.scenario.Faults); {
		fewer := r.scenario
		fewer.Faults = append(append([]Fault{}, fewer.Faults[:i]...), fewer.Faults[i+1:]...)
		if again := simulate(t, fewer); len(again.bad) > 0 {
			r = again
		} else {
			i++
		}
	}
	return r
}
