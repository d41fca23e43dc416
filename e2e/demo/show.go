package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/vipctl/vipctl/e2e/lab"
)

// show prints what the writers saw.
func show(r *lab.Recording) {
	f := r.Figures()
	fmt.Println("  who had the VIP, in seconds since the writers began:")
	timeline(r)
	fmt.Printf("  longest time without a write: %s through the VIP, %s for those who know every node: the VIP cost %+d ms\n",
		ms(f.VIPGap.Length()), ms(f.DirectGap.Length()), f.Outage().Milliseconds())
	for _, c := range f.Changes {
		if !c.VIP.IsZero() && !c.Direct.IsZero() {
			fmt.Printf("  %s took its first write at its own address, and %+d ms later through the VIP\n", c.Node, c.Lag().Milliseconds())
		}
	}
	fmt.Printf("  a client that forgets its neighbours every second: longest time without a write %s\n", ms(f.FlushGap.Length()))
	fmt.Printf("  the VIP was nowhere for %s, on two nodes for %s\n", ms(f.NoHolder), ms(f.Two))
	fmt.Printf("  writes through the VIP that a deposed primary acknowledged: %d (of %d)\n", len(f.Deposed), f.Writes)
}

// timeline prints who had the VIP from when on.
func timeline(r *lab.Recording) {
	var holders []string
	line := func(at time.Duration) {
		who := strings.Join(holders, " and ")
		if who == "" {
			who = "nobody"
		}
		fmt.Printf("    %7.3f  %s\n", at.Seconds(), who)
	}
	begun := false
	for _, h := range r.Holders {
		if h.At.After(r.To) {
			break
		}
		if !begun && h.At.After(r.From) {
			begun = true
			line(0)
		}
		if h.Has {
			holders = append(holders, h.Node)
			slices.Sort(holders)
		} else {
			holders = slices.DeleteFunc(holders, func(n string) bool { return n == h.Node })
		}
		if begun {
			line(h.At.Sub(r.From))
		}
	}
	if !begun {
		line(0)
	}
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
