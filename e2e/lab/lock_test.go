package lab

import (
	"encoding/json"
	"reflect"
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

func TestLockV2(t *testing.T) {
	for said, want := range map[string]lockEvent{
		`{"action":"compareAndSwap","node":{"key":"/service/lab/leader","value":"n1","modifiedIndex":7,"ttl":20}}`: v2Event("n1", "7"),
		`{"action":"expire","node":{"key":"/service/lab/leader","modifiedIndex":9},"prevNode":{"value":"n1"}}`:     v2Event("", "9"),
	} {
		var a lockAnswerV2
		if err := json.Unmarshal([]byte(said), &a); err != nil || !reflect.DeepEqual(a.event(), want) {
			t.Errorf("%s: got %+v, %v, want %+v", said, a.event(), err, want)
		}
	}
	var a lockAnswerV2
	if err := json.Unmarshal([]byte(`{"errorCode":401,"message":"The event in requested index is outdated and cleared","index":2007}`), &a); err != nil {
		t.Fatal(err)
	}
	if a.Code != indexCleared || a.Index != 2007 {
		t.Errorf("got %+v", a)
	}
}

func v2Event(node, revision string) (e lockEvent) {
	e.KV.Value, e.KV.Revision = []byte(node), revision
	return e
}
