package policy

import (
	"testing"
	"time"
)

func TestProbeDue(t *testing.T) {
	for name, c := range map[string]struct {
		note VIPState
		want bool
	}{
		"never claimed":    {VIPState{}, false},
		"claimed 10 s ago": {VIPState{Claimed: now - 10*time.Second}, true},
		"claimed just now": {VIPState{Claimed: now - 10*time.Second + 1}, false},
		"probed just now":  {VIPState{Claimed: now - time.Hour, Probed: now}, true},
		"a conflict":       {VIPState{Claimed: now - 9*time.Second, Answering: []MAC{"a"}}, false},
	} {
		if got := c.note.ProbeDue(now); got != c.want {
			t.Errorf("%s: due %v, want %v", name, got, c.want)
		}
	}
}
