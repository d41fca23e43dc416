package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const failureModes = "failure-modes.md"

// linked is a cell that is a link to where its fault is described.
var linked = regexp.MustCompile(`^\[(.+)\]\(#[a-z0-9-]+\)$`)

// described returns the faults at a glance, each of which links to its section.
func described(t *testing.T) (faults []string) {
	t.Helper()
	for _, row := range rows(t, failureModes, "At a glance") {
		m := linked.FindStringSubmatch(row[0])
		if m == nil {
			t.Errorf("%s, At a glance: %q links to no section", failureModes, row[0])
			continue
		}
		faults = append(faults, m[1])
	}
	return faults
}

// measured returns the text around the figures, up to the next heading, and the figures, as
// e2e/figures writes them.
func measured(t *testing.T) (around, figures string) {
	t.Helper()
	page, err := os.ReadFile(failureModes)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, begins := strings.Cut(section(t, failureModes, "The figures"), "\n<!-- figures: begin -->\n")
	figures, behind, ends := strings.Cut(rest, "\n<!-- figures: end -->\n")
	if !begins || !ends || strings.Count(string(page), "<!-- figures: ") != 2 {
		t.Fatalf("%s, The figures: want one line <!-- figures: begin --> and behind it one <!-- figures: end -->", failureModes)
	}
	return before + "\n" + behind, figures
}

// TestMeasuredFaults: whatever was measured is described, and in the same order.
func TestMeasuredFaults(t *testing.T) {
	_, figures := measured(t)
	known := described(t)
	for _, table := range strings.Split(figures, "\n\n") {
		last := 0
		for _, fault := range first(tableRows(table)) {
			at := slices.Index(known, fault)
			if at < 0 {
				t.Errorf("%s has figures of %q, which is not described at a glance", failureModes, fault)
				continue
			}
			if at < last {
				t.Errorf("%s has figures of %q behind those of %q, and describes it before", failureModes, fault, known[last])
			}
			last = at
		}
	}
}

// TestFiguresColumns: each column of the figures is explained, and there for each major version of
// Patroni.
func TestFiguresColumns(t *testing.T) {
	around, figures := measured(t)
	measured, majors := map[string][]string{}, []string(nil)
	for line := range strings.Lines(figures) {
		if head, ok := strings.CutPrefix(strings.TrimSpace(line), "| fault | settings | "); ok {
			for _, column := range strings.Split(strings.TrimSuffix(head, " |"), " | ") {
				at := strings.LastIndex(column, " ")
				measured[column[:max(at, 0)]] = append(measured[column[:max(at, 0)]], column[at+1:])
				majors = append(majors, column[at+1:])
			}
		}
	}
	same(t, "columns", first(tableRows(around)), slices.Collect(maps.Keys(measured)))
	slices.Sort(majors)
	for column, of := range measured {
		if want := slices.Compact(slices.Clone(majors)); !slices.Equal(of, want) {
			t.Errorf("%s: the figures have the column %q for Patroni %v, want %v", failureModes, column, of, want)
		}
	}
}

// TestTrials: each trial of e2e/faults is described, and nothing else.
func TestTrials(t *testing.T) {
	same(t, "faults", described(t), trials(t))
}

// trials reads the names with which the trials begin. One that differs by a number alone is one,
// without it.
func trials(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("../e2e/faults/*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	set := token.NewFileSet()
	for _, file := range files {
		f, err := parser.ParseFile(set, file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok && called(call) == "begin" {
				name := words(call.Args[1])
				if name == "" {
					t.Errorf("%s: the trial's name is not written there", set.Position(call.Pos()))
				}
				names[strings.TrimSuffix(name, " %d")] = true
			}
			return true
		})
	}
	return slices.Collect(maps.Keys(names))
}

func called(call *ast.CallExpr) string {
	if s, ok := call.Fun.(*ast.SelectorExpr); ok && len(call.Args) == 2 {
		return s.Sel.Name
	}
	return ""
}

// words returns a literal, or the format of a Sprintf.
func words(e ast.Expr) string {
	if call, ok := e.(*ast.CallExpr); ok && called(call) == "Sprintf" {
		e = call.Args[0]
	}
	if lit, ok := e.(*ast.BasicLit); ok && lit.Kind == token.STRING {
		return strings.Trim(lit.Value, "\"`")
	}
	return ""
}

// TestPromisesAreBounded: wherever the pages promise that no two nodes take writes, or that the
// lease ends before the lock, the same paragraph links to the windows in which that does not hold.
func TestPromisesAreBounded(t *testing.T) {
	const windows = "failure-modes.md#windows-that-stay-open"
	promise := regexp.MustCompile(`on two nodes that accept|two that can accept|before\s+another\s+member\s+can\s+win`)
	found := 0
	for _, page := range pages(t) {
		data, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, paragraph := range regexp.MustCompile(`\n\n|\n- `).Split(string(data), -1) {
			if !promise.MatchString(paragraph) {
				continue
			}
			found++
			if !strings.Contains(paragraph, windows) {
				t.Errorf("%s promises without the link to %s:\n%s", page, windows, paragraph)
			}
		}
	}
	if found < 4 {
		t.Errorf("found %d promises", found)
	}
}
