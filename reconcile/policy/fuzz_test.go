package policy

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// FuzzStates: whatever stands in /run, there is a verdict, with a documented code and words that
// are whole; questions come to an end, and no moment to look again lies in the past.
func FuzzStates(f *testing.F) {
	for i, vip := range allNotes() {
		note, err := json.Marshal(vip)
		if err != nil {
			f.Fatal(err)
		}
		cluster, err := json.Marshal(base().Cluster)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(note, cluster, uint32(i*7919))
	}
	f.Add([]byte(`{"claimed":-9223372036854775808,"lease_end":9223372036854775807,"answering":["x"],"phase":"?","hand_over":{"until":-1}}`),
		[]byte(`{"reply":{"kind":"leader","state":"%d","seen_at":9223372036854775807,"dcs_last_seen":-1},"timing":{"TTL":-1,"LoopWait":-9223372036854775808},`+
			`"timing_change":{"from":{},"at":5},"unproven":{"why":"100%s"},"said":{"x":{"times":-1}}}`), uint32(1))
	triggers, words, polls := allTriggers(), allWords(), allPolls()
	f.Fuzz(func(t *testing.T, vip, cluster []byte, which uint32) {
		facts := base()
		facts.VIP, facts.Cluster = VIPState{}, ClusterState{}
		if json.Unmarshal(vip, &facts.VIP) != nil || json.Unmarshal(cluster, &facts.Cluster) != nil {
			return
		}
		pick := func(n int) int { i := which % uint32(n); which /= uint32(n); return int(i) }
		facts.Trigger, facts.Reply, facts.Peers = triggers[pick(len(triggers))], words[pick(len(words))], polls[pick(len(polls))]
		facts.Address = AddressState{Presence: []Presence{PresenceNo, PresencePartly, PresenceYes}[pick(3)], End: facts.VIP.LeaseEnd}
		facts.PG = []PG{PGUnknown, PGDown, PGAlive}[pick(3)]
		if facts.Reply.Kind != Unasked {
			facts.Asked = 1 + pick(maxAsked)
		}
		checkVerdict(t, facts)
		checkCluster(t, facts.Cluster, facts.Reply)
	})
}

func checkVerdict(t *testing.T, f Facts) {
	t.Helper()
	v := Decide(f)
	for _, name := range []string{"every verdict has a reason", "questions come to an end"} {
		if complaint := laws[name](f, v); complaint != "" {
			t.Errorf("%s: %s\nverdict %+v\nfacts %+v", name, complaint, v, f)
		}
	}
	if !known(v.Code) || strings.Contains(v.Why, "%!") || v.Do == DoKeep && !v.Until.After(f.Now) {
		t.Errorf("verdict %+v\nfacts %+v", v, f)
	}
	if at, wanted := NextLook(f); wanted && at.Before(f.Now) {
		t.Errorf("look again at %v\nfacts %+v", at, f)
	}
	f.VIP.AnnounceDue(f.Now, time.Minute, f.Interval)
	f.VIP.ProbeDue(f.Now)
	f.WouldClaim()
}

// checkCluster takes in a reply.
func checkCluster(t *testing.T, s ClusterState, r PatroniReply) {
	t.Helper()
	r = s.Narrow(s.Date(r, now, time.Unix(written, 0)), now)
	s.Remember(r)
	if r.Counts() && !r.At.Before(s.Reply.At) && s.Reply != r {
		t.Errorf("remembered %+v, not %+v", s.Reply, r)
	}
	s.Vouch(s.Summarize([]PeerReply{{Reply: r}}, "n1", now))
	if _, tell, words := s.Said.Count("x", now, time.Unix(written, 0)); !tell && words == "" {
		t.Error("neither told nor counted")
	}
}
