package policy

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
	cluster := ClusterState{Timing: Timing{30 * time.Second, 10 * time.Second, 10 * time.Second}}
	open := PatroniReply{Kind: NotLeader, Unlocked: true, SeenAt: now.Add(-time.Second)}
	openRest := PatroniReply{Kind: NotLeader, Unlocked: true, Paused: true, SeenAt: now.Add(-time.Second)}
	dim := PatroniReply{Kind: NotLeader, Unlocked: true, SeenAt: now.Add(-20 * time.Second)}
	blind := PatroniReply{Kind: NotLeader, Unlocked: true, SeenAt: now.Add(-20 * time.Second).Add(-1)}
	failsafe := PatroniReply{Kind: NotLeader, Unlocked: true, Failsafe: true, SeenAt: now.Add(-time.Second)}
	lead := PatroniReply{Kind: Leader, Timeline: 3}
	leadRest := PatroniReply{Kind: Leader, Paused: true}
	mute, other := PatroniReply{Kind: Silent}, PatroniReply{Kind: NotOurs}

	for name, c := range map[string]struct {
		words []PeerReply
		want  Poll
	}{
		"no peers":                        {nil, Poll{result: pollSilent}},
		"silent":                          {[]PeerReply{says("n2", mute, ""), says("n3", other, "n2")}, Poll{result: pollSilent}},
		"unasked is silent":               {[]PeerReply{says("n2", PatroniReply{}, "n3")}, Poll{result: pollSilent}},
		"names us":                        {[]PeerReply{says("n2", no, "n1")}, Poll{result: pollUs}},
		"both name us":                    {[]PeerReply{says("n2", no, "n1"), says("n3", no, "n1")}, Poll{result: pollUs}},
		"one names us, one is silent":     {[]PeerReply{says("n2", mute, ""), says("n3", no, "n1")}, Poll{result: pollUs}},
		"one names us, one cannot say":    {[]PeerReply{says("n2", no, "n1"), says("n3", no, "")}, Poll{result: pollUnclear}},
		"cannot say":                      {[]PeerReply{says("n2", no, "")}, Poll{result: pollUnclear}},
		"one names us, one sees no lock":  {[]PeerReply{says("n2", no, "n1"), says("n3", open, "")}, Poll{result: pollUnclear}},
		"one sees no lock, one names us":  {[]PeerReply{says("n2", open, ""), says("n3", no, "n1")}, Poll{result: pollUnclear}},
		"nobody":                          {[]PeerReply{says("n2", open, ""), says("n3", open, "")}, Poll{result: pollNobody}},
		"unlocked, whomever it names":     {[]PeerReply{says("n2", open, "n1")}, Poll{result: pollNobody}},
		"no view of the DCS for too long": {[]PeerReply{says("n2", blind, "")}, Poll{result: pollUnclear}},
		"one names us, one is blind":      {[]PeerReply{says("n2", blind, ""), says("n3", no, "n1")}, Poll{result: pollUs}},
		"one sees no lock, one is blind":  {[]PeerReply{says("n2", open, ""), says("n3", blind, "")}, Poll{result: pollNobody}},
		"one cannot say, one is blind":    {[]PeerReply{says("n2", no, ""), says("n3", failsafe, "")}, Poll{result: pollUnclear}},
		"no view of the DCS ever":         {[]PeerReply{says("n2", PatroniReply{Kind: NotLeader, Unlocked: true}, "")}, Poll{result: pollUnclear}},
		"a view that is just not too old": {[]PeerReply{says("n2", dim, "")}, Poll{result: pollNobody}},
		"failsafe mode":                   {[]PeerReply{says("n2", failsafe, "")}, Poll{result: pollUnclear}},
		"nobody, and one is silent":       {[]PeerReply{says("n2", open, ""), says("n3", mute, "")}, Poll{result: pollNobody}},
		"another is named":                {[]PeerReply{says("n2", no, "n3")}, Poll{result: pollNamed, Name: "n3"}},
		"another is named, and we":        {[]PeerReply{says("n2", no, "n3"), says("n4", no, "n1")}, Poll{result: pollNamed, Name: "n3"}},
		"we, and another is named":        {[]PeerReply{says("n2", no, "n1"), says("n4", no, "n3")}, Poll{result: pollNamed, Name: "n3"}},
		"another is named, and nobody":    {[]PeerReply{says("n2", no, "n3"), says("n4", open, "")}, Poll{result: pollNamed, Name: "n3"}},
		"another leads":                   {[]PeerReply{says("n2", lead, "")}, Poll{result: pollOther, Name: "n2", Reply: lead}},
		"another leads, whoever is named": {[]PeerReply{says("n3", no, "n4"), says("n2", leadRest, "")}, Poll{result: pollOther, Name: "n2", Reply: leadRest, Paused: true}},
		"paused":                          {[]PeerReply{says("n2", rest, "n1"), says("n3", mute, "")}, Poll{result: pollUs, Paused: true}},
		"paused, nobody":                  {[]PeerReply{says("n2", openRest, "")}, Poll{result: pollNobody, Paused: true}},
		"paused, another is named":        {[]PeerReply{says("n2", rest, "n3")}, Poll{result: pollNamed, Name: "n3", Paused: true}},
		"one denies the pause":            {[]PeerReply{says("n2", rest, "n1"), says("n3", no, "n1")}, Poll{result: pollUs}},
	} {
		c.want.At = now
		if got := cluster.Summarize(c.words, "n1", now); got != c.want {
			t.Errorf("%s:\ngot  %+v\nwant %+v", name, got, c.want)
		}
	}
	nameless := cluster.Summarize([]PeerReply{says("n2", no, "")}, "", now)
	if nameless.result != pollUnclear {
		t.Errorf("a member without a name is taken for the leader that nobody names: %+v", nameless)
	}
}

