package policy

import (
	"testing"
	"time"
)

func TestTwoLeadersRows(t *testing.T) {
	again := Question{Patroni: true, Peers: true, After: time.Second}
	newer := func(w *PatroniReply) { w.LastSeen++ }
	stale := leads(seen(18 * time.Second))
	older := rival(func(w *PatroniReply) { w.LastSeen-- })
	checkRows(t, []rowCase{
		{name: "asks both again", facts: holder(stale, rival()), do: DoAsk, code: codeTwoLeaders, ask: again},
		{name: "asks both again, missing", facts: absent(stale, rival()), do: DoAsk, code: codeTwoLeaders, ask: again},
		{name: "it yields", facts: holder(stale, asked(2), older), do: DoKeep, code: codeTwoLeaders, why: "two leaders: n2 too, and it yields", until: now.Add(10 * time.Second)},
		{name: "it yields, missing", facts: absent(leads(), asked(2), older), do: DoKeep, code: codeTwoLeaders, why: "and it yields", until: now.Add(16 * time.Second)},
		{name: "it yields, partly here", facts: partly(leads(), asked(2), older), do: DoKeep, code: codeTwoLeaders, why: "and it yields", until: now.Add(16 * time.Second)},
		{name: "it yields, missing, and our lock may be over", facts: absent(stale, asked(2), older), do: doNothing, code: codeTwoLeaders, why: "and it yields"},
		{name: "it yields, missing, and we do not run", facts: absent(leads(state("starting")), asked(2), older), do: doNothing, code: codeTwoLeaders, why: "and it yields"},
		{name: "it yields, missing, in pause", facts: absent(leads(paused), asked(2), rival(paused, unlocked)), do: doNothing, code: codeTwoLeaders, why: "and it yields"},
		{name: "we yield", facts: holder(stale, asked(2), rival(newer)), do: DoRelease, code: codeTwoLeaders, why: "two leaders: n2 too, and we yield"},
		{name: "we yield, partly here", facts: partly(stale, asked(2), rival(newer)), do: DoRelease, code: codeTwoLeaders},
		{name: "we yield, missing", facts: absent(stale, asked(2), rival(newer)), do: doNothing, code: codeTwoLeaders, why: "and we yield"},
		{name: "it yields, in pause", facts: holder(leads(paused), asked(2), rival(paused, unlocked)), do: DoKeep, code: codeTwoLeaders, until: now.Add(16 * time.Second)},
		{name: "we yield, in pause", facts: holder(leads(paused, unlocked), asked(2), rival(paused)), do: DoRelease, code: codeTwoLeaders},
		{name: "it yields, and no lease is left", facts: holder(here(0), leads(seen(40*time.Second)), asked(2), older), do: DoRelease, code: codeTwoLeaders, why: "it yields, lease ended"},
		{name: "one that is only named does not count", facts: holder(stale, polled(pollNamed)), do: DoKeep, code: codeLeaderStale, why: "rolling", until: now.Add(10 * time.Second)},
	})
}

// TestExactlyOneYields puts every pair of leaders together and asks both.
func TestExactlyOneYields(t *testing.T) {
	kinds := func(name string) (words []PatroniReply) {
		for bits := range 16 {
			words = append(words, PatroniReply{
				Kind: Leader, Name: name, Paused: bits&1 != 0, Unlocked: bits&2 != 0,
				LastSeen: int64(100 + bits>>2&1), Timeline: 1 + bits>>3&1,
			})
		}
		return words
	}
	for _, a := range kinds("n1") {
		for _, b := range kinds("n2") {
			if yields(a, b, b.Name) == yields(b, a, a.Name) {
				t.Errorf("both or neither yield:\n%+v\n%+v", a, b)
			}
		}
	}
}

func TestWhoYields(t *testing.T) {
	base := PatroniReply{Kind: Leader, Name: "n1", LastSeen: 100, Timeline: 1}
	w := func(traits ...trait) PatroniReply {
		w := base
		for _, t := range traits {
			t(&w)
		}
		return w
	}
	late := func(w *PatroniReply) { w.LastSeen++ }
	unknown := func(w *PatroniReply) { w.Timeline = 0 }
	risen := func(w *PatroniReply) { w.Timeline++ }
	for name, c := range map[string]struct {
		we, peer PatroniReply
		want     bool
	}{
		"the higher name":                   {we: w(), peer: w(), want: false},
		"the lower timeline":                {we: w(), peer: w(risen), want: true},
		"the lower timeline, whatever S":    {we: w(late), peer: w(risen), want: true},
		"the higher timeline, whatever S":   {we: w(risen), peer: w(late), want: false},
		"the older S":                       {we: w(), peer: w(late), want: true},
		"the newer S stays":                 {we: w(late), peer: w(), want: false},
		"our timeline is not known: S":      {we: w(unknown, late), peer: w(), want: false},
		"its timeline is not known: S":      {we: w(), peer: w(unknown, late), want: true},
		"S counts before the lock":          {we: w(late, unlocked), peer: w(), want: false},
		"in pause the unlocked":             {we: w(paused, unlocked, late, risen), peer: w(paused), want: true},
		"in pause the locked stays":         {we: w(paused), peer: w(paused, unlocked, late, risen), want: false},
		"we alone paused":                   {we: w(paused, unlocked), peer: w(), want: true},
		"it alone paused":                   {we: w(), peer: w(paused, unlocked, late), want: false},
		"in pause S counts for nothing":     {we: w(paused), peer: w(paused, late), want: false},
		"in pause the lower timeline":       {we: w(paused, late), peer: w(paused, risen), want: true},
		"one alone paused: no S":            {we: w(), peer: w(paused, late), want: false},
		"we alone paused: no S":             {we: w(paused), peer: w(late), want: false},
		"both unlocked, in pause: timeline": {we: w(paused, unlocked, risen), peer: w(paused, unlocked), want: false},
	} {
		if got := yields(c.we, c.peer, "n2"); got != c.want {
			t.Errorf("%s: yields %v, want %v", name, got, c.want)
		}
	}
	if !yields(w(), w(), "n0") {
		t.Error("the higher name does not yield")
	}
	if yields(w(), w(), "n1") {
		t.Error("yields to itself")
	}
}
