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
			f := &fault{name: "f", settings: "s", trials: make(map[string][]trial)}
			for _, notes := range tt.notes {
				f.trials["4"] = append(f.trials["4"], trial{Notes: notes})
			}
			want := ""
			if tt.want != "" {
				want = "- f (s, Patroni 4): " + tt.want + "\n"
			}
			if got := list([]string{"3", "4"}, []*fault{f}); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

func TestOrigins(t *testing.T) {
	on := func(patroni, vipctl string, cores int) measured {
		return measured{Made: made{Patroni: patroni, Vipctl: vipctl, Cores: cores}}
	}
	for _, tt := range []struct {
		runs []measured
		want string
	}{
		{[]measured{on("3.0.2", "", 0)}, "- Patroni 3 (3.0.2): one run of `make test-faults`.\n"},
		{[]measured{on("3.0.2", "", 4), on("3.0.2", "", 0)}, "- Patroni 3 (3.0.2): 2 runs of `make test-faults`, 4 cores.\n"},
		{[]measured{on("3.0.2", "a", 0), on("3.3.1", "b", 0), on("3.0.2", "a", 0)},
			"- Patroni 3 (3.0.2 and 3.3.1): 3 runs of `make test-faults`, vipctl a and b.\n"},
		{[]measured{on("10.0.0", "a", 0), on("4.0.7", "a", 0)},
			"- Patroni 4 (4.0.7): one run of `make test-faults`, vipctl a.\n- Patroni 10 (10.0.0): one run of `make test-faults`, vipctl a.\n"},
	} {
		if got := origins(majors(tt.runs), tt.runs); got != tt.want {
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
