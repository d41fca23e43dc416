package sim

import (
	"fmt"
	"strings"
	"time"
)

// event is a line of the story.
type event struct {
	at   time.Duration
	what string
}

// tell adds to the story. The world is locked.
func (w *world) tell(format string, args ...any) {
	w.story = append(w.story, event{w.now(), fmt.Sprintf(format, args...)})
}

// tellStory is the story so far, a line each.
func (w *world) tellStory() string {
	var b strings.Builder
	for _, e := range w.story {
		fmt.Fprintf(&b, "%10.4f s: %s\n", e.at.Seconds(), e.what)
	}
	return b.String()
}
