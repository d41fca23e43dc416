package policy

import (
	"bytes"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
)

// write makes TestPage write POLICY.md instead of comparing it: go generate ./reconcile/policy
var write = flag.Bool("write", false, "write POLICY.md")

const (
	pageBegins = "<!-- The tables begin. They are written by: go generate ./reconcile/policy -->\n"
	pageEnds   = "<!-- The tables end. -->\n"
)

// pageTables are the tables of the page, in its order.
func pageTables() []*table {
	return []*table{
		everyRun, tickRows, leadingRows, notLeadingRows, silentRows, notHereRows, callbackRows, stoppedRows, promotedRows, startedRows,
		steppedDownRows, confirmingRows, orderRows, heldRows,
	}
}

// place is one row: the index of its table in [pageTables], and its own.
type place struct{ table, row int }

// TestPage holds the tables of POLICY.md against the rows that [Decide] goes through. What a row
// does where the address is here and where it is not, and its reason, is what it decided of all
// facts that the tests can think of.
func TestPage(t *testing.T) {
	page, err := os.ReadFile("POLICY.md")
	if err != nil {
		t.Fatal(err)
	}
	begin, end := bytes.Index(page, []byte(pageBegins)), bytes.Index(page, []byte(pageEnds))
	if begin < 0 || end < begin {
		t.Fatal("POLICY.md has no place for the tables")
	}
	begin += len(pageBegins)
	want := tablesOfPage(t)
	if *write {
		page = slices.Concat(page[:begin], []byte(want), page[end:])
		if err := os.WriteFile("POLICY.md", page, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got := string(page[begin:end]); got != want {
		t.Errorf("POLICY.md does not show the rows as they are; run: go generate ./reconcile/policy\n%s", firstDifference(got, want))
	}
}

// TestEachRowDecides: for each row there are facts that it decides, and of the verdicts of one row
// none has another row's code.
func TestEachRowDecides(t *testing.T) {
	seen := effectsOfRows()
	for i, table := range pageTables() {
		for j, r := range table.rows {
			if last := j == len(table.rows)-1; last != (r.fits == nil) || last != (r.when == "") {
				t.Errorf("%s, row %d: only the last row has no condition", table.title, j+1)
			}
			if seen[place{i, j}] == nil {
				t.Errorf("%s, row %d (%s): no facts lead to it", table.title, j+1, r.when)
			}
		}
	}
}

// effects is what a row does by where the address is, and the reason of the first verdict.
type effects struct {
	here, gone map[string]bool
	why        string
}

// effectsOfRows is what each row decides. It is worked out once: that takes seconds.
var effectsOfRows = sync.OnceValue(walkAllRows)

// walkAllRows goes through the tables like [table.decide], and keeps what each row decides.
func walkAllRows() map[place]*effects {
	seen := map[place]*effects{}
	tables := map[*table]int{}
	for i, table := range pageTables() {
		tables[table] = i
	}
	everyExample(func(f Facts) {
		if f.Address.Presence != PresenceYes && f.Address.Presence != PresenceNo {
			return
		}
		f.Reply = evidence(f)
		v := Decide(f)
		for t := everyRun; t != nil; {
			r, at := rowOf(t, f)
			e := seen[place{tables[t], at}]
			if e == nil {
				e = &effects{here: map[string]bool{}, gone: map[string]bool{}, why: v.Why}
				seen[place{tables[t], at}] = e
			}
			if f.Address.Presence == PresenceYes {
				e.here[string(v.Do)] = true
			} else {
				e.gone[string(v.Do)] = true
			}
			t = r.next
		}
	})
	return seen
}

// rowOf is the row of a table that decides, and its index.
func rowOf(t *table, f Facts) (row, int) {
	for i, r := range t.rows {
		if r.fits == nil || r.fits(f) {
			return r, i
		}
	}
	panic("a table without a last row")
}

// everyExample calls check with [everyCombination], and with what that leaves out: a hold that is
// in force, and a pause that has ended while Patroni was silent.
func everyExample(check func(Facts)) {
	everyCombination(func(f Facts) {
		check(f)
	})
	for _, f := range moreExamples() {
		check(f)
	}
}

// tablesOfPage renders all tables.
func tablesOfPage(t *testing.T) string {
	t.Helper()
	seen := effectsOfRows()
	var b strings.Builder
	for i, table := range pageTables() {
		fmt.Fprintf(&b, "\n### %s\n\n| | when | code | here | not here | for example |\n|---|---|---|---|---|---|\n", table.title)
		for j, r := range table.rows {
			e := seen[place{i, j}]
			if e == nil {
				t.Errorf("%s, row %d: no facts lead to it", table.title, j+1)
				continue
			}
			when := r.when
			if when == "" {
				when = "what is left"
			}
			code, why := "`"+string(r.code)+"`", e.why
			if r.next != nil {
				code, why = fmt.Sprintf("see [%s](#%s)", r.next.title, anchor(r.next.title)), ""
			}
			fmt.Fprintf(&b, "| %d | %s | %s | %s | %s | %s |\n", j+1, when, code, list(e.here), list(e.gone), why)
		}
	}
	return b.String() + "\n"
}

// anchor is the link of a heading, as GitHub makes it.
func anchor(title string) string {
	keep := func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '_' || r == '-' || r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			return r
		}
		return -1
	}
	return strings.Map(keep, strings.ToLower(title))
}

func list(set map[string]bool) string {
	if len(set) == 0 {
		return "-"
	}
	return strings.Join(slices.Sorted(maps.Keys(set)), ", ")
}

// firstDifference is the first line that differs, as it is and as it should be.
func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			return fmt.Sprintf("has   %s\nwants %s", g[i], w[i])
		}
	}
	return fmt.Sprintf("has %d lines, wants %d", len(g), len(w))
}
