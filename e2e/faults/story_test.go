package faults_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// String is the trial's line of figures.
func (tr *trial) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s (%s):", tr.Fault, tr.Settings)
	for _, f := range []struct {
		words string
		value *int64
	}{
		{"outage %s ms", tr.Outage}, {"flushing %s", tr.Flush}, {"direct gap %s", tr.Direct}, {"nobody %s", tr.Nobody}, {"two %s", tr.Two},
		{"VIP gone after %s", tr.Gone}, {"lock free after %s", tr.LockFree}, {"VIP before lock %s", tr.Early},
		{"election %s", tr.Election}, {"VIP before first write %s", tr.Ahead},
	} {
		if f.value != nil {
			fmt.Fprintf(&b, " "+f.words+",", number(f.value))
		}
	}
	if tr.Deposed != nil {
		fmt.Fprintf(&b, " deposed %d,", *tr.Deposed)
	}
	if tr.LostWrites != nil {
		fmt.Fprintf(&b, " lost %d,", *tr.LostWrites)
	}
	for _, n := range tr.Notes {
		fmt.Fprintf(&b, " %s;", n)
	}
	return strings.TrimRight(b.String(), ",;:")
}

// moment is a line of a trial's story.
type moment struct {
	at   time.Time
	what string
}

// story logs what happened, in order, to whoever has to find out why.
func (tr *trial) story() {
	all := slices.Concat(tr.addresses(), tr.provider(), tr.histories(), tr.gaps())
	slices.SortStableFunc(all, func(a, b moment) int { return a.at.Compare(b.at) })
	for _, m := range all {
		if m.at.After(tr.started.Add(-5 * time.Second)) {
			tr.Logf("  %8.3f s: %s", m.at.Sub(cmp.Or(tr.began, tr.started)).Seconds(), m.what)
		}
	}
}

// addresses says who had the VIP and the lock.
func (tr *trial) addresses() (all []moment) {
	for _, h := range tr.lab.Holders.Changes() {
		all = append(all, moment{h.At, fmt.Sprintf("%s has the VIP: %t", h.Node, h.Has)})
	}
	for _, c := range tr.lab.Lock.Changes() {
		all = append(all, moment{c.At, fmt.Sprintf("%q has the lock, over %q", c.Node, c.Over)})
	}
	return all
}

// provider says what was asked of Hetzner's API, and where the router sent the VIP.
func (tr *trial) provider() (all []moment) {
	if tr.lab.Hetzner == nil {
		return nil
	}
	for _, c := range tr.lab.Hetzner.Calls(tr.started) {
		all = append(all, moment{c.At, fmt.Sprintf("%s asks %s %s %s: %d", c.Agent, c.Method, c.Path, c.Body, c.Status)})
	}
	for _, m := range tr.lab.Hetzner.Moves() {
		all = append(all, moment{m.At, fmt.Sprintf("the VIP is routed to %q", m.Node)})
	}
	return all
}

// histories says what vipctl did on every node.
func (tr *trial) histories() (all []moment) {
	for _, n := range tr.lab.Nodes {
		history, err := n.Vipctl.History()
		if err != nil {
			tr.Log(err)
		}
		for _, e := range history {
			all = append(all, moment{e.At, fmt.Sprintf("%s did %s on %s by %s, %s: %s", n.Name, e.Do, e.Trigger, e.By, e.Code, e.Reason)})
		}
	}
	return all
}

// gaps says what the clients saw.
func (tr *trial) gaps() []moment {
	if tr.recording == nil {
		return nil
	}
	f := tr.recording.Figures()
	all := []moment{
		{f.VIPGap.From, "the gap through the VIP begins"}, {f.VIPGap.To, "the gap through the VIP ends"},
		{f.DirectGap.From, "the direct gap begins"}, {f.DirectGap.To, "the direct gap ends"},
	}
	for _, c := range f.Changes {
		all = append(all, moment{c.Direct, fmt.Sprintf("%s takes its first write of timeline %d", c.Node, c.Timeline)},
			moment{c.VIP, fmt.Sprintf("%s takes its first through the VIP", c.Node)})
	}
	return all
}

func ms(d time.Duration) *int64 {
	n := d.Round(time.Millisecond).Milliseconds()
	return &n
}

func number(n *int64) string {
	if n == nil {
		return ""
	}
	return fmt.Sprint(*n)
}
