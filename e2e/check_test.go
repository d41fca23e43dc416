package e2e

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/vipctl/vipctl/e2e/lab"
)

// must fails the test on an error.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// leaderAndOther returns the leader and another node.
func leaderAndOther(t *testing.T, ctx context.Context, l *lab.Lab) (leader, other *lab.Node) {
	t.Helper()
	leader, err := l.Cluster.Leader(ctx)
	must(t, err)
	if leader == nil {
		t.Fatal("nobody leads")
	}
	i := slices.Index(l.Nodes, leader)
	return leader, l.Nodes[(i+1)%len(l.Nodes)]
}

// eventually waits until ok, for the given time at the most.
func eventually(t *testing.T, limit time.Duration, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(limit); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", limit, what)
		}
	}
}

// while lets clients write from two seconds before the event to two seconds after it, and returns
// what they saw.
func while(t *testing.T, ctx context.Context, l *lab.Lab, event func()) *lab.Recording {
	t.Helper()
	w, err := l.Clients.Write(ctx, lab.WriterOptions{})
	must(t, err)
	stopped := false
	stop := func() (*lab.Recording, error) {
		stopped = true
		return w.Stop()
	}
	defer func() {
		if !stopped { // the event ended the test
			_, _ = stop()
		}
	}()
	time.Sleep(2 * time.Second)
	event()
	time.Sleep(2 * time.Second)
	r, err := stop()
	must(t, err)
	return r
}

// onlyHolder checks that the node, and nobody else, has the VIP.
func onlyHolder(t *testing.T, l *lab.Lab, want *lab.Node) {
	t.Helper()
	holders, err := l.Holders.Now()
	must(t, err)
	if !slices.Equal(holders, []string{want.Name}) {
		t.Errorf("the VIP is on %v, want %s alone", holders, want.Name)
	}
}

// explained checks that the node's history says why the VIP came or went since the given time, and
// returns the entry.
func explained(t *testing.T, n *lab.Node, since time.Time, does []string, codes []string) lab.Transition {
	t.Helper()
	var found lab.Transition
	seen := func() bool {
		history, err := n.Vipctl.History()
		must(t, err)
		for _, e := range history {
			if e.At.Before(since.Truncate(time.Millisecond)) {
				return false
			}
			if found = e; slices.Contains(does, e.Do) && slices.Contains(codes, e.Code) && e.Reason != "" {
				return true
			}
		}
		return false
	}
	// A run writes its entry after it has moved the address.
	for deadline := time.Now().Add(3 * time.Second); !seen(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			history, _ := n.Vipctl.History()
			t.Fatalf("%s: no %v for %v with a reason since %v in its history: %+v", n.Name, does, codes, since, history)
		}
	}
	return found
}

// moment returns when the node began or ceased to have the VIP, the first time after since.
func moment(t *testing.T, l *lab.Lab, n *lab.Node, has bool, since time.Time) (at time.Time) {
	t.Helper()
	eventually(t, time.Second, fmt.Sprintf("the kernel says of %s that having the VIP became %t", n.Name, has), func() bool {
		log := l.Holders.Changes()
		i := slices.IndexFunc(log, func(h lab.Held) bool { return h.Node == n.Name && h.Has == has && h.At.After(since) })
		if i >= 0 {
			at = log[i].At
		}
		return i >= 0
	})
	return at
}

// near checks that the history's time is the kernel's.
func near(t *testing.T, e lab.Transition, at time.Time) {
	t.Helper()
	if d := e.At.Sub(at).Abs(); d > time.Second {
		t.Errorf("the history has %s %v from when the kernel saw it", e.Do, d)
	}
}

// noDeposedWrites checks the promise that counts most.
func noDeposedWrites(t *testing.T, l *lab.Lab, r *lab.Recording) lab.Figures {
	t.Helper()
	f := r.Figures()
	t.Logf("gap %v through the VIP, %v direct: outage %v; nobody held it for %v, two for %v; %d writes",
		f.VIPGap.Length().Round(time.Millisecond), f.DirectGap.Length().Round(time.Millisecond), f.Outage().Round(time.Millisecond),
		f.NoHolder.Round(time.Millisecond), f.Two.Round(time.Millisecond), f.Writes)
	promised(t, f)
	if f.Outage() > 200*time.Millisecond {
		wire(t, l, r, f.VIPGap)
	}
	for _, slow := range r.Within(f.VIPGap, lab.ViaVIP) {
		t.Logf("in the gap, %v after its begin, an attempt took %v: %s", slow.Start.Sub(f.VIPGap.From).Round(time.Millisecond),
			slow.End.Sub(slow.Start).Round(time.Millisecond), slow.Why)
	}
	return f
}

// promised checks what must hold after every event, and that clients wrote at all.
func promised(t *testing.T, f lab.Figures) {
	t.Helper()
	if len(f.Deposed) > 0 {
		t.Errorf("%d writes went through the VIP to a deposed primary, the first %+v", len(f.Deposed), f.Deposed[0])
	}
	if f.Writes == 0 {
		t.Error("no write went through the VIP")
	}
}

// nothingLost checks that every acknowledged write is there.
func nothingLost(t *testing.T, ctx context.Context, l *lab.Lab, r *lab.Recording) {
	t.Helper()
	lost, err := l.Clients.Lost(ctx, r)
	must(t, err)
	if len(lost) > 0 {
		t.Errorf("%d acknowledged writes are lost, the first %+v", len(lost), lost[0])
	}
}

// wire logs what happened to the VIP around a gap: who had it, which frames the client received,
// what vipctl says of it.
func wire(t *testing.T, l *lab.Lab, r *lab.Recording, g lab.Gap) {
	t.Helper()
	around := func(at time.Time) bool { return at.After(g.From.Add(-time.Second)) && at.Before(g.To.Add(time.Second)) }
	since := func(at time.Time) time.Duration { return at.Sub(g.From).Round(100 * time.Microsecond) }
	t.Logf("the gap was %v long; times are from its begin", since(g.To))
	for _, h := range r.Holders {
		if around(h.At) {
			t.Logf("  %v: %s has it: %t", since(h.At), h.Node, h.Has)
		}
	}
	for _, f := range r.Frames {
		if around(f.At) {
			t.Logf("  %v: heard that %s %s", since(f.At), f.Node, f.What)
		}
	}
	for _, n := range l.Nodes {
		history, _ := n.Vipctl.History()
		for _, e := range history {
			if around(e.At) {
				t.Logf("  %v: %s did %s on %s, %s: %s", since(e.At), n.Name, e.Do, e.Trigger, e.Code, e.Reason)
			}
		}
	}
	for _, a := range r.Acks {
		if a.Target == lab.ViaVIP && a.End.Equal(g.To) {
			t.Logf("  %v: the attempt began that ended the gap, on %s", since(a.Start), a.Node)
		}
	}
}
