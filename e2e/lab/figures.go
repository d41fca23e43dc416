package lab

import (
	"cmp"
	"slices"
	"time"
)

// Figures are computed from a recording by [Recording.Figures].
type Figures struct {
	VIPGap    Gap           // through the VIP
	FlushGap  Gap           // through the VIP, for the client that forgets its neighbours
	DirectGap Gap           // of all the writers that know every node's own address, taken together
	Changes   []Change      // of the leader
	NoHolder  time.Duration // nobody had the VIP
	Two       time.Duration // two nodes or more had it
	Deposed   []Ack         // through the VIP, by a server after another had been promoted: never
	Writes    int           // acknowledged through the VIP
}

// Outage is what clients of the VIP lost beyond those who know every address.
func (f Figures) Outage() time.Duration { return f.VIPGap.Length() - f.DirectGap.Length() }

// Gap is the longest time without an acknowledged write.
type Gap struct{ From, To time.Time }

// Length is how long the gap is.
func (g Gap) Length() time.Duration { return g.To.Sub(g.From) }

// Within lists the target's failed attempts that ended in the gap and took over 50 ms: these are
// what the writer waited for.
func (r *Recording) Within(g Gap, target string) (slow []Failure) {
	for _, f := range r.Failures {
		if f.Target == target && f.End.After(g.From) && !f.End.After(g.To) && f.End.Sub(f.Start) > 50*time.Millisecond {
			slow = append(slow, f)
		}
	}
	return slow
}

// Change is a new leader's first writes.
type Change struct {
	Node     string
	Timeline int
	Direct   time.Time // acknowledged on the node's own address, zero when never
	VIP      time.Time // acknowledged through the VIP, zero when never
}

// Lag is the time from the first direct write to the first through the VIP; negative when the VIP
// was first.
func (c Change) Lag() time.Duration { return c.VIP.Sub(c.Direct) }

// Figures computes the figures of the recording.
func (r *Recording) Figures() Figures {
	slices.SortStableFunc(r.Acks, func(a, b Ack) int { return a.End.Compare(b.End) })
	via := func(target string) func(Ack) bool { return func(a Ack) bool { return a.Target == target } }
	f := Figures{
		VIPGap:    r.gap(via(ViaVIP)),
		FlushGap:  r.gap(via(ViaFlush)),
		DirectGap: r.gap(direct),
		Changes:   r.changes(),
		Deposed:   r.deposed(),
	}
	for _, a := range r.Acks {
		if !direct(a) {
			f.Writes++
		}
	}
	f.NoHolder, f.Two = r.holding()
	return f
}

func direct(a Ack) bool { return a.Target != ViaVIP && a.Target != ViaFlush }

// gap is the longest time without an acknowledgement of the kind. The recording's start and its end
// count as one each.
func (r *Recording) gap(kind func(Ack) bool) Gap {
	var longest Gap
	last := r.From
	until := func(at time.Time) {
		if g := (Gap{last, at}); g.Length() > longest.Length() {
			longest = g
		}
		last = at
	}
	for _, a := range r.Acks {
		if kind(a) {
			until(a.End)
		}
	}
	until(r.To)
	return longest
}

// changes lists the leaders but the first, by timeline.
func (r *Recording) changes() []Change {
	byTimeline := make(map[int]*Change)
	for _, a := range r.Acks {
		c := byTimeline[a.Timeline]
		if c == nil {
			c = &Change{Node: a.Node, Timeline: a.Timeline}
			byTimeline[a.Timeline] = c
		}
		switch {
		case direct(a) && c.Direct.IsZero():
			c.Direct = a.End
		case a.Target == ViaVIP && c.VIP.IsZero():
			c.VIP = a.End
		}
	}
	var all []Change
	for _, c := range byTimeline {
		all = append(all, *c)
	}
	slices.SortFunc(all, func(a, b Change) int { return cmp.Compare(a.Timeline, b.Timeline) })
	return all[min(1, len(all)):]
}

// deposed lists the writes through the VIP that a server acknowledged when a later timeline had
// already taken one.
func (r *Recording) deposed() (late []Ack) {
	newest := 0
	for _, a := range r.Acks { // in the order of their acknowledgement
		if !direct(a) && a.Timeline < newest {
			late = append(late, a)
		}
		newest = max(newest, a.Timeline)
	}
	return late
}

// holding adds up how long nobody and how long several had the VIP within the recording.
func (r *Recording) holding() (none, several time.Duration) {
	has := make(map[string]bool)
	last := r.From
	account := func(until time.Time) {
		if !until.After(last) {
			return
		}
		switch {
		case len(has) == 0:
			none += until.Sub(last)
		case len(has) > 1:
			several += until.Sub(last)
		}
		last = until
	}
	for _, h := range r.Holders {
		if h.At.After(r.To) {
			break
		}
		account(h.At)
		if h.Has {
			has[h.Node] = true
		} else {
			delete(has, h.Node)
		}
	}
	account(r.To)
	return none, several
}
