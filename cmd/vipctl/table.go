package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/sys/unix"

	"github.com/vipctl/vipctl/reconcile/policy"
)

// isTerminal reports whether w is one.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

// colourful reports whether colours are wanted (https://no-color.org).
func colourful(w io.Writer) bool { return os.Getenv("NO_COLOR") == "" && isTerminal(w) }

// writeStatus writes the report for people: two lines on the cluster, then a line a VIP.
func writeStatus(w io.Writer, r statusReport, colour bool) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "node %s, cluster %s: %s\n", orDash(r.Node), orDash(r.Cluster), r.Patroni.words())
	fmt.Fprintf(&b, "%s\n\n", tickWords(r.lastTickAgo, r.interval, r.runDir))
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "VIP\tINTERFACE\tHERE\tLEASE\tANSWERS\tDO\tWHY")
	for _, v := range r.VIPs {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", v.label(), v.Interface, v.Here, v.leaseWords(), v.answers(), v.Do, v.Reason)
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

// paint writes the report with the lines of VIPs coloured: green where the address is, yellow where that is unclear.
func paint(w io.Writer, b *bytes.Buffer, vips []vipStatus) error {
	colours := map[policy.Presence]string{
		policy.PresenceYes: "32", policy.PresencePartly: "33", policy.PresenceUnknown: "33",
	}
	lines := bufio.NewScanner(b)
	const above = 4 // the two lines on the cluster, an empty one, and the table's head
	for i := 0; lines.Scan(); i++ {
		line := lines.Text()
		if i >= above && i-above < len(vips) && colours[vips[i-above].Here] != "" {
			line = "\x1b[" + colours[vips[i-above].Here] + "m" + line + "\x1b[0m"
		}
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return lines.Err()
}

func (p patroniStatus) words() string {
	if !p.Reachable {
		words := "Patroni unreachable (" + p.why + ")"
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

// missedTicks is how many ticks may be missing before people are asked about the timer.
const missedTicks = 3

// tickWords says when the timer last ran. Without its mark in the folder it did not, or could not write there.
func tickWords(ago, interval time.Duration, dir string) string {
	question := "is the timer on? (systemctl enable --now vipctl.timer), or can " + dir + " not be written?"
	if ago < 0 {
		return "no tick seen: " + question
	}
	words := fmt.Sprintf("last tick %v ago", ago.Round(100*time.Millisecond))
	if ago > missedTicks*interval {
		words += ", and one is due every " + interval.String() + ": " + question
	}
	return words
}

// label is the address, with the name where that is another.
func (v vipStatus) label() string {
	address := strings.TrimSuffix(strings.TrimSuffix(v.Address, "/32"), "/128")
	if bare, _, _ := strings.Cut(address, "/"); v.Name == bare {
		return address
	}
	return v.Name + " " + address
}

// answers says who answers for the address: this host, and whoever else was heard. Nobody has to for one that is routed.
func (v vipStatus) answers() string {
	if v.Route != nil {
		return "-"
	}
	var who []string
	if v.Here == policy.PresenceYes {
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

func (v vipStatus) leaseWords() string {
	switch {
	case v.LeaseSeconds != nil:
		return fmt.Sprintf("ends in %.1f s", *v.LeaseSeconds)
	case v.Forever:
		return "no end"
	}
	return "-"
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
