package policy

import (
	"slices"
	"testing"
	"time"
)

func TestRepeats(t *testing.T) {
	began := time.Date(2026, 11, 26, 14, 3, 22, 0, time.UTC)
	var rs repeats
	var told []string
	at := now
	for i := range 1234 {
		at = now.Add(time.Duration(i) * 2 * time.Second)
		var tell bool
		var words string
		if rs, tell, words = rs.Count("claim address_missing", at, began.Add(at.Sub(now))); tell {
			told = append(told, words)
		}
	}
	want := []string{"", "again, once since 14:03:22 UTC", "again, 10 times since 14:03:22 UTC",
		"again, 100 times since 14:03:22 UTC", "again, 1000 times since 14:03:22 UTC"}
	if !slices.Equal(told, want) {
		t.Errorf("told %q, want %q", told, want)
	}
	if rs, tell, words := rs.Count("claim address_missing", at.Add(repeatsWithin), began); tell || words == "" || rs["claim address_missing"].Times != 1234 {
		t.Errorf("a minute later it is the same still: tell %v, %q, %v", tell, words, rs)
	}
	if r := (repeat{Last: at}); r.GoesOn(at) {
		t.Error("what came once goes on")
	}
	if r := rs["claim address_missing"]; !r.GoesOn(at.Add(repeatsWithin)) || r.GoesOn(at.Add(repeatsWithin).Add(1)) {
		t.Error("it goes on for a minute behind the last time")
	}
	if _, what, _ := rs.Ended(at.Add(repeatsWithin)); what != "" {
		t.Errorf("%q ended too soon", what)
	}
	rest, what, ended := rs.Ended(at.Add(repeatsWithin).Add(1))
	if what != "claim address_missing" || ended.String() != "again, 1233 times since 14:03:22 UTC" || len(rest) != 0 || len(rs) != 1 {
		t.Errorf("ended: %q, %v, left %v", what, ended, rest)
	}
	rs, tell, words := rs.Count("claim address_missing", at.Add(repeatsWithin).Add(1), began)
	if !tell || words != "" || rs["claim address_missing"].Times != 0 {
		t.Errorf("a minute later it is something new: tell %v, %q", tell, words)
	}
}

func TestRepeatsAreForgottenWhenNothingIsOwed(t *testing.T) {
	rs, _, _ := repeats(nil).Count("a", now, time.Time{})
	rs, _, _ = rs.Count("b", now.Add(time.Hour), time.Time{})
	if len(rs) != 1 {
		t.Errorf("%v", rs)
	}
}
