package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// origin says from how many runs the figures are, and of what.
func origin(runs []measured) string {
	text := fmt.Sprintf("From %d runs", len(runs))
	if len(runs) == 1 {
		text = "From one run"
	}
	text += " of `make test-faults`"
	for _, part := range []struct {
		before string
		of     func(made) string
		behind string
	}{
		{" on ", day, ""},
		{", vipctl ", func(m made) string { return m.Vipctl }, ""},
		{", Patroni ", func(m made) string { return m.Patroni }, ""},
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
