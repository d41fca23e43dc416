package faults_test

import (
	"slices"
	"testing"
	"time"

	"github.com/vipctl/vipctl/e2e/lab"
)

// handOverLimit is how long a hand-over may take whose successor is not heard, and the measurement.
const handOverLimit = 5*time.Second + twoLimit

// judge checks what came of a campaign's faults.
func (tr *trial) judge(p plan, w *watch) {
	tr.Helper()
	for _, problem := range w.problems {
		tr.Error(problem)
	}
	tr.left()
	tr.together(p)
	if p.stays() && tr.unlocked().IsZero() && *tr.Direct < 2000 { // else Patroni has demoted its leader
		tr.unmoved()
		if !p.any(func(h hit) bool { return h.lures }) {
			tr.atMost("outage", tr.Outage, besideLimit)
		}
	}
	tr.lostForNothing(p)
	tr.recorded(p)
	tr.content()
}

// content checks that status on whoever leads in the end finds no problem.
func (tr *trial) content() {
	tr.Helper()
	leader, err := tr.lab.Cluster.Leader(tr.ctx)
	tr.must(err)
	var text string
	if !within(3*interval, func() bool { text, err = leader.Vipctl.Run("status"); return err == nil }) {
		tr.Errorf("status: %v\n%s", err, text)
	}
}

// left measures when the VIP and the lock left the leader.
func (tr *trial) left() {
	gone, lock := tr.held(tr.leader, false, tr.began), tr.unlocked()
	if !gone.IsZero() {
		tr.Gone = ms(gone.Sub(tr.began))
	}
	if !lock.IsZero() {
		tr.LockFree = ms(lock.Sub(tr.began))
	}
	if !gone.IsZero() && !lock.IsZero() {
		tr.Early = ms(lock.Sub(gone))
	}
}

// overlap is a time in which several nodes had the VIP.
type overlap struct {
	from, to time.Time
	old      string // had it first
}

// together checks each time in which two nodes had the VIP.
func (tr *trial) together(p plan) {
	tr.Helper()
	for _, o := range overlaps(tr.recording.Holders, tr.recording.From, tr.recording.To) {
		limit, why := tr.admits(p, o)
		if d := o.to.Sub(o.from); d > limit {
			tr.Errorf("two nodes had the VIP for %v from %v on, %s before that; want %v at most (%s)",
				d.Round(time.Millisecond), o.from.Sub(tr.began).Round(time.Millisecond), o.old, limit, why)
		}
	}
}

// admits is how long two nodes may have the VIP: docs/failure-modes.md.
func (tr *trial) admits(p plan, o overlap) (limit time.Duration, why string) {
	tr.Helper()
	switch {
	case tr.window:
		return 2*interval + time.Second, "a pause"
	case tr.handedOver(o) && p.paired():
		return handOverLimit, "a hand-over whose successor may not be heard"
	case tr.handedOver(o):
		return loosened(twoLimit), "a hand-over"
	case tr.overwrote():
		return interval + twoLimit, "Patroni took the lock back"
	}
	return 0, "no hand-over"
}

// handedOver reports whether the old one handed the address over, and took no write meanwhile.
func (tr *trial) handedOver(o overlap) bool {
	tr.Helper()
	if slices.ContainsFunc(tr.recording.Acks, func(a lab.Ack) bool { return a.Node == o.old && a.Start.After(o.from) && a.Start.Before(o.to) }) {
		return false
	}
	return slices.ContainsFunc(tr.history(o.old), func(e lab.Transition) bool {
		return e.Do == "hand_over" && e.At.After(o.from.Add(-time.Second)) && e.At.Before(o.to.Add(time.Second))
	})
}

