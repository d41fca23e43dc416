package main

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// number is one in a text. Those in names, as of the node n1, are none.
var number = regexp.MustCompile(`-?\b\d+(\.\d+)?`)

// remark is a note that several trials made, with other numbers.
type remark struct {
	words   []string   // around the numbers
	numbers [][]string // those at each place
	trials  []int      // which made it
}

// list has a line for each fault and each major version of Patroni on which there are remarks.
func list(majors []string, all []*fault) (text string) {
	for _, f := range all {
		for _, major := range majors {
			var said []string
			for _, r := range remarks(f.trials[major]) {
				remark := r.String()
				if n := len(slices.Compact(r.trials)); n < len(f.trials[major]) {
					remark += fmt.Sprintf(" (%d of %d)", n, len(f.trials[major]))
				}
				said = append(said, remark)
			}
			if len(said) > 0 {
				text += fmt.Sprintf("- %s (%s, Patroni %s): %s\n", f.name, f.settings, major, strings.Join(said, "; "))
			}
		}
	}
	return text
}

// remarks collects the notes of trials that differ in nothing but numbers, in the order in which
// they were made first.
func remarks(trials []trial) (all []*remark) {
	for i, t := range trials {
		for _, note := range t.Notes {
			words := number.Split(note, -1)
			at := slices.IndexFunc(all, func(r *remark) bool { return slices.Equal(r.words, words) })
			if at < 0 {
				at = len(all)
				all = append(all, &remark{words: words, numbers: make([][]string, len(words)-1)})
			}
			r := all[at]
			r.trials = append(r.trials, i)
			for place, n := range number.FindAllString(note, -1) {
				r.numbers[place] = append(r.numbers[place], n)
			}
		}
	}
	return all
}

// String is the note with each number from its least to its most.
func (r *remark) String() string {
	var b strings.Builder
	for i, words := range r.words {
		b.WriteString(words)
		if i < len(r.numbers) {
			b.WriteString(reach(r.numbers[i]))
		}
	}
	return b.String()
}

func reach(numbers []string) string {
	least, most := slices.MinFunc(numbers, byValue), slices.MaxFunc(numbers, byValue)
	if least == most {
		return least
	}
	return least + " to " + most
}

func byValue(a, b string) int {
	x, _ := strconv.ParseFloat(a, 64) // the pattern finds nothing else
	y, _ := strconv.ParseFloat(b, 64)
	return cmp.Compare(x, y)
}
