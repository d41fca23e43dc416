package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestSpread(t *testing.T) {
	for _, tt := range []struct {
		all  []int64
		want string
	}{
		{nil, ""},
		{[]int64{0}, "0"},
		{[]int64{7, 7, 7}, "7"},
		{[]int64{10, -8}, "1 (-8 to 10)"},
		{[]int64{19, -4, 3}, "3 (-4 to 19)"},
		{[]int64{4, 1, 3, 2}, "2 (1 to 4)"},
	} {
		if got := spread(tt.all); got != tt.want {
			t.Errorf("%v: got %q, want %q", tt.all, got, tt.want)
		}
	}
}

func TestRemarks(t *testing.T) {
	for _, tt := range []struct {
		name  string
		notes [][]string // of each trial
		want  string
	}{
		{"none", [][]string{nil, nil}, ""},
		{"the same", [][]string{{"a"}, {"a"}}, "a"},
		{"other numbers", [][]string{{"9 of 20"}, {"10 of 20"}}, "9 to 10 of 20"},
		{"below zero", [][]string{{"+ 3 ms"}, {"+ -121 ms"}, {"+ 0 ms"}}, "+ -121 to 3 ms"},
		{"parts of a second", [][]string{{"8.2s ago"}, {"12s ago"}}, "8.2 to 12s ago"},
		{"names are no numbers", [][]string{{"n1 led"}, {"n2 led"}}, "n1 led (1 of 2); n2 led (1 of 2)"},
		{"twice in one trial", [][]string{{"5 ms", "4 ms"}, nil, nil}, "4 to 5 ms (1 of 3)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := &fault{name: "f", settings: "s"}
			for _, notes := range tt.notes {
				f.trials = append(f.trials, trial{Notes: notes})
			}
			want := ""
			if tt.want != "" {
				want = "- f (s): " + tt.want + "\n"
			}
			if got := list([]*fault{f}); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

func TestOrigin(t *testing.T) {
	for _, tt := range []struct {
		runs []measured
		want string
	}{
		{[]measured{{}}, "From one run of `make test-faults`."},
		{[]measured{{Made: made{Cores: 4}}, {}}, "From 2 runs of `make test-faults`, 4 cores."},
		{[]measured{{Made: made{Vipctl: "a"}}, {Made: made{Vipctl: "b"}}, {Made: made{Vipctl: "a"}}}, "From 3 runs of `make test-faults`, vipctl a and b."},
	} {
		if got := origin(tt.runs); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}

// TestFields holds what is read here against what e2e/faults writes.
func TestFields(t *testing.T) {
	for _, tt := range []struct {
		file, name string
		mine       reflect.Type
	}{
		{"../faults/report_test.go", "report", reflect.TypeFor[measured]()},
		{"../faults/report_test.go", "made", reflect.TypeFor[made]()},
		{"../faults/trial_test.go", "trial", reflect.TypeFor[trial]()},
	} {
		var mine []string
		for i := range tt.mine.NumField() {
			mine = append(mine, tt.mine.Field(i).Tag.Get("json"))
		}
		if written := written(t, tt.file, tt.name); !slices.Equal(mine, written) {
			t.Errorf("%s's %s: it writes\n%q, read is\n%q", tt.file, tt.name, written, mine)
		}
	}
}

// written returns the names in the JSON of a type.
func written(t *testing.T, file, name string) (names []string) {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(f, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok || spec.Name.Name != name {
			return true
		}
		for _, field := range spec.Type.(*ast.StructType).Fields.List {
			if field.Tag == nil {
				continue
			}
			tag := reflect.StructTag(strings.Trim(field.Tag.Value, "`")).Get("json")
			if tag, _, _ = strings.Cut(tag, ","); tag != "-" {
				names = append(names, tag)
			}
		}
		return false
	})
	return names
}
