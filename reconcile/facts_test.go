package reconcile

import (
	"testing"
	"time"
)

func TestSummarize(t *testing.T) {
	says := func(name string, w PatroniReply, names string) PeerReply {
		return PeerReply{Peer: Peer{Name: name}, Reply: w, Names: names}
	}
	no := PatroniReply{Kind: NotLeader}
	rest := PatroniReply{Kind: NotLeader, Paused: true}
	defaults := Timing{30 * time.Second, 10 * time.Second, 10 * time.Second}
	open := PatroniReply{Kind: NotLeader, Unlocked: true, SeenAt: now - time.Second}
	openRest := PatroniReply{Kind: NotLeader, Unlocked: true, Paused: true, SeenAt: now - time.Second}
	dim := PatroniReply{Kind: NotLeader, Unlocked: true, SeenAt: now - 20*time.Second}
	blind := PatroniReply{Kind: NotLeader, Unlocked: true, SeenAt: now - 20*time.Second - 1}
	failsafe := PatroniReply{Kind: NotLeader, Unlocked: true, Failsafe: true, SeenAt: now - time.Second}
	lead := PatroniReply{Kind: Leader, Timeline: 3}
	leadRest := PatroniReply{Kind: Leader, Paused: true}
	mute, other := PatroniReply{Kind: Silent}, PatroniReply{Kind: NotOurs}

	for name, c := range map[string]struct {
		words []PeerReply
		want  Poll
	}{
		"no peers":                        {nil, Poll{Result: PollSilent}},
		"silent":                          {[]PeerReply{says("n2", mute, ""), says("n3", other, "n2")}, Poll{Result: PollSilent}},
		"unasked is silent":               {[]PeerReply{says("n2", PatroniReply{}, "n3")}, Poll{Result: PollSilent}},
		"names us":                        {[]PeerReply{says("n2", no, "n1")}, Poll{Result: PollUs}},
		"both name us":                    {[]PeerReply{says("n2", no, "n1"), says("n3", no, "n1")}, Poll{Result: PollUs}},
		"one names us, one is silent":     {[]PeerReply{says("n2", mute, ""), says("n3", no, "n1")}, Poll{Result: PollUs}},
		"one names us, one cannot say":    {[]PeerReply{says("n2", no, "n1"), says("n3", no, "")}, Poll{Result: PollUnclear}},
		"cannot say":                      {[]PeerReply{says("n2", no, "")}, Poll{Result: PollUnclear}},
		"one names us, one sees no lock":  {[]PeerReply{says("n2", no, "n1"), says("n3", open, "")}, Poll{Result: PollUnclear}},
		"one sees no lock, one names us":  {[]PeerReply{says("n2", open, ""), says("n3", no, "n1")}, Poll{Result: PollUnclear}},
		"nobody":                          {[]PeerReply{says("n2", open, ""), says("n3", open, "")}, Poll{Result: PollNobody}},
		"unlocked, whomever it names":     {[]PeerReply{says("n2", open, "n1")}, Poll{Result: PollNobody}},
		"no view of the DCS for too long": {[]PeerReply{says("n2", blind, "")}, Poll{Result: PollUnclear}},
		"no view of the DCS ever":         {[]PeerReply{says("n2", PatroniReply{Kind: NotLeader, Unlocked: true}, "")}, Poll{Result: PollUnclear}},
		"a view that is just not too old": {[]PeerReply{says("n2", dim, "")}, Poll{Result: PollNobody}},
		"failsafe mode":                   {[]PeerReply{says("n2", failsafe, "")}, Poll{Result: PollUnclear}},
		"nobody, and one is silent":       {[]PeerReply{says("n2", open, ""), says("n3", mute, "")}, Poll{Result: PollNobody}},
		"another is named":                {[]PeerReply{says("n2", no, "n3")}, Poll{Result: PollNamed, Name: "n3"}},
		"another is named, and we":        {[]PeerReply{says("n2", no, "n3"), says("n4", no, "n1")}, Poll{Result: PollNamed, Name: "n3"}},
		"we, and another is named":        {[]PeerReply{says("n2", no, "n1"), says("n4", no, "n3")}, Poll{Result: PollNamed, Name: "n3"}},
		"another is named, and nobody":    {[]PeerReply{says("n2", no, "n3"), says("n4", open, "")}, Poll{Result: PollNamed, Name: "n3"}},
		"another leads":                   {[]PeerReply{says("n2", lead, "")}, Poll{Result: PollOther, Name: "n2", Reply: lead}},
		"another leads, whoever is named": {[]PeerReply{says("n3", no, "n4"), says("n2", leadRest, "")}, Poll{Result: PollOther, Name: "n2", Reply: leadRest, Paused: true}},
		"paused":                          {[]PeerReply{says("n2", rest, "n1"), says("n3", mute, "")}, Poll{Result: PollUs, Paused: true}},
		"paused, nobody":                  {[]PeerReply{says("n2", openRest, "")}, Poll{Result: PollNobody, Paused: true}},
		"paused, another is named":        {[]PeerReply{says("n2", rest, "n3")}, Poll{Result: PollNamed, Name: "n3", Paused: true}},
		"one denies the pause":            {[]PeerReply{says("n2", rest, "n1"), says("n3", no, "n1")}, Poll{Result: PollUs}},
	} {
		c.want.At = now
		if got := Summarize(c.words, "n1", now, defaults); got != c.want {
			t.Errorf("%s:\ngot  %+v\nwant %+v", name, got, c.want)
		}
	}
	nameless := Summarize([]PeerReply{says("n2", no, "")}, "", now, defaults)
	if nameless.Result != PollUnclear {
		t.Errorf("a member without a name is taken for the leader that nobody names: %+v", nameless)
	}
}

func TestElsewhere(t *testing.T) {
	for result, want := range map[PollResult]bool{
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
		f := Facts{Address: AddressState{Presence: here}}
		if f.MayBeHere() != want.holder || f.NotAsWanted() != want.missing {
			t.Errorf("%s: holder %v, missing %v; want %+v", here, f.MayBeHere(), f.NotAsWanted(), want)
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
		if got := c.facts.HandingOver(); got != c.want {
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
		"silence":     {holder(mute, func(f *Facts) { f.Reply.At = 0 }), false},
		"not ours":    {holder(foreign, func(f *Facts) { f.Reply.At = 0 }), false},
		"nobody asks": {holder(), false},
	} {
		if got := c.facts.Outdated(); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
