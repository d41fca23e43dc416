package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestMutate(t *testing.T) {
	const before = `package p

const untouched = 1 + 2

func f(a, b int, s string) string {
	if !(a < b && a+1 != min(a, b)) {
		return "x" + s
	}
	return s
}

var rows = []row{{fits: func(m, n Moment) bool { return m.Add(1).Before(n) ||
	n.IsZero() }}}
`
	const after = `package p

const untouched = 1 + 2

func f(a, b int, s string) string {
	if pickFlip(7, !(pickAnd(8, pickLess(9, a , b) , func() bool { return ( pickFlip(11, pickPlus(12, a,1) != pickMin(13, a, b))) }))) {
		return "x" + s
	}
	return s
}

var rows = []row{{fits: func(m, n Moment) bool { return pickOr(14, pickBefore(15, pickAdd(17, m, 1), n) , func() bool { return (
	pickFlip(18, n.IsZero())) }) }}}
`
	path := filepath.Join(t.TempDir(), "p.go")
	if err := os.WriteFile(path, []byte(before), 0o600); err != nil {
		t.Fatal(err)
	}
	got, mutants, err := mutate(path, 7)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != after {
		t.Errorf("got\n%s\nwant\n%s", got, after)
	}
	var names []string
	for i, m := range mutants {
		if m.id != 7+i {
			t.Errorf("mutant %d is number %d", i, m.id)
		}
		if line := map[string]int{"f": 6, "rows": 12}[m.function]; m.at.Line != line && m.from != "IsZero" {
			t.Errorf("%s: in line %d, want %d", m, m.at.Line, line)
		}
		names = append(names, m.String())
	}
	want := []string{
		"f: !(a < b && a+1 != min(a, b)): ! to nothing",
		"f: a < b && a+1 != min(a, b): && to ||",
		"f: a < b: < to <=",
		"f: a < b: < to >=",
		"f: a+1 != min(a, b): != to ==",
		"f: a+1: + to -",
		"f: min(a, b): min to max",
		"rows: m.Add(1).Before(n) || n.IsZero(): || to &&",
		"rows: m.Add(1).Before(n): Before to <=",
		"rows: m.Add(1).Before(n): Before to >=",
		"rows: m.Add(1): Add to -",
		"rows: n.IsZero(): IsZero to !IsZero",
	}
	if strings.Join(names, "\n") != strings.Join(want, "\n") {
		t.Errorf("got  %q\nwant %q", names, want)
	}
}
