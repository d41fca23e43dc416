package e2e

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/vipctl/vipctl/e2e/lab"
	"github.com/vipctl/vipctl/hetzner/hetznertest"
)

// The VIP's traffic goes where Hetzner's API says. Only the new leader asks the API for changes, as
// many as a move takes.
func TestHetzner(t *testing.T) {
	for product, changes := range map[lab.Product]int{
		lab.FloatingIP: 1,
		lab.AliasIP:    2, // away from the old server, to the new one
		lab.FailoverIP: 1,
	} {
		t.Run(string(product), func(t *testing.T) {
			t.Parallel()
			ctx, l := provided(t, product)
			from, to := leaderAndOther(t, ctx, l)
			began := time.Now()
			r := while(t, ctx, l, func() {
				must(t, l.Cluster.Switchover(ctx, to))
				eventually(t, 30*time.Second, "the traffic goes to the new leader", func() bool {
					routed, err := l.Router.Routed()
					must(t, err)
					return routed == to.Name
				})
			})
			settle(t, ctx, l)
			calls := l.Hetzner.Calls(began)
			report(t, l, r, to, calls)
			nothingLost(t, ctx, l, r)
			onlyHolder(t, l, to)
			explained(t, to, began, []string{"route"}, []string{"route"})
			ours(t, to)
			asked(t, l, from, to, calls, changes)
		})
	}
}

// report logs what a move cost, and checks that it came about.
func report(t *testing.T, l *lab.Lab, r *lab.Recording, to *lab.Node, calls lab.Calls) {
	t.Helper()
	f := r.Figures()
	promised(t, f)
	if len(f.Changes) != 1 || f.Changes[0].Node != to.Name || f.Changes[0].VIP.IsZero() {
		t.Errorf("the traffic did not end at %s: %+v", to.Name, f.Changes)
	} else {
		first := f.Changes[0]
		t.Logf("outage %v (%v through the VIP, %v direct); routed to %s %v after its first write, the next through the VIP %v after it; its calls: %v",
			round(f.Outage()), round(f.VIPGap.Length()), round(f.DirectGap.Length()), to.Name, round(arrival(l, to, r.From).Sub(first.Direct)),
			round(first.Lag()), calls.By(to.Name))
	}
	if t.Failed() {
		wire(t, l, r, f.VIPGap)
	}
}

// ours checks that vipctl's status on the node says that the route points there.
func ours(t *testing.T, n *lab.Node) {
	t.Helper()
	s, err := n.Vipctl.Status()
	must(t, err)
	if len(s.VIPs) != 1 || s.VIPs[0].Route == nil || s.VIPs[0].Route.Ours == nil || !*s.VIPs[0].Route.Ours {
		t.Errorf("status on %s does not say that the route points there: %+v", n.Name, s)
	}
}

// asked checks how many changes the new leader asked for. A node that stayed a replica must have
// asked for nothing at all. The old leader must have asked for no change, and for nothing since the
// new leader's first call.
func asked(t *testing.T, l *lab.Lab, from, to *lab.Node, calls lab.Calls, changes int) {
	t.Helper()
	if got := calls.By(to.Name).Mutating(); len(got) != changes {
		t.Errorf("%s asked for %d changes, want %d: %+v", to.Name, len(got), changes, got)
	}
	if got := calls.By(from.Name).Mutating(); len(got) > 0 {
		t.Errorf("%s, which led, asked for changes: %+v", from.Name, got)
	}
	first := slices.IndexFunc(calls, func(c hetznertest.Call) bool { return c.Agent == to.Name })
	if late := calls[max(0, first):].By(from.Name); len(late) > 0 {
		t.Errorf("%s, which led, went on asking: %+v", from.Name, late)
	}
	for _, n := range l.Nodes {
		if got := calls.By(n.Name); n != from && n != to && len(got) > 0 {
			t.Errorf("%s, a replica, asked: %+v", n.Name, got)
		}
	}
}

// provided brings up a cluster of the test's own, whose VIP is such an address, and takes it away
// when the test is over.
func provided(t *testing.T, p lab.Product) (context.Context, *lab.Lab) {
	t.Helper()
	if err := lab.Lacks(); err != nil {
		t.Skip(err)
	}
	l, err := labs.bring(lab.Options{Hetzner: p})
	if err != nil {
		t.Fatal("bring the lab up:", err)
	}
	t.Cleanup(func() { must(t, l.Down()) })
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	t.Cleanup(cancel)
	return ctx, l
}

// arrival is when the router began to send the VIP to the node, the first time since the given
// moment.
func arrival(l *lab.Lab, to *lab.Node, since time.Time) (at time.Time) {
	moves := l.Hetzner.Moves()
	if i := slices.IndexFunc(moves, func(m lab.Move) bool { return m.Node == to.Name && m.At.After(since) }); i >= 0 {
		at = moves[i].At
	}
	return at
}

func round(d time.Duration) time.Duration { return d.Round(time.Millisecond) }
