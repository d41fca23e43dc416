package policy

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

// TestDesignTable holds the table of DESIGN.md against Decide: the same codes, and for each the same things to do where
// the address is here and where it is not.
func TestDesignTable(t *testing.T) {
	type effects map[Presence]map[string]bool
	real := map[string]effects{}
	everyCombination(func(f Facts) {
		if f.Address.Presence != PresenceYes && f.Address.Presence != PresenceNo {
			return
		}
		v := Decide(f)
		code := string(v.Code)
		if real[code] == nil {
			real[code] = effects{PresenceYes: {}, PresenceNo: {}}
		}
		real[code][f.Address.Presence][string(v.Do)] = true
	})
	table := designTable(t)
	for code, want := range real {
		row, ok := table[code]
		if !ok {
			t.Errorf("DESIGN.md has no rowCase for %s", code)
			continue
		}
		for here, column := range map[Presence]string{PresenceYes: row.here, PresenceNo: row.gone} {
			if got := words(want[here]); got != column {
				t.Errorf("%s, address here: %s: DESIGN.md says %q, Decide does %q", code, here, column, got)
			}
		}
	}
	for code := range table {
		if real[code] == nil {
			t.Errorf("DESIGN.md has a rowCase for %s, which nothing leads to", code)
		}
	}
}

type designRow struct{ here, gone string }

// designTable reads the rows "| rowCase | `code` | when | here | not here | reason |".
func designTable(t *testing.T) map[string]designRow {
	t.Helper()
	text, err := os.ReadFile("DESIGN.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]designRow{}
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(line, "|")
		if len(cells) != 8 || !strings.HasPrefix(strings.TrimSpace(cells[2]), "`") {
			continue
		}
		code := strings.Trim(strings.TrimSpace(cells[2]), "`")
		if _, twice := rows[code]; twice {
			t.Errorf("DESIGN.md has two rows for %s", code)
		}
		rows[code] = designRow{strings.TrimSpace(cells[4]), strings.TrimSpace(cells[5])}
	}
	return rows
}

func words(set map[string]bool) string {
	if len(set) == 0 {
		return "-"
	}
	return strings.Join(slices.Sorted(maps.Keys(set)), ", ")
}