func TestElsewhere(t *testing.T) {
	for result, want := range map[pollResult]bool{
		unpolled: false, pollSilent: false, pollUnclear: false, pollNobody: false, pollUs: false, pollNamed: true, pollOther: true,
	} {
		if got := (Poll{result: result}).elsewhere(); got != want {
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
		"silence":     {holder(mute, func(f *Facts) { f.Reply.At = Moment{} }), false},
		"not ours":    {holder(foreign, func(f *Facts) { f.Reply.At = Moment{} }), false},
		"nobody asks": {holder(), false},
	} {
		if got := c.facts.Outdated(); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestTheDCSNamesNobodyOfNoName: a patroni.yml that cannot say our name must not make "nobody
// leads" out to be us.
func TestTheDCSNamesNobodyOfNoName(t *testing.T) {
	for _, c := range []struct {
		was          pollResult
		leader, self string
		want         pollResult
		name         string
		byDCS        bool
	}{
		{pollSilent, "", "", pollNobody, "", true},
		{pollSilent, "", "n1", pollNobody, "", true},
		{pollSilent, "n1", "n1", pollUs, "", true},
		{pollSilent, "n2", "n1", pollNamed, "n2", true},
		{pollSilent, "n2", "", pollNamed, "n2", true},
		{pollOther, "n1", "n1", pollOther, "", true},
		{pollOther, "n2", "n1", pollOther, "", false},
		{pollOther, "", "", pollOther, "", false},
	} {
		got := Poll{result: c.was}.WithDCS(c.leader, c.self)
		if want := (Poll{result: c.want, Name: c.name, ByDCS: c.byDCS}); got != want {
			t.Errorf("%s, the DCS names %q, we are %q: %+v, want %+v", c.was, c.leader, c.self, got, want)
		}
	}
}

// TestProved: what is known from the reply counts from its question, else from the peers', else
// from the start.
func TestProved(t *testing.T) {
	f := facts(leads(heard(300*time.Millisecond)), polled(pollUs), func(f *Facts) {
		f.Peers.At, f.Trigger.At = now.Add(-200*time.Millisecond), now.Add(-900*time.Millisecond)
	})
	if got := f.ProvedAt(); got != now.Add(-300*time.Millisecond) {
		t.Errorf("with a reply: %v ago", now.Sub(got))
	}
	f.Reply.Kind = Silent
	if got := f.ProvedAt(); got != now.Add(-200*time.Millisecond) {
		t.Errorf("with the peers: %v ago", now.Sub(got))
	}
	f.Peers.result = pollSilent
	if got := f.ProvedAt(); got != now.Add(-900*time.Millisecond) {
		t.Errorf("with argv alone: %v ago", now.Sub(got))
	}
}

// TestWhatAPollSays: what only our own Patroni's view of the DCS can add to, and the words for
// people.
func TestWhatAPollSays(t *testing.T) {
	for result, want := range map[pollResult]struct {
		wantsDCS, silent, asked bool
		words                   string
	}{
		unpolled:    {false, false, false, "not asked"},
		pollSilent:  {true, true, true, "none answers"},
		pollUnclear: {false, false, true, "do not agree who leads"},
		pollNobody:  {false, false, true, "say that nobody leads"},
		pollUs:      {false, false, true, "say that this member leads"},
		pollNamed:   {false, false, true, "say that n3 leads"},
		pollOther:   {true, false, true, "n3 says that it leads"},
		pollGlance:  {false, false, true, "none says that it leads"},
	} {
		p := Poll{result: result, Name: "n3"}
		if p.WantsDCS() != want.wantsDCS || p.Silent() != want.silent || p.Asked() != want.asked || p.String() != want.words {
			t.Errorf("%q: wants the DCS %v, silent %v, asked %v, %q; want %+v", result, p.WantsDCS(), p.Silent(), p.Asked(), p, want)
		}
	}
}

func TestRefused(t *testing.T) {
	if !codeRefused.Refused() || codeOperator.Refused() {
		t.Error("only the code refused says that an order was refused")
	}
}
