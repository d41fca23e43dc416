package main

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// column is a figure of the tables. The page says what each name means.
type column struct {
	name string
	of   func(trial) *int64 // nil where the trial has none
}

// What clients saw.
var clients = []column{
	{"outage", func(t trial) *int64 { return t.Outage }},
	{"flush", func(t trial) *int64 { return t.Flush }},
	{"direct", func(t trial) *int64 { return t.Direct }},
	{"nobody", func(t trial) *int64 { return t.Nobody }},
	{"two", func(t trial) *int64 { return t.Two }},
	{"deposed", func(t trial) *int64 { return t.Deposed }},
	{"taken back", func(t trial) *int64 {
		if t.Deposed == nil {
			return nil
		}
		return &t.TakenBack
	}},
	{"lost", func(t trial) *int64 { return t.Lost }},
}

// How the VIP and the lock left the old leader.
var succession = []column{
	{"gone", func(t trial) *int64 { return t.Gone }},
	{"lock", func(t trial) *int64 { return t.Lock }},
	{"early", func(t trial) *int64 { return t.Early }},
	{"election", func(t trial) *int64 { return t.Election }},
	{"ahead", func(t trial) *int64 { return t.Ahead }},
}

// fault is all the trials of a fault with the same settings.
type fault struct {
	name, settings string
	trials         []trial
}

// counted is the end of a name that only counts: "switchover 3".
var counted = regexp.MustCompile(` \d+$`)

// faults collects the trials of all runs, in the order in which the runs had them first.
func faults(runs []measured) (all []*fault) {
	for _, r := range runs {
		for _, t := range r.Trials {
			name := counted.ReplaceAllString(t.Fault, "")
			i := slices.IndexFunc(all, func(f *fault) bool { return f.name == name && f.settings == t.Settings })
			if i < 0 {
				i = len(all)
				all = append(all, &fault{name: name, settings: t.Settings})
			}
			all[i].trials = append(all[i].trials, t)
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
	all := sorted(faults(runs), page)
	return strings.Join([]string{
		origin(runs) + "\n",
		table([]string{"fault", "settings", "ran"}, clients, all, func(f *fault) []string {
			return []string{cell(f.name), f.settings, f.ran()}
		}),
		table([]string{"fault", "settings"}, succession, all, func(f *fault) []string {
			if !f.has(succession) {
				return nil
			}
			return []string{cell(f.name), f.settings}
		}),
		list(all),
	}, "\n")
}

// table has a row for each fault for which head returns cells.
func table(heads []string, columns []column, all []*fault, head func(*fault) []string) string {
	ruler := strings.Repeat("|---", len(heads)) + strings.Repeat("|---:", len(columns)) + "|\n"
	for _, c := range columns {
		heads = append(heads, c.name)
	}
	text := line(heads) + ruler
	for _, f := range all {
		cells := head(f)
		if cells == nil {
			continue
		}
		for _, c := range columns {
			cells = append(cells, spread(f.values(c)))
		}
		text += line(cells)
	}
	return text
}

func line(cells []string) string { return "| " + strings.Join(cells, " | ") + " |\n" }

// cell is text that does not end the cell it is in.
func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }

// ran is how often the fault ran, and how often not all was as it should be.
func (f *fault) ran() string {
	failed := 0
	for _, t := range f.trials {
		if !t.Holds {
			failed++
		}
	}
	if failed > 0 {
		return fmt.Sprintf("%d, %d failed", len(f.trials), failed)
	}
	return fmt.Sprint(len(f.trials))
}

func (f *fault) has(columns []column) bool {
	return slices.ContainsFunc(columns, func(c column) bool { return len(f.values(c)) > 0 })
}

// values are the column's figures, of the trials that have it.
func (f *fault) values(c column) (all []int64) {
	for _, t := range f.trials {
		if n := c.of(t); n != nil {
			all = append(all, *n)
		}
	}
	return all
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
