package lab

import (
	"encoding/json"
	"slices"
	"testing"
)

func TestLeaderLock(t *testing.T) {
	var l LeaderLock
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
		l.record(lockEvent{revision: e.revision, node: e.node}, at(e.ms))
	}
	want := []LockChange{
		{At: at(0), Node: "n1"}, {At: at(300)}, {At: at(400), Node: "n2"}, {At: at(900), Node: "n1", Over: "n2"}, {At: at(1000)},
	}
	if got := l.Changes(); !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestWatchReply(t *testing.T) {
	const said = `{"result":{"events":[` +
		`{"kv":{"key":"L3NlcnZpY2U=","mod_revision":"7","value":"bjE="}},{"type":"DELETE","kv":{"key":"L3NlcnZpY2U=","mod_revision":"9"}}]}}`
	var r watchReply
	if err := json.Unmarshal([]byte(said), &r); err != nil {
		t.Fatal(err)
	}
	if got, want := r.events(), []lockEvent{{7, "n1"}, {9, ""}}; !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestWatchReplyV2(t *testing.T) {
	for said, want := range map[string]lockEvent{
		`{"action":"compareAndSwap","node":{"key":"/service/lab/leader","value":"n1","modifiedIndex":7,"ttl":20}}`: {7, "n1"},
		`{"action":"expire","node":{"key":"/service/lab/leader","modifiedIndex":9},"prevNode":{"value":"n1"}}`:     {9, ""},
	} {
		var r watchReplyV2
		if err := json.Unmarshal([]byte(said), &r); err != nil || r.event() != want {
			t.Errorf("%s: got %+v, %v, want %+v", said, r.event(), err, want)
		}
	}
	var r watchReplyV2
	if err := json.Unmarshal([]byte(`{"errorCode":401,"message":"The event in requested index is outdated and cleared","index":2007}`), &r); err != nil {
		t.Fatal(err)
	}
	if r.Code != indexCleared || r.Index != 2007 {
		t.Errorf("got %+v", r)
	}
}
