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
		"claimed 10 s ago": {VIPState{Phase: Claimed, Claimed: now.Add(-10 * time.Second)}, true},
		"claimed just now": {VIPState{Phase: Claimed, Claimed: now.Add(-10 * time.Second).Add(1)}, false},
		"probed just now":  {VIPState{Phase: Claimed, Claimed: now.Add(-time.Hour), Probed: now}, true},
		"a conflict":       {VIPState{Phase: Claimed, Claimed: now.Add(-9 * time.Second), Answering: []MAC{"a"}}, false},
	} {
		if got := c.note.ProbeDue(now); got != c.want {
			t.Errorf("%s: due %v, want %v", name, got, c.want)
		}
	}
}

func TestAnnounceDue(t *testing.T) {
	const refresh, interval = time.Minute, 2 * time.Second
	stranger := []MAC{"02:00:00:00:00:02"}
	for name, c := range map[string]struct {
		state VIPState
		want  bool
	}{
		"claimed just now":                {VIPState{Phase: Claimed, Claimed: now.Add(-10 * time.Second).Add(1), Announced: now}, true},
		"claimed 10 s ago":                {VIPState{Phase: Claimed, Claimed: now.Add(-10 * time.Second), Announced: now.Add(-30 * time.Second)}, false},
		"announced a minute ago":          {VIPState{Phase: Claimed, Claimed: now.Add(-time.Hour), Announced: now.Add(-refresh)}, true},
		"announced less than that ago":    {VIPState{Phase: Claimed, Claimed: now.Add(-time.Hour), Announced: now.Add(-refresh).Add(1)}, false},
		"contested":                       {VIPState{Phase: Claimed, Claimed: now.Add(-time.Hour), Announced: now.Add(-time.Second), Answering: stranger}, true},
		"contested, announced just now":   {VIPState{Phase: Claimed, Claimed: now.Add(-time.Hour), Announced: now.Add(-time.Second).Add(1), Answering: stranger}, false},
		"nobody answers, half a tick ago": {VIPState{Phase: Claimed, Claimed: now.Add(-time.Hour), Announced: now.Add(-time.Second)}, false},
	} {
		if got := c.state.AnnounceDue(now, refresh, interval); got != c.want {
			t.Errorf("%s: due %v, want %v", name, got, c.want)
		}
	}
}
