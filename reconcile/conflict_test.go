package reconcile

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vipctl/vipctl/reconcile/policy"
)

// nosy counts the probes for others, answers them, and lets something happen meanwhile.
type nosy struct {
	*world
	probes int
	others []policy.MAC
	err    error
	then   func()
}

func (n *nosy) Probe(context.Context, time.Duration) ([]policy.MAC, error) {
	n.probes++
	if n.then != nil {
		n.then()
	}
	return slices.Clone(n.others), n.err
}

// nosyWorld is a holder that claimed its address 10 s ago: the first probe is due.
func nosyWorld(t *testing.T) (*nosy, *Engine) {
	w := newWorld(t)
	n := &nosy{world: w}
	e := w.engine()
	e.VIPs[0].Address = n
	w.tick()
	w.tick() // Patroni's timing is known by now
	w.pass(10 * time.Second)
	w.leads()
	return n, e
}

func (n *nosy) tickWith(e *Engine) Outcome {
	return e.Run(context.Background(), policy.Trigger{Event: policy.EventTick, At: n.now})[0]
}

func TestOthersAreLearned(t *testing.T) {
	n, e := nosyWorld(t)
	n.others = []policy.MAC{"02:00:00:00:00:0b", "02:00:00:00:00:0a"}
	o := n.tickWith(e)
	if len(o.Records) != 1 || o.Records[0].Do != ChangeConflict || o.Records[0].Code != codeConflict ||
		!strings.Contains(o.Records[0].Reason, "[02:00:00:00:00:0a 02:00:00:00:00:0b]") {
		t.Fatalf("records %+v, want one conflict with both hosts in order", o.Records)
	}
	for _, c := range []struct {
		others  []policy.MAC
		records int
	}{
		{[]policy.MAC{"02:00:00:00:00:0a", "02:00:00:00:00:0b"}, 0}, // no news
		{[]policy.MAC{"02:00:00:00:00:0a"}, 1},
		{nil, 0}, // it is over
		{[]policy.MAC{"02:00:00:00:00:0a"}, 1},
	} {
		n.pass(2 * time.Second)
		n.leads()
		n.here, n.end = true, n.now.Add(20*time.Second)
		n.others = c.others
		note := n.notes["vip"]
		note.LeaseEnd = n.end
		n.notes["vip"] = note
		if o := n.tickWith(e); len(o.Records) != c.records {
			t.Errorf("%v answer: records %+v, want %d", c.others, o.Records, c.records)
		}
		if got := n.notes["vip"]; !slices.Equal(got.Answering, c.others) || got.Probed != n.now {
			t.Errorf("%v answer: on the note are %v, probed at %v", c.others, got.Answering, got.Probed)
		}
	}
}

// tooEarly has a claim that is not 10 s old when the tick ends.
func tooEarly(n *nosy) {
	note := n.notes["vip"]
	note.Claimed = note.Claimed.Add(2 * time.Second)
	n.notes["vip"] = note
}

func TestOthersAreAskedByTicksThatHold(t *testing.T) {
	for name, c := range map[string]struct {
		prepare func(*nosy)
		event   policy.Event
		want    int
	}{
		"a tick":                 {func(*nosy) {}, policy.EventTick, 1},
		"a callback":             {func(*nosy) {}, policy.Event("on_restart"), 0},
		"a tick that releases":   {func(n *nosy) { n.follows() }, policy.EventTick, 0},
		"a tick that cannot act": {func(n *nosy) { n.onHold = func() { n.kernelErr = errors.New("no") } }, policy.EventTick, 0},
		"a tick too early":       {tooEarly, policy.EventTick, 0},
		"a pause that only our Patroni told of": {func(n *nosy) {
			tooEarly(n)
			n.memory.Reply.Paused, n.word = true, policy.PatroniReply{Kind: policy.Silent}
		}, policy.EventTick, 1},
		"a pause that the peers tell of": {func(n *nosy) {
			tooEarly(n)
			n.memory.Reply.Paused, n.word = true, policy.PatroniReply{Kind: policy.Silent}
			n.peers = []policy.PeerReply{{Peer: policy.Peer{Name: "n2"}, Reply: policy.PatroniReply{Kind: policy.NotLeader, Paused: true}, Names: "n1"}}
		}, policy.EventTick, 0},
		"a pause that our Patroni tells of": {func(n *nosy) {
			tooEarly(n)
			n.memory.Reply.Paused, n.word.Paused = true, true
		}, policy.EventTick, 0},
	} {
		n, e := nosyWorld(t)
		c.prepare(n)
		e.Run(context.Background(), policy.Trigger{Event: c.event, Role: policy.Role("primary"), At: n.now})
		if n.probes != c.want {
			t.Errorf("%s: %d probes, want %d", name, n.probes, c.want)
		}
	}
}

