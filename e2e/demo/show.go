package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/vipctl/vipctl/e2e/lab"
)

// show prints what the writers saw.
func show(r *lab.Recording) {
	f := r.Figures()
	fmt.Println("  who had the VIP, in seconds since the clients began:")
	for _, line := range timeline(r) {
		fmt.Println("    " + line)
	}
	for _, line := range findings(f) {
		fmt.Println("  " + line)
	}
}

// findings says in words what the clients saw.
func findings(f lab.Figures) []string {
	lines := []string{
		fmt.Sprintf("longest time without a write: %s through the VIP, %s for clients that know every node",
			ms(f.VIPGap.Length()), ms(f.DirectGap.Length())),
		cost(f.Outage()),
	}
	for _, c := range f.Changes {
		if !c.VIP.IsZero() && !c.Direct.IsZero() {
			lines = append(lines, fmt.Sprintf("clients of the VIP were back on %s %s clients that know every node", c.Node, beside(c.Lag())))
		}
	}
	return append(lines,
		fmt.Sprintf("a client of the VIP that forgets its neighbours every second: longest time without a write %s", ms(f.FlushGap.Length())),
		fmt.Sprintf("the VIP was %s, and %s", lasted("without a holder", f.NoHolder), lasted("on two nodes", f.Two)),
		deposed(len(f.Deposed), f.Writes))
}

// cost says what clients of the VIP lost beyond clients that know every node.
func cost(outage time.Duration) string {
	if outage <= 0 {
		return "the VIP cost its clients nothing"
	}
	return "the VIP cost its clients " + ms(outage)
}

// beside says when something was, beside something else.
func beside(lag time.Duration) string {
	switch n := lag.Milliseconds(); {
	case n > 0:
		return ms(lag) + " after"
	case n < 0:
		return ms(-lag) + " before"
	}
	return "at the same time as"
}

// lasted says how long something was so.
func lasted(what string, d time.Duration) string {
	switch {
	case d == 0:
		return "never " + what
	case d < time.Millisecond:
		return what + " for less than 1 ms"
	}
	return what + " for " + ms(d)
}

func deposed(n, of int) string {
	if n == 0 {
		return fmt.Sprintf("no write through the VIP went to a primary that another had succeeded (%d writes)", of)
	}
	return fmt.Sprintf("%d of %d writes through the VIP went to a primary that another had succeeded", n, of)
}

// timeline says who had the VIP from when on. What lasted less than a millisecond has no line.
func timeline(r *lab.Recording) (lines []string) {
	before := ""
	for _, p := range holdings(r) {
		if p.who != before {
			lines = append(lines, fmt.Sprintf("%7.3f  %s", p.at.Seconds(), p.who))
		}
		before = p.who
	}
	return lines
}

// holding says who had the VIP from a millisecond on.
type holding struct {
	at  time.Duration // since the clients began
	who string
}

// holdings lists who had the VIP at the end of each millisecond in which that changed, and in the
// first one.
func holdings(r *lab.Recording) []holding {
	var holders []string
	all := []holding{{at: 0, who: "nobody"}}
	for _, h := range r.Holders {
		if h.At.After(r.To) {
			break
		}
		if h.Has {
			holders = append(holders, h.Node)
			slices.Sort(holders)
		} else {
			holders = slices.DeleteFunc(holders, func(n string) bool { return n == h.Node })
		}
		now := holding{at: max(0, h.At.Sub(r.From).Round(time.Millisecond)), who: cmp.Or(strings.Join(holders, " and "), "nobody")}
		if last := len(all) - 1; now.at == all[last].at {
			all[last] = now
		} else {
			all = append(all, now)
		}
	}
	return all
}

func ms(d time.Duration) string { return fmt.Sprintf("%d ms", d.Milliseconds()) }

// tell prints what vipctl itself says of all this, on each node.
func tell(l *lab.Lab) error {
	fmt.Println("\nWhat vipctl says.")
	for _, n := range l.Nodes {
		for _, command := range []string{"status", "history"} {
			text, err := n.Vipctl.Run(command)
			if err != nil {
				return err
			}
			fmt.Printf("  %s: vipctl %s\n", n.Name, command)
			for line := range strings.Lines(strings.TrimRight(text, "\n") + "\n") {
				fmt.Print("    ", line)
			}
		}
	}
	return nil
}
