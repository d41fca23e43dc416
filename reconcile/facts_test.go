package reconcile

import (
	"testing"
	"time"
)

func TestSummarize(t *testing.T) {
	says := func(name string, w Word, names string) PeerWord {
		return PeerWord{Peer: Peer{Name: name}, Word: w, Names: names}
	}
	no := Word{Answer: NotLeader}
	rest := Word{Answer: NotLeader, Paused: true}
	defaults := Timing{30 * time.Second, 10 * time.Second, 10 * time.Second}
	open := Word{Answer: NotLeader, Unlocked: true, SeenAt: now - time.Second}
	openRest := Word{Answer: NotLeader, Unlocked: true, Paused: true, SeenAt: now - time.Second}
	dim := Word{Answer: NotLeader, Unlocked: true, SeenAt: now - 20*time.Second}
	blind := Word{Answer: NotLeader, Unlocked: true, SeenAt: now - 20*time.Second - 1}
	failsafe := Word{Answer: NotLeader, Unlocked: true, Failsafe: true, SeenAt: now - time.Second}
	lead := Word{Answer: Leader, Timeline: 3}
	leadRest := Word{Answer: Leader, Paused: true}
	mute, other := Word{Answer: Silent}, Word{Answer: NotOurs}

	for name, c := range map[string]struct {
		words []PeerWord
		want  Poll
	}{
		"no peers":                        {nil, Poll{Result: PollSilent}},
		"silent":                          {[]PeerWord{says("n2", mute, ""), says("n3", other, "n2")}, Poll{Result: PollSilent}},
		"unasked is silent":               {[]PeerWord{says("n2", Word{}, "n3")}, Poll{Result: PollSilent}},
		"names us":                        {[]PeerWord{says("n2", no, "n1")}, Poll{Result: PollUs}},
		"both name us":                    {[]PeerWord{says("n2", no, "n1"), says("n3", no, "n1")}, Poll{Result: PollUs}},
		"one names us, one is silent":     {[]PeerWord{says("n2", mute, ""), says("n3", no, "n1")}, Poll{Result: PollUs}},
		"one names us, one cannot say":    {[]PeerWord{says("n2", no, "n1"), says("n3", no, "")}, Poll{Result: PollUnclear}},
		"cannot say":                      {[]PeerWord{says("n2", no, "")}, Poll{Result: PollUnclear}},
		"one names us, one sees no lock":  {[]PeerWord{says("n2", no, "n1"), says("n3", open, "")}, Poll{Result: PollUnclear}},
		"one sees no lock, one names us":  {[]PeerWord{says("n2", open, ""), says("n3", no, "n1")}, Poll{Result: PollUnclear}},
		"nobody":                          {[]PeerWord{says("n2", open, ""), says("n3", open, "")}, Poll{Result: PollNobody}},
		"unlocked, whomever it names":     {[]PeerWord{says("n2", open, "n1")}, Poll{Result: PollNobody}},
		"no view of the DCS for too long": {[]PeerWord{says("n2", blind, "")}, Poll{Result: PollUnclear}},
		"no view of the DCS ever":         {[]PeerWord{says("n2", Word{Answer: NotLeader, Unlocked: true}, "")}, Poll{Result: PollUnclear}},
		"a view that is just not too old": {[]PeerWord{says("n2", dim, "")}, Poll{Result: PollNobody}},
		"failsafe mode":                   {[]PeerWord{says("n2", failsafe, "")}, Poll{Result: PollUnclear}},
		"nobody, and one is silent":       {[]PeerWord{says("n2", open, ""), says("n3", mute, "")}, Poll{Result: PollNobody}},
		"another is named":                {[]PeerWord{says("n2", no, "n3")}, Poll{Result: PollNamed, Name: "n3"}},
		"another is named, and we":        {[]PeerWord{says("n2", no, "n3"), says("n4", no, "n1")}, Poll{Result: PollNamed, Name: "n3"}},
		"we, and another is named":        {[]PeerWord{says("n2", no, "n1"), says("n4", no, "n3")}, Poll{Result: PollNamed, Name: "n3"}},
		"another is named, and nobody":    {[]PeerWord{says("n2", no, "n3"), says("n4", open, "")}, Poll{Result: PollNamed, Name: "n3"}},
		"another leads":                   {[]PeerWord{says("n2", lead, "")}, Poll{Result: PollOther, Name: "n2", Word: lead}},
		"another leads, whoever is named": {[]PeerWord{says("n3", no, "n4"), says("n2", leadRest, "")}, Poll{Result: PollOther, Name: "n2", Word: leadRest, Paused: true}},
		"paused":                          {[]PeerWord{says("n2", rest, "n1"), says("n3", mute, "")}, Poll{Result: PollUs, Paused: true}},
		"paused, nobody":                  {[]PeerWord{says("n2", openRest, "")}, Poll{Result: PollNobody, Paused: true}},
		"paused, another is named":        {[]PeerWord{says("n2", rest, "n3")}, Poll{Result: PollNamed, Name: "n3", Paused: true}},
		"one denies the pause":            {[]PeerWord{says("n2", rest, "n1"), says("n3", no, "n1")}, Poll{Result: PollUs}},
	} {
		c.want.At = now
		if got := Summarize(c.words, "n1", now, defaults); got != c.want {
			t.Errorf("%s:\ngot  %+v\nwant %+v", name, got, c.want)
		}
	}
	nameless := Summarize([]PeerWord{says("n2", no, "")}, "", now, defaults)
	if nameless.Result != PollUnclear {
		t.Errorf("a member without a name is taken for the leader that nobody names: %+v", nameless)
	}
}

func TestElsewhere(t *testing.T) {
	for result, want := range map[Polled]bool{
		Unpolled: false, PollSilent: false, PollUnclear: false, PollNobody: false, PollUs: false, PollNamed: true, PollOther: true,
	} {
		if got := (Poll{Result: result}).elsewhere(); got != want {
			t.Errorf("%q: elsewhere %v, want %v", result, got, want)
		}
	}
}

func TestPresence(t *testing.T) {
	for here, want := range map[Presence]struct{ holder, missing bool }{
		PresenceNo: {false, true}, PresencePartly: {true, true}, PresenceYes: {true, false}, PresenceUnknown: {true, true},
	} {
		f := Facts{Sight: Sight{Here: here}}
		if f.holder() != want.holder || f.missing() != want.missing {
			t.Errorf("%s: holder %v, missing %v; want %+v", here, f.holder(), f.missing(), want)
		}
	}
}

func TestHandingOver(t *testing.T) {
	for name, c := range map[string]struct {
		facts Facts
		want  bool
	}{
		"under way":         {holder(handover(1)), true},
		"of an older claim": {holder(handover(0)), false},
		"none":              {holder(), false},
		"partly here":       {partly(handover(0)), true},
		"not here":          {absent(handover(0)), false},
	} {
		if got := c.facts.handingOver(); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestStale(t *testing.T) {
	for name, c := range map[string]struct {
		facts Facts
		want  bool
	}{
		"young":       {holder(leads(heard(0))), false},
		"2 s old":     {holder(denies(heard(2 * time.Second))), false},
		"older":       {holder(denies(heard(2*time.Second + 1))), true},
		"silence":     {holder(mute, func(f *Facts) { f.Word.At = 0 }), false},
		"not ours":    {holder(foreign, func(f *Facts) { f.Word.At = 0 }), false},
		"nobody asks": {holder(), false},
	} {
		if got := c.facts.outdated(); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
