package status

import (
	"testing"
	"time"

	"github.com/vipctl/vipctl/reconcile/policy"
)

// TestStateWords: how far the last claim has come is told for each phase.
func TestStateWords(t *testing.T) {
	now := policy.SinceBoot(time.Hour)
	before := now.Add(-3 * time.Second)
	for phase, want := range map[policy.Phase]string{
		"":              "none known",
		policy.Claiming: "begun 3s ago and not finished",
		policy.Claimed:  "1h0m0s ago",
		policy.Released: "released 3s ago",
	} {
		s := policy.VIPState{Phase: phase, Claimed: policy.SinceBoot(0).Add(1), Changed: before}
		if got := (planText{now: now}).state(s); got != want {
			t.Errorf("%q: %q, want %q", phase, got, want)
		}
	}
}
