package status

import (
	"bufio"
	"bytes"
	"cmp"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/vipctl/vipctl/reconcile/policy"
)

// MissedTicks is how many ticks may be missing before people are asked about the timer.
const MissedTicks = 3

// WriteTable writes the report for people: two lines on the cluster, then a line a VIP, then its
// routes and members where it has any. With colour the lines of the VIPs have escape sequences for
// a terminal. It writes nothing before all of it is made.
func WriteTable(w io.Writer, r Report, colour bool) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "node %s, cluster %s: %s\n", orDash(r.Node), orDash(r.Cluster), patroniText(r.Patroni))
	fmt.Fprintf(&b, "%s\n\n", tickText(r.ticks))
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "VIP\tINTERFACE\tHERE\tLEASE\tANSWERS\tDO\tWHY")
	for _, v := range r.VIPs {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", label(v), v.Interface, v.Present, leaseText(v), answerers(v), v.Do, v.Reason)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if err := writeRoutes(&b, r.VIPs); err != nil {
		return err
	}
	if err := writeMembers(&b, r.Members); err != nil {
		return err
	}
	if !colour {
		_, err := w.Write(b.Bytes())
		return err
	}
	return paint(w, &b, r.VIPs)
}

// paint writes the report with the lines of VIPs coloured: green where the address is, yellow where
// that is unclear.
func paint(w io.Writer, b *bytes.Buffer, vips []VIP) error {
	colours := map[policy.Presence]string{
		policy.PresenceYes: "32", policy.PresencePartly: "33", policy.PresenceUnknown: "33",
	}
	lines := bufio.NewScanner(b)
	const above = 4 // the two lines on the cluster, an empty one, and the table's head
	for i := 0; lines.Scan(); i++ {
		line := lines.Text()
		if i >= above && i-above < len(vips) && colours[vips[i-above].Present] != "" {
			line = "\x1b[" + colours[vips[i-above].Present] + "m" + line + "\x1b[0m"
		}
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return lines.Err()
}

func patroniText(p Patroni) string {
	if !p.Reachable {
		words := "Patroni unreachable (" + p.Why + ")"
		if p.LeaderName != nil {
			words += ", " + *p.LeaderName + " leads"
		}
		return words
	}
	var words []string
	switch {
	case p.Leader:
		words = append(words, "leader")
	case p.LeaderName != nil:
		words = append(words, *p.LeaderName+" leads")
	default:
		words = append(words, "no leader known")
	}
	words = append(words, string(p.Role), p.State)
	if p.Paused {
		words = append(words, "paused")
	}
	if p.Failsafe {
		words = append(words, "failsafe mode")
	}
	return fmt.Sprintf("%s (timeline %d)", strings.Join(words, ", "), p.Timeline)
}

// tickText says when the timer last ran. Where it has left no mark in its folder it did not run, or
// could not write there.
func tickText(t ticks) string {
	question := "is the timer on? (systemctl enable --now vipctl.timer), or can " + t.runDir + " not be written?"
	if t.ago < 0 {
		return "no tick seen: " + question
	}
	words := fmt.Sprintf("last tick %v ago", t.ago.Round(100*time.Millisecond))
	if t.ago > MissedTicks*t.interval {
		words += ", and one is due every " + t.interval.String() + ": " + question
	}
	return words
}

// label is the address, with the name where that is another.
func label(v VIP) string {
	address := strings.TrimSuffix(strings.TrimSuffix(v.Address, "/32"), "/128")
	if bare, _, _ := strings.Cut(address, "/"); v.Name == bare {
		return address
	}
	return v.Name + " " + address
}

// answerers says who answers for the address: this host, and whoever else was heard. Nobody has to
// for one that is routed.
func answerers(v VIP) string {
	if v.Route != nil {
		return "-"
	}
	var who []string
	if v.Present == policy.PresenceYes {
		who = append(who, "here")
	}
	for _, mac := range v.Answering {
		who = append(who, string(mac))
	}
	if v.Answering == nil {
		who = append(who, "?") // nobody could be asked
	}
	if len(who) == 0 {
		return "nobody"
	}
	return strings.Join(who, " ")
}

func leaseText(v VIP) string {
	switch {
	case v.LeaseSeconds != nil:
		return fmt.Sprintf("ends in %.1f s", *v.LeaseSeconds)
	case v.Forever:
		return "no end"
	}
	return "-"
}

// writeRoutes writes the table of the routes, where there are any.
func writeRoutes(w io.Writer, vips []VIP) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	head := "\nROUTE\tVIA\tPOINTS TO\tASKED\tLAST SWITCH\tCALLS LEFT\tNOW\n"
	for _, v := range vips {
		s := v.Route
		if s == nil {
			continue
		}
		fmt.Fprintf(table, "%s%s\t%s\t%s\t%s\t%s\t%s\t%s\n", head, label(v), strings.ReplaceAll(s.Via, "_ip", " IP"),
			pointsTo(s), asked(s), lastSwitch(s), callsLeft(s), orDash(underWay(s)))
		head = ""
	}
	return table.Flush()
}

func pointsTo(s *Route) string {
	switch {
	case s.Holder == nil:
		return "-"
	case s.Ours != nil && *s.Ours:
		return "here (" + *s.Holder + ")"
	}
	return *s.Holder
}

func asked(s *Route) string {
	if s.Checked == nil {
		return "-"
	}
	return s.ago(*s.Checked) + " ago"
}

func lastSwitch(s *Route) string {
	if s.LastSwitchMS == nil {
		return "-"
	}
	return "took " + time.Duration(*s.LastSwitchMS*float64(time.Millisecond)).Round(time.Millisecond).String()
}

func callsLeft(s *Route) string {
	if s.Quota == nil {
		return "-"
	}
	return fmt.Sprintf("%d of %d", s.Quota.Remaining, s.Quota.Limit)
}

// underWay is what has begun and not ended, and what is in its way.
func underWay(s *Route) string {
	var words []string
	if s.PendingSince != nil {
		words = append(words, "switch begun "+s.ago(*s.PendingSince)+" ago")
	}
	if s.Error != "" {
		words = append(words, s.Error)
	}
	if w := cmp.Or(s.LoginWait, s.Wait); w != nil {
		words = append(words, fmt.Sprintf("waits for another %s: %s", s.left(*w), w.Reason))
	}
	return strings.Join(words, "; ")
}

// writeMembers writes the table of the members, where --all asked for it.
func writeMembers(w io.Writer, members []Member) error {
	if len(members) == 0 {
		return nil
	}
	fmt.Fprintln(w)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "MEMBER\tLEADER\tROLE\tSTATE\tTIMELINE\tREST API")
	for _, m := range members {
		leader, state := "no", m.State
		if m.Leader {
			leader = "yes"
		}
		if !m.Reachable {
			leader, state = "?", m.Reason
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%d\t%s\n", orDash(m.Name), leader, orDash(string(m.Role)), orDash(state), m.Timeline, m.URL)
	}
	return table.Flush()
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
