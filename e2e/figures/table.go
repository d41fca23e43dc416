package main

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// column is what a table says of each fault. It stands there once for each major version of
// Patroni. The page says what each name means.
type column struct {
	name, ruler string
	cell        func([]trial) string
}

// figure is a column of numbers. of returns nil where the trial has none.
func figure(name string, of func(trial) *int64) column {
	return column{name, "---:", func(trials []trial) string {
		var all []int64
		for _, t := range trials {
			if n := of(t); n != nil {
				all = append(all, *n)
			}
		}
		return spread(all)
	}}
}

// tables are the columns of each table.
var tables = [][]column{
	{ // how long clients went without a write
		{"ran", "---", ran},
		figure("outage", func(t trial) *int64 { return t.Outage }),
		figure("flush", func(t trial) *int64 { return t.Flush }),
		figure("direct", func(t trial) *int64 { return t.Direct }),
	},
	{ // how long the VIP was not on one node
		figure("nobody", func(t trial) *int64 { return t.Nobody }),
		figure("two", func(t trial) *int64 { return t.Two }),
	},
	{ // what became of writes
		figure("deposed", func(t trial) *int64 { return t.Deposed }),
		figure("taken back", func(t trial) *int64 {
			if t.Deposed == nil {
				return nil
			}
			return &t.TakenBack
		}),
		figure("lost", func(t trial) *int64 { return t.Lost }),
	},
	{ // how the VIP and the lock left the old leader
		figure("gone", func(t trial) *int64 { return t.Gone }),
		figure("lock", func(t trial) *int64 { return t.Lock }),
		figure("early", func(t trial) *int64 { return t.Early }),
		figure("election", func(t trial) *int64 { return t.Election }),
		figure("ahead", func(t trial) *int64 { return t.Ahead }),
	},
}

// fault is all the trials of a fault with the same settings.
type fault struct {
	name, settings string
	trials         map[string][]trial // by Patroni's major version
}

// counted is the end of a name that only counts: "switchover 3".
var counted = regexp.MustCompile(` \d+$`)

// faults collects the trials of all runs, in the order in which the runs had them first.
func faults(runs []measured) (all []*fault) {
	for _, r := range runs {
		major := r.Made.major()
		for _, t := range r.Trials {
			name := counted.ReplaceAllString(t.Fault, "")
			i := slices.IndexFunc(all, func(f *fault) bool { return f.name == name && f.settings == t.Settings })
			if i < 0 {
				i = len(all)
				all = append(all, &fault{name: name, settings: t.Settings, trials: make(map[string][]trial)})
			}
			all[i].trials[major] = append(all[i].trials[major], t)
		}
	}
	return all
}

// sorted puts the faults in the order in which the page first links to them. Those to which it does
// not link come last.
func sorted(all []*fault, page string) []*fault {
	place := func(f *fault) int {
		if i := strings.Index(page, "["+cell(f.name)+"]("); i >= 0 {
			return i
		}
		return len(page)
	}
	slices.SortStableFunc(all, func(a, b *fault) int { return cmp.Compare(place(a), place(b)) })
	return all
}

// figures is the text between the page's markers: where the figures come from, the tables, and what
// the trials remarked.
func figures(page string, runs []measured) string {
	all, majors := sorted(faults(runs), page), majors(runs)
	parts := []string{origins(majors, runs)}
	for _, columns := range tables {
		parts = append(parts, table(majors, columns, all))
	}
	return strings.Join(append(parts, list(majors, all)), "\n")
}

// table has a row for each fault of which one of the columns says something.
func table(majors []string, columns []column, all []*fault) string {
	heads, ruler := []string{"fault", "settings"}, []string{"---", "---"}
	for _, c := range columns {
		for _, major := range majors {
			heads, ruler = append(heads, c.name+" "+major), append(ruler, c.ruler)
		}
	}
	text := line(heads) + "|" + strings.Join(ruler, "|") + "|\n"
	for _, f := range all {
		var cells []string
		for _, c := range columns {
			for _, major := range majors {
				cells = append(cells, c.cell(f.trials[major]))
			}
		}
		if strings.Join(cells, "") != "" {
			text += line(append([]string{cell(f.name), f.settings}, cells...))
		}
	}
	return text
}

func line(cells []string) string { return "| " + strings.Join(cells, " | ") + " |\n" }

// cell is text that does not end the cell it is in.
func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }

// ran is how many trials there were, and in how many of them not all was as it should be.
func ran(trials []trial) string {
	failed := 0
	for _, t := range trials {
		if !t.Holds {
			failed++
		}
	}
	switch {
	case len(trials) == 0:
		return ""
	case failed > 0:
		return fmt.Sprintf("%d, %d failed", len(trials), failed)
	}
	return fmt.Sprint(len(trials))
}

// spread is a figure that was measured several times: its median, and from where to where it goes.
func spread(all []int64) string {
	if len(all) == 0 {
		return ""
	}
	all = slices.Sorted(slices.Values(all))
	least, most := all[0], all[len(all)-1]
	if least == most {
		return fmt.Sprint(least)
	}
	median := (all[(len(all)-1)/2] + all[len(all)/2]) / 2
	return fmt.Sprintf("%d (%d to %d)", median, least, most)
}
