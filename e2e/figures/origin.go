package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// majors lists the major versions of Patroni that the runs had, the lowest first.
func majors(runs []measured) (all []string) {
	for _, r := range runs {
		if m := r.Made.major(); !slices.Contains(all, m) {
			all = append(all, m)
		}
	}
	slices.SortFunc(all, byValue)
	return all
}

// origins says for each major version of Patroni from how many runs its figures are, and of what.
func origins(majors []string, runs []measured) (text string) {
	for _, major := range majors {
		of := slices.DeleteFunc(slices.Clone(runs), func(r measured) bool { return r.Made.major() != major })
		text += fmt.Sprintf("- Patroni %s (%s): %s\n", major, distinct(of, func(m made) string { return m.Patroni }), origin(of))
	}
	return text
}

// origin says how many runs there are, and of what.
func origin(runs []measured) string {
	text := fmt.Sprintf("%d runs", len(runs))
	if len(runs) == 1 {
		text = "one run"
	}
	text += " of `make test-faults`"
	for _, part := range []struct {
		before string
		of     func(made) string
		behind string
	}{
		{" on ", day, ""},
		{", vipctl ", func(m made) string { return m.Vipctl }, ""},
		{", PostgreSQL ", func(m made) string { return m.Postgres }, ""},
		{", etcd ", func(m made) string { return m.Etcd }, ""},
		{", ", cores, " cores"},
	} {
		if values := distinct(runs, part.of); values != "" {
			text += part.before + values + part.behind
		}
	}
	return text + "."
}

func day(m made) string {
	if m.At.IsZero() {
		return ""
	}
	return m.At.UTC().Format(time.DateOnly)
}

func cores(m made) string {
	if m.Cores == 0 {
		return ""
	}
	return fmt.Sprint(m.Cores)
}

// distinct lists what the runs have, each value once.
func distinct(runs []measured, of func(made) string) string {
	var values []string
	for _, r := range runs {
		if v := of(r.Made); v != "" && !slices.Contains(values, v) {
			values = append(values, v)
		}
	}
	return strings.Join(values, " and ")
}
