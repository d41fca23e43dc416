package reconcile

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestProbeDue(t *testing.T) {
	for name, c := range map[string]struct {
		note VIPState
		want bool
	}{
		"never claimed":    {VIPState{}, false},
		"claimed 10 s ago": {VIPState{Claimed: now - 10*time.Second}, true},
		"claimed just now": {VIPState{Claimed: now - 10*time.Second + 1}, false},
		"probed just now":  {VIPState{Claimed: now - time.Hour, Probed: now}, true},
		"a conflict":       {VIPState{Claimed: now - 9*time.Second, Answering: []MAC{"a"}}, false},
	} {
		if got := c.note.ProbeDue(now); got != c.want {
			t.Errorf("%s: due %v, want %v", name, got, c.want)
		}
	}
}

// nosy counts the probes for others, answers them, and lets something happen meanwhile.
type nosy struct {
	*world
	probes int
	others []MAC
	err    error
	then   func()
}

func (n *nosy) Probe(context.Context, time.Duration) ([]MAC, error) {
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
	return e.Run(context.Background(), Trigger{Event: EventTick, At: n.now})[0]
}

func TestOthersAreLearned(t *testing.T) {
	n, e := nosyWorld(t)
	n.others = []MAC{"02:00:00:00:00:0b", "02:00:00:00:00:0a"}
	o := n.tickWith(e)
	if len(o.Records) != 1 || o.Records[0].Do != ChangeConflict || o.Records[0].Code != CodeConflict ||
		!strings.Contains(o.Records[0].Reason, "[02:00:00:00:00:0a 02:00:00:00:00:0b]") {
		t.Fatalf("records %+v, want one conflict with both hosts in order", o.Records)
	}
	for _, c := range []struct {
		others  []MAC
		records int
	}{
		{[]MAC{"02:00:00:00:00:0a", "02:00:00:00:00:0b"}, 0}, // no news
		{[]MAC{"02:00:00:00:00:0a"}, 1},
		{nil, 0}, // it is over
		{[]MAC{"02:00:00:00:00:0a"}, 1},
	} {
		n.pass(2 * time.Second)
		n.leads()
		n.here, n.end = true, n.now+20*time.Second
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
	note.Claimed += 2 * time.Second
	n.notes["vip"] = note
}

func TestOthersAreAskedByTicksThatHold(t *testing.T) {
	for name, c := range map[string]struct {
		prepare func(*nosy)
		event   Event
		want    int
	}{
		"a tick":                 {func(*nosy) {}, EventTick, 1},
		"a callback":             {func(*nosy) {}, EventOnRestart, 0},
		"a tick that releases":   {func(n *nosy) { n.follows() }, EventTick, 0},
		"a tick that cannot act": {func(n *nosy) { n.onHold = func() { n.kernelErr = errors.New("no") } }, EventTick, 0},
		"a tick too early":       {tooEarly, EventTick, 0},
		"a pause that only our Patroni told of": {func(n *nosy) {
			tooEarly(n)
			n.memory.Reply.Paused, n.word = true, PatroniReply{Kind: Silent}
		}, EventTick, 1},
		"a pause that the peers tell of": {func(n *nosy) {
			tooEarly(n)
			n.memory.Reply.Paused, n.word = true, PatroniReply{Kind: Silent}
			n.peers = []PeerReply{{Peer: Peer{Name: "n2"}, Reply: PatroniReply{Kind: NotLeader, Paused: true}, Names: "n1"}}
		}, EventTick, 0},
		"a pause that our Patroni tells of": {func(n *nosy) {
			tooEarly(n)
			n.memory.Reply.Paused, n.word.Paused = true, true
		}, EventTick, 0},
	} {
		n, e := nosyWorld(t)
		c.prepare(n)
		e.Run(context.Background(), Trigger{Event: c.event, Role: RolePrimary, At: n.now})
		if n.probes != c.want {
			t.Errorf("%s: %d probes, want %d", name, n.probes, c.want)
		}
	}
}

// TestASuccessorIsHeardOnTheLink: where the peers are slow, its answer is the first that a stale leader hears of it.
func TestASuccessorIsHeardOnTheLink(t *testing.T) {
	n, e := nosyWorld(t)
	n.pass(40 * time.Second)
	n.leads()
	n.here, n.end = true, n.now+20*time.Second
	n.others, n.slowPeers, n.peers = []MAC{"02:00:00:00:00:0a"}, true, promotedPeer()
	n.wantCode(n.tickWith(e), codeTwoLeaders)
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
	n.others = []MAC{"02:00:00:00:00:0a"}
	o := n.tickWith(e)
	if len(o.Records) != 1 || o.Records[0].Code != CodeConflict {
		t.Errorf("records %+v, want a conflict", o.Records)
	}
	n.want(true)
}

func TestOthersDoNotOverwriteAnotherClaim(t *testing.T) {
	n, e := nosyWorld(t)
	n.others = []MAC{"02:00:00:00:00:0a"}
	n.then = func() { // another process claimed the address anew while this one was listening
		note := n.notes["vip"]
		note.Claimed++
		n.notes["vip"] = note
	}
	if o := n.tickWith(e); len(o.Records) != 0 || n.notes["vip"].Probed != 0 {
		t.Errorf("records %+v, note %+v; want the other claim's note untouched", o.Records, n.notes["vip"])
	}
}

func TestOthersThatCannotBeAsked(t *testing.T) {
	n, e := nosyWorld(t)
	n.err = errors.New("no packet socket")
	if o := n.tickWith(e); len(o.Warnings) != 1 || o.Err != nil || n.notes["vip"].Probed != 0 {
		t.Errorf("warnings %q, error %v, note %+v; want a warning alone", o.Warnings, o.Err, n.notes["vip"])
	}
}

func TestOthersWithoutANote(t *testing.T) {
	n, e := nosyWorld(t)
	n.others = []MAC{"02:00:00:00:00:0a"}
	n.then = func() { n.noteErr = errors.New("read-only file system") }
	if o := n.tickWith(e); len(o.Records) != 0 {
		t.Errorf("records %+v, want none: what is not written down would be told at every tick", o.Records)
	}
}
