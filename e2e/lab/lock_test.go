package lab

import (
	"slices"
	"strconv"
	"testing"
)

func TestLock(t *testing.T) {
	l := &Lab{watch: &watch{lock: make(map[int64]LockChange)}}
	for _, e := range []struct {
		revision int64
		node     string // "" for a deletion
		ms       int
	}{
		{5, "n1", 0}, {9, "n1", 100}, // refreshed
		{20, "n2", 400}, {15, "", 300}, // told by two etcds, out of order
		{20, "n2", 450},                 // told again by a slower one
		{30, "n1", 900}, {41, "", 1000}, // overwritten while n2 had it
	} {
		var event lockEvent
		event.KV.Revision, event.KV.Value = strconv.FormatInt(e.revision, 10), []byte(e.node)
		if got := l.watch.noteLock(event, at(e.ms)); got != e.revision {
			t.Errorf("revision %d, want %d", got, e.revision)
		}
	}
	want := []LockChange{
		{At: at(0), Node: "n1"}, {At: at(300)}, {At: at(400), Node: "n2"}, {At: at(900), Node: "n1", Over: "n2"}, {At: at(1000)},
	}
	if got := l.Lock(); !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