// TestASuccessorIsHeardOnTheLink: where the peers are slow, its answer is the first that a stale
// leader hears of it.
func TestASuccessorIsHeardOnTheLink(t *testing.T) {
	n, e := nosyWorld(t)
	n.pass(40 * time.Second)
	n.leads()
	n.here, n.end = true, n.now.Add(20*time.Second)
	n.others, n.slowPeers, n.peers = []policy.MAC{"02:00:00:00:00:0a"}, true, promotedPeer()
	n.wantCode(n.tickWith(e), policy.Code("two_leaders"))
	n.want(false)
}

// TestAForeignHostIsHeardWheneverItComes: 40 s after the claim, as soon as the next tick asks.
func TestAForeignHostIsHeardWheneverItComes(t *testing.T) {
	n, e := nosyWorld(t)
	n.peers = naming("n1")
	for range 15 {
		n.tickWith(e)
		n.pass(2 * time.Second)
		n.leads()
	}
	n.others = []policy.MAC{"02:00:00:00:00:0a"}
	o := n.tickWith(e)
	if len(o.Records) != 1 || o.Records[0].Code != codeConflict {
		t.Errorf("records %+v, want a conflict", o.Records)
	}
	n.want(true)
}

func TestOthersDoNotOverwriteAnotherClaim(t *testing.T) {
	n, e := nosyWorld(t)
	n.others = []policy.MAC{"02:00:00:00:00:0a"}
	n.then = func() { // another process claimed the address anew while this one was listening
		note := n.notes["vip"]
		note.Claimed = note.Claimed.Add(1)
		n.notes["vip"] = note
	}
	if o := n.tickWith(e); len(o.Records) != 0 || !n.notes["vip"].Probed.IsZero() {
		t.Errorf("records %+v, note %+v; want the other claim's note untouched", o.Records, n.notes["vip"])
	}
}

func TestOthersThatCannotBeAsked(t *testing.T) {
	n, e := nosyWorld(t)
	n.err = errors.New("no packet socket")
	if o := n.tickWith(e); len(o.Warnings) != 1 || o.Err != nil || !n.notes["vip"].Probed.IsZero() {
		t.Errorf("warnings %q, error %v, note %+v; want a warning alone", o.Warnings, o.Err, n.notes["vip"])
	}
}

func TestOthersWithoutANote(t *testing.T) {
	n, e := nosyWorld(t)
	n.others = []policy.MAC{"02:00:00:00:00:0a"}
	n.then = func() { n.noteErr = errors.New("read-only file system") }
	if o := n.tickWith(e); len(o.Records) != 0 {
		t.Errorf("records %+v, want none: what is not written down would be told at every tick", o.Records)
	}
}

// TestTheHigherNameYieldsWhateverPatroniSays: answers of Patroni before 3.2.0 have no name.
func TestTheHigherNameYieldsWhateverPatroniSays(t *testing.T) {
	for rival, stays := range map[string]bool{"n0": false, "n2": true} {
		w := newWorld(t)
		w.here, w.end = true, w.now.Add(10*time.Second)
		w.leads()
		w.word.LastSeen -= 18 // old enough to ask the peers
		w.word.Name = ""
		peer := w.word
		w.peers = []policy.PeerReply{{Peer: policy.Peer{Name: rival}, Reply: peer}}
		w.wantCode(w.tick(), policy.Code("two_leaders"))
		w.want(stays)
	}
}
