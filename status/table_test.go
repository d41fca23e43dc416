package status

import (
	"strings"
	"testing"
	"time"
)

// TestTickText: a timer that missed three ticks is asked about, one that may only be late is not.
func TestTickText(t *testing.T) {
	const interval = 2 * time.Second
	for ago, want := range map[time.Duration]bool{
		-1:                              true,
		0:                               false,
		MissedTicks*interval - 1:        false,
		MissedTicks * interval:          false,
		MissedTicks*interval + 1:        true,
		MissedTicks*interval + interval: true,
	} {
		words := tickText(ticks{ago: ago, interval: interval, runDir: "/run/vipctl"})
		if got := strings.Contains(words, "is the timer on?"); got != want {
			t.Errorf("%v ago: %q, want a question: %v", ago, words, want)
		}
	}
}
