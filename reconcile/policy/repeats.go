package policy

import (
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"
)

// repeats counts what comes again and again, so that it is told once and then by its number:
// another mover of the address that puts it back each second would else fill the history with
// nothing else.
type repeats map[string]repeat

// repeat is one such thing.
type repeat struct {
	Since time.Time `json:"since"` // when it came first
	Last  Moment    `json:"last"`
	Times int       `json:"times"`          // it has come again since
	Told  int       `json:"told,omitempty"` // of these when it was told last
}

// repeatsWithin is how soon something must come again to be the same thing going on.
const repeatsWithin = time.Minute

// Count takes note of something that has just come, and returns the counts with it, whether it
// should be told, and its count in words: it is told when it comes first, and the 1st, 10th, 100th
// time again. What has stayed away is forgotten, unless its last count was never told.
func (rs repeats) Count(what string, now Moment, wall time.Time) (counted repeats, tell bool, words string) {
	counted = maps.Clone(rs)
	if counted == nil {
		counted = repeats{}
	}
	maps.DeleteFunc(counted, func(key string, r repeat) bool { return now.Sub(r.Last) > repeatsWithin && (key == what || !r.owed()) })
	r, again := counted[what]
	if !again {
		counted[what] = repeat{Since: wall, Last: now}
		return counted, true, ""
	}
	r.Times, r.Last = r.Times+1, now
	if tell = worthTelling(r.Times); tell {
		r.Told = r.Times
	}
	counted[what] = r
	return counted, tell, r.String()
}

// Without forgets what begins with one of the words: what was done in between makes it something
// new.
func (rs repeats) Without(words ...string) repeats {
	rest := maps.Clone(rs)
	for _, w := range words {
		maps.DeleteFunc(rest, func(key string, _ repeat) bool { return strings.HasPrefix(key, w+" ") })
	}
	return rest
}

// Ended takes out what has stayed away while a count of it is owed, and returns its key, "" where
// there is none.
func (rs repeats) Ended(now Moment) (rest repeats, key string, ended repeat) {
	for key, r := range rs {
		if now.Sub(r.Last) > repeatsWithin && r.owed() {
			rest = maps.Clone(rs)
			delete(rest, key)
			return rest, key, r
		}
	}
	return rs, "", repeat{}
}

// owed reports whether it came again after it was told.
func (r repeat) owed() bool { return r.Times > r.Told }

// GoesOn reports whether it still comes again and again.
func (r repeat) GoesOn(now Moment) bool { return r.Times > 0 && now.Sub(r.Last) <= repeatsWithin }

// String says how often, for people.
func (r repeat) String() string {
	times := fmt.Sprintf("%d times", r.Times)
	if r.Times == 1 {
		times = "once"
	}
	return fmt.Sprintf("again, %s since %s", times, r.Since.UTC().Format("15:04:05 UTC"))
}

// worthTelling reports whether a number is 1, 10, 100 and so on.
func worthTelling(times int) bool { return strings.TrimRight(strconv.Itoa(times), "0") == "1" }
