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
`
	const after = `package p

const untouched = 1 + 2

func f(a, b int, s string) string {
	if pickFlip(7, !(pickAnd(8, pickLess(9, a , b) , func() bool { return  pickFlip(11, pickPlus(12, a,1) != pickMin(13, a, b)) }))) {
		return "x" + s
	}
	return s
}
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
		if m.id != 7+i || m.at.Line != 6 {
			t.Errorf("mutant %d is number %d, in line %d", i, m.id, m.at.Line)
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
	}
	if strings.Join(names, "\n") != strings.Join(want, "\n") {
		t.Errorf("got  %q\nwant %q", names, want)
	}
}