func overlaps(held []lab.Held, from, to time.Time) (all []overlap) {
	var holders []string // as they came
	var open *overlap
	end := func(at time.Time) {
		open.from, open.to = latest(open.from, from), at
		if open.to.After(open.from) {
			all = append(all, *open)
		}
		open = nil
	}
	for _, h := range held {
		if h.At.After(to) {
			break
		}
		if h.Has {
			holders = append(holders, h.Node)
		} else {
			holders = slices.DeleteFunc(holders, func(n string) bool { return n == h.Node })
		}
		switch {
		case len(holders) > 1 && open == nil:
			open = &overlap{from: h.At, old: holders[0]}
		case len(holders) < 2 && open != nil:
			end(h.At)
		}
	}
	if open != nil {
		end(to)
	}
	return all
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// lostForNothing checks that no acknowledged write is lost but those that Patroni threw away: the
// leader of the lock took them, and Patroni then promoted a server that had not got them.
func (tr *trial) lostForNothing(p plan) {
	tr.Helper()
	lost := tr.missing(time.Time{})
	if len(lost) == 0 || tr.window {
		return
	}
	if tr.overwrote() {
		tr.note("%d writes are lost: Patroni took the lock back from a successor and rewound it", len(lost))
		return
	}
	planned := !p.any(func(h hit) bool { return !h.planned }) && !p.paired()
	newest := slices.MaxFunc(tr.recording.Acks, func(a, b lab.Ack) int { return a.Timeline - b.Timeline })
	bad := slices.DeleteFunc(lost, func(a lab.Ack) bool {
		return !planned && a.Timeline < newest.Timeline && lockedBy(tr.lab.Lock.Changes(), a.End) == a.Node
	})
	if len(bad) > 0 {
		tr.Errorf("%d acknowledged writes are lost, the first %+v", len(bad), bad[0])
	}
}

// lockedBy returns who had the lock at a moment, "" for nobody.
func lockedBy(changes []lab.LockChange, at time.Time) (node string) {
	for _, c := range changes {
		if !c.At.After(at) {
			node = c.Node
		}
	}
	return node
}

// recorded checks that the histories have every change of the VIP's holder.
func (tr *trial) recorded(p plan) {
	tr.Helper()
	for _, n := range tr.lab.Nodes {
		if p.any(func(h hit) bool {
			return h.forgets && (h.on == everywhere || tr.behind(tr.leader, h.behind) == n)
		}) {
			continue
		}
		var missing []lab.Held
		for range 3 { // a tick may still have to notice, and write it down
			if missing = unrecorded(n.Name, tr.recording, tr.history(n.Name)); len(missing) == 0 {
				break
			}
			tr.ticked(n)
		}
		for _, h := range missing {
			tr.Errorf("the history of %s has no record of this change, %v after the fault: %+v", n.Name, h.At.Sub(tr.began).Round(time.Millisecond), h)
		}
	}
}

// history is a node's, the oldest first.
func (tr *trial) history(node string) []lab.Transition {
	tr.Helper()
	i := slices.IndexFunc(tr.lab.Nodes, func(n *lab.Node) bool { return n.Name == node })
	all, err := tr.lab.Nodes[i].Vipctl.History()
	tr.must(err)
	slices.Reverse(all)
	return all
}

// unrecorded returns the changes on a node that have no record of their own, in the order in which
// they came. A claim is told at once. Of an address that ended by itself the next tick tells: in the
// reason of its claim, where it claims it again.
func unrecorded(node string, r *lab.Recording, history []lab.Transition) (missing []lab.Held) {
	changes := slices.DeleteFunc(slices.Clone(r.Holders), func(h lab.Held) bool {
		return h.Node != node || h.At.Before(r.From) || h.At.After(r.To)
	})
	for i, h := range changes {
		until := h.At.Add(placeLimit)
		if !h.Has {
			until = r.To.Add(time.Minute)
			if i+1 < len(changes) {
				until = changes[i+1].At.Add(time.Second)
			}
		}
		found := slices.IndexFunc(history, func(e lab.Transition) bool { return tells(e, h) && e.At.Before(until) })
		switch {
		case found >= 0:
			history = history[found+1:]
		case h.Has || i+1 == len(changes) || !claimedAgain(history, changes[i+1]):
			missing = append(missing, h)
		}
	}
	return missing
}

// tells reports whether the record may be of the change.
func tells(e lab.Transition, h lab.Held) bool {
	return e.Error == "" && e.At.After(h.At.Add(-time.Second)) && (h.Has && e.Do == "claim" || !h.Has && (e.Do == "release" || e.Do == "hand_over"))
}

// claimedAgain reports whether the claim's record says that the address was missing.
func claimedAgain(history []lab.Transition, claim lab.Held) bool {
	i := slices.IndexFunc(history, func(e lab.Transition) bool { return tells(e, claim) })
	return i >= 0 && history[i].Code == "address_missing" && history[i].At.Before(claim.At.Add(placeLimit))
}

// at is a moment of a test.
func at(second float64) time.Time {
	return time.Unix(1000, 0).Add(time.Duration(second * float64(time.Second)))
}

func TestOverlaps(t *testing.T) {
	held := []lab.Held{{At: at(1), Node: "n1", Has: true}, {At: at(5), Node: "n2", Has: true}, {At: at(6), Node: "n1"}, {At: at(8), Node: "n3", Has: true}}
	for _, c := range []struct {
		from, to float64
		want     []overlap
	}{
		{0, 7, []overlap{{at(5), at(6), "n1"}}},
		{5.5, 7, []overlap{{at(5.5), at(6), "n1"}}},
		{0, 9, []overlap{{at(5), at(6), "n1"}, {at(8), at(9), "n2"}}},
		{6.5, 7, nil},
	} {
		if got := overlaps(held, at(c.from), at(c.to)); !slices.Equal(got, c.want) {
			t.Errorf("from %v to %v: got %v, want %v", c.from, c.to, got, c.want)
		}
	}
}

func TestUnrecorded(t *testing.T) {
	r := &lab.Recording{From: at(0), To: at(60), Holders: []lab.Held{
		{At: at(-5), Node: "n1", Has: true}, {At: at(10), Node: "n1"}, {At: at(20), Node: "n1", Has: true}, {At: at(30), Node: "n1"},
		{At: at(11), Node: "n2", Has: true},
	}}
	whole := []lab.Transition{{At: at(10.1), Do: "hand_over"}, {At: at(20.1), Do: "claim"}, {At: at(45), Do: "release", Code: "lease_ended"}}
	failed := slices.Clone(whole)
	failed[1].Error = "no such device"
	again := slices.Clone(whole[1:])
	again[0].Code = "address_missing"
	for _, c := range []struct {
		what    string
		history []lab.Transition
		want    []float64
	}{
		{"all", whole, nil},
		{"others between", slices.Insert(slices.Clone(whole), 1, lab.Transition{At: at(15), Do: "conflict"}), nil},
		{"no claim", []lab.Transition{whole[0], whole[2]}, []float64{20}},
		{"no first release", whole[1:], []float64{10}},
		{"no first release, but a claim of what was missing", again, nil},
		{"one release for both", whole[:2], []float64{30}},
		{"a claim that failed", failed, []float64{20}},
		{"none", nil, []float64{10, 20, 30}},
	} {
		var got []float64
		for _, h := range unrecorded("n1", r, slices.Clone(c.history)) {
			got = append(got, h.At.Sub(at(0)).Seconds())
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v, want %v", c.what, got, c.want)
		}
	}
}
