package status

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/reconcile/policy"
)

// WritePlan writes for people what a tick would do with each VIP, and every fact behind it, a line
// each.
func WritePlan(w io.Writer, outcomes []reconcile.Outcome) error {
	var b bytes.Buffer
	for i, o := range outcomes {
		if i > 0 {
			b.WriteByte('\n')
		}
		p := planText{now: o.Facts.Now}
		fmt.Fprintf(&b, "%s: %s (%s): %s\n", o.VIP, o.Verdict.Do, o.Verdict.Code, o.Verdict.Why)
		table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
		for _, fact := range p.facts(o.Facts) {
			fmt.Fprintf(table, "  %s\t%s\n", fact[0], fact[1])
		}
		if err := table.Flush(); err != nil {
			return err
		}
	}
	_, err := w.Write(b.Bytes())
	return err
}

// planText puts facts into words. Moments become "2s ago" and "in 2s", seen from one moment.
type planText struct{ now policy.Moment }

// facts are the name and the text of each.
func (p planText) facts(f policy.Facts) [][2]string {
	facts := [][2]string{{"Patroni", p.reply(f.Reply)}}
	if f.Cluster.Reply.At != f.Reply.At {
		facts = append(facts, [2]string{"last heard", p.reply(f.Cluster.Reply)})
	}
	if f.Cluster.Leading.At != f.Reply.At {
		facts = append(facts, [2]string{"led last", p.reply(f.Cluster.Leading)})
	}
	facts = append(facts, [][2]string{
		{"peers", p.peers(f.Peers)},
		{"PostgreSQL", postgres(f.PG)},
		{"address", p.address(f.Address)},
		{"last claim", p.state(f.VIP)},
		{"settings", p.timing(f.Cluster)},
		{"last tick", p.ago(f.Cluster.LastTick)},
		{"last callback", p.callback(f.Cluster.Callback)},
	}...)
	if h := f.VIP.Hold; h != nil {
		facts = append(facts, [2]string{"hold", "by " + h.By + ", ends " + p.ago(h.Until)})
	}
	return facts
}

// ago says how long ago a moment was, or in how long it will be; "never" for 0.
func (p planText) ago(m policy.Moment) string {
	switch d := p.now.Sub(m).Round(100 * time.Millisecond); {
	case m.IsZero(), !m.Before(policy.Forever):
		return "never"
	case d < 0:
		return "in " + brief(-d)
	default:
		return brief(d) + " ago"
	}
}

// brief is a duration as people say it: to the tenth of a second where it is short.
func brief(d time.Duration) string {
	if d >= time.Minute {
		d = d.Round(time.Second)
	}
	return d.String()
}

func (p planText) reply(w policy.PatroniReply) string {
	switch {
	case w.Kind == policy.Unasked && w.At.IsZero():
		return "not asked"
	case !w.Counts():
		return fmt.Sprintf("%s, asked %s: %s", strings.ReplaceAll(string(w.Kind), "_", " "), p.ago(w.At), w.Why)
	}
	words := []string{map[bool]string{true: "leader", false: "not the leader"}[w.Kind == policy.Leader], string(w.Role), w.State}
	if w.Paused {
		words = append(words, "paused")
	}
	if w.Failsafe {
		words = append(words, "failsafe mode")
	}
	if w.Unlocked {
		words = append(words, "sees no leader")
	}
	return fmt.Sprintf("%s (timeline %d), asked %s; read the DCS %s", strings.Join(words, ", "), w.Timeline, p.ago(w.At), p.ago(w.SeenAt))
}

func (p planText) peers(polled policy.Poll) string {
	words := polled.String()
	if !polled.At.IsZero() {
		words += ", asked " + p.ago(polled.At)
	}
	return words
}

func postgres(pg policy.PG) string {
	switch pg {
	case policy.PGAlive:
		return "runs"
	case policy.PGDown:
		return "is down or stopping"
	}
	return "not known, or not looked at"
}

func (p planText) address(s policy.AddressState) string {
	words := map[policy.Presence]string{
		policy.PresenceNo: "not here", policy.PresenceYes: "here", policy.PresencePartly: "here in part",
	}[s.Presence]
	if words == "" {
		words = "not known"
	}
	switch {
	case s.Forever:
		words += ", without an end"
	case !s.End.IsZero():
		words += ", ends " + p.ago(s.End)
	}
	if s.Detail != "" {
		words += " (" + s.Detail + ")"
	}
	return words
}

// state is what vipctl itself remembers of the address.
func (p planText) state(n policy.VIPState) string {
	words := []string{"none known"}
	switch n.Phase {
	case policy.Claiming:
		words[0] = "begun " + p.ago(n.Changed) + " and not finished"
	case policy.Claimed:
		words[0] = p.ago(n.Claimed)
	case policy.Released:
		words[0] = "released " + p.ago(n.Changed)
	}
	if !n.LeaseEnd.IsZero() {
		words = append(words, "what vouches for it ends "+p.ago(n.LeaseEnd))
	}
	if n.HandOver != nil {
		words = append(words, "hand-over begun "+p.ago(n.HandOver.Began)+", ends "+p.ago(n.HandOver.Until))
	}
	if n.Failure != "" {
		words = append(words, "failed: "+n.Failure)
	}
	return strings.Join(words, "; ")
}

func (p planText) timing(m policy.ClusterState) string {
	if m.TimingAt.IsZero() {
		return "not heard yet"
	}
	return fmt.Sprintf("ttl %v, loop_wait %v, retry_timeout %v, heard %s", m.Timing.TTL, m.Timing.LoopWait, m.Timing.RetryTimeout, p.ago(m.TimingAt))
}

func (p planText) callback(c policy.Callback) string {
	switch {
	case c.Event == "":
		return "never"
	case c.Ended.IsZero():
		return fmt.Sprintf("%s, began %s, and has not ended", c.Event, p.ago(c.Began))
	}
	return fmt.Sprintf("%s, began %s, took %v", c.Event, p.ago(c.Began), c.Ended.Sub(c.Began).Round(time.Millisecond))
}
