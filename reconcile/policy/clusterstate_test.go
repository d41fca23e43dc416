package policy

import (
	"testing"
	"time"
)

// TestRemember tells one memory a story, word by word.
func TestRemember(t *testing.T) {
	word := func(a ReplyKind, at, seen int) PatroniReply {
		w := PatroniReply{Kind: a, At: SinceBoot(time.Duration(at) * time.Second), LastSeen: int64(seen)}
		if seen != 0 {
			w.SeenAt = SinceBoot(time.Duration(seen) * time.Second)
		}
		return w
	}
	var m ClusterState
	for _, step := range []struct {
		name    string
		word    PatroniReply
		last    int // when the last word was put
		leading int // when the last 200 was
		before  int // S before
		refused int // the first 503 of a row
	}{
		{"the first word", word(Leader, 10, 9), 10, 10, 0, 0},
		{"the same S", word(Leader, 12, 9), 12, 12, 0, 0},
		{"a new S", word(Leader, 20, 19), 20, 20, 9, 0},
		{"the same S again", word(Leader, 22, 19), 22, 22, 9, 0},
		{"silence", word(Silent, 24, 0), 22, 22, 9, 0},
		{"not ours", word(NotOurs, 24, 0), 22, 22, 9, 0},
		{"nothing", word(Unasked, 24, 0), 22, 22, 9, 0},
		{"an older word", word(NotLeader, 21, 18), 22, 22, 9, 0},
		{"one as old", word(Leader, 22, 20), 22, 22, 19, 0},
		{"a denial", word(NotLeader, 30, 20), 30, 22, 19, 30},
		{"another", word(NotLeader, 31, 30), 31, 22, 20, 30},
		{"silence in between", word(Silent, 32, 0), 31, 22, 20, 30},
		{"and another", word(NotLeader, 33, 30), 33, 22, 20, 30},
		{"leader again", word(Leader, 34, 30), 34, 34, 20, 0},
		{"a new rowCase of denials", word(NotLeader, 35, 30), 35, 34, 20, 35},
		{"S goes back", word(Leader, 36, 29), 36, 36, 30, 0},
	} {
		m.Remember(step.word)
		at := func(n int) Moment { return SinceBoot(time.Duration(n) * time.Second) }
		if m.Reply.At != at(step.last) || m.Leading.At != at(step.leading) || m.SeenBefore != at(step.before) || m.RefusedAt != at(step.refused) {
			t.Fatalf("%s: %+v, want %+v", step.name, m, step)
		}
	}
}

func TestParseRole(t *testing.T) {
	for text, want := range map[string]Role{
		"primary": rolePrimary, "master": rolePrimary, "promoted": rolePrimary, "replica": roleReplica, "demoted": roleDemoted,
		"standby_leader": roleStandbyLeader, "uninitialized": roleUninitialized, "unknown": roleUnknown,
		"": roleUnknown, "Primary": roleUnknown, "quorum_standby": roleUnknown,
	} {
		if got := ParseRole(text); got != want {
			t.Errorf("%q is %s, want %s", text, got, want)
		}
	}
}

func TestFollowWants(t *testing.T) {
	for f, wants := range map[Follow]map[Role]bool{
		followPrimary:       {rolePrimary: true},
		followLeader:        {rolePrimary: true, roleStandbyLeader: true},
		followStandbyLeader: {roleStandbyLeader: true},
	} {
		for _, r := range []Role{rolePrimary, roleStandbyLeader, roleReplica, roleDemoted, roleUninitialized, roleUnknown} {
			if got := f.Wants(r); got != wants[r] {
				t.Errorf("%s wants %s: %v", f, r, got)
			}
		}
	}
}
