package main

import (
	"strings"
	"testing"
	"time"
)

// TestTickWords: a timer that missed three ticks is asked about, one that may only be late is not.
func TestTickWords(t *testing.T) {
	const interval = 2 * time.Second
	for ago, want := range map[time.Duration]bool{
		-1:                              true,
		0:                               false,
		missedTicks*interval - 1:        false,
		missedTicks * interval:          false,
		missedTicks*interval + 1:        true,
		missedTicks*interval + interval: true,
	} {
		words := tickWords(ago, interval, "/run/vipctl")
		if got := strings.Contains(words, "is the timer on?"); got != want {
			t.Errorf("%v ago: %q, want a question: %v", ago, words, want)
		}
	}
}
