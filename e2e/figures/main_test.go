package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var golden = flag.Bool("update", false, "write the golden file anew")

const (
	first  = "testdata/run-1.json"
	second = "testdata/run-2.json"
	third  = "testdata/run-3.json" // on another Patroni
)

// page writes a page and returns its name.
func page(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "page.md")
	if err := os.WriteFile(name, []byte(text), 0o640); err != nil {
		t.Fatal(err)
	}
	return name
}

func content(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The rows follow the page's links, whatever the order in which the trials ran.
func TestOrder(t *testing.T) {
	name := page(t, "| [Patroni killed](#a) |\n| [callbacks killed \\| at random](#b) |\n| [switchover](#c) |\n"+begin+end)
	var stderr bytes.Buffer
	if code := run([]string{name, first, second, third}, &stderr); code != 0 {
		t.Fatalf("exit code %d: %s", code, &stderr)
	}
	_, rows, _ := strings.Cut(content(t, name), begin)
	var got []string
	for line := range strings.Lines(rows) {
		if cells := strings.Split(line, " | "); len(cells) == 10 && cells[1] != "settings" {
			got = append(got, strings.TrimPrefix(cells[0], "| ")+" "+cells[1])
		}
	}
	want := []string{"Patroni killed 30/10/10", "Patroni killed 20/2/3", `callbacks killed \| at random 20/2/3`, "switchover 20/2/3", "node frozen 20/2/3"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestGolden(t *testing.T) {
	const head, tail = "# Page\n\nBefore.\n\n", "\nBehind.\n"
	name := page(t, head+begin+"what was there\n"+end+tail)
	for range 2 { // the second finds its own work
		var stderr bytes.Buffer
		if code := run([]string{name, first, second, third}, &stderr); code != 0 {
			t.Fatalf("exit code %d: %s", code, &stderr)
		}
	}
	got := content(t, name)
	if *golden {
		if err := os.WriteFile("testdata/page.md", []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want := content(t, "testdata/page.md"); got != want {
		t.Errorf("got\n%s\nwant\n%s\n(go test ./e2e/figures -update writes it)", got, want)
	}
	if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("the page has mode %v, want what it had (%v)", info.Mode(), err)
	}
	nothingElse(t, name)
}

// nothingElse checks that no temporary file was left beside the page.
func nothingElse(t *testing.T, page string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(page))
	if err != nil || len(entries) != 1 {
		t.Errorf("beside the page: %v (%v)", entries, err)
	}
}

func TestPageIsUntouched(t *testing.T) {
	const marked = begin + end
	for _, tt := range []struct {
		name, page, json, want string
	}{
		{"no markers", "text\n", "", "got 0 lines \"<!-- figures: begin -->\", want one"},
		{"no end", begin + "text\n", "", "got 0 lines \"<!-- figures: end -->\", want one"},
		{"the begin twice", begin + marked, "", "got 2 lines \"<!-- figures: begin -->\", want one"},
		{"the wrong way round", end + begin, "", "\"<!-- figures: end -->\" comes before \"<!-- figures: begin -->\""},
		{"a marker within a line", "see " + marked, "", "got 0 lines \"<!-- figures: begin -->\", want one"},
		{"no JSON", marked, "garbage", "not what make test-faults writes: invalid character 'g'"},
		{"cut short", marked, `{"trials": [`, "not what make test-faults writes: unexpected EOF"},
		{"an empty file", marked, " ", "not what make test-faults writes: EOF"},
		{"a list", marked, "[]", "not what make test-faults writes: json: cannot unmarshal array"},
		{"an unknown figure", marked, `{"trials": [{"fault": "f", "new_ms": 3}]}`, "not what make test-faults writes: json: unknown field \"new_ms\""},
		{"no Patroni", marked, `{"made": {"cores": 2}, "trials": [{"fault": "f", "settings": "s"}]}`, `run.json: made with patroni "", want a version`},
		{"no trials", marked, `{"made": {"patroni": "3.0.2"}, "trials": []}`, "run.json: no trials"},
		{"no name", marked, `{"made": {"patroni": "3.0.2"}, "trials": [{"fault": "f", "settings": "s"}, {"settings": "s"}]}`, `trial 2: fault "" with the settings "s", want both`},
		{"a figure that is none", marked, `{"trials": [{"fault": "f", "settings": "s", "two_ms": "3"}]}`, "cannot unmarshal string"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			name, files := page(t, tt.page), []string{first}
			if tt.json != "" {
				file := filepath.Join(t.TempDir(), "run.json")
				if err := os.WriteFile(file, []byte(tt.json), 0o600); err != nil {
					t.Fatal(err)
				}
				files = append(files, file)
			}
			refused(t, append([]string{name}, files...), 1, tt.want)
			if got := content(t, name); got != tt.page {
				t.Errorf("the page is now\n%s", got)
			}
			nothingElse(t, name)
		})
	}
}

// refused checks that the command fails with these words.
func refused(t *testing.T, args []string, code int, want string) {
	t.Helper()
	var stderr bytes.Buffer
	if got := run(args, &stderr); got != code || !strings.Contains(stderr.String(), want) {
		t.Errorf("exit code %d, want %d; it says\n%swant\n%s", got, code, &stderr, want)
	}
}

func TestArguments(t *testing.T) {
	name := page(t, begin+end)
	refused(t, nil, 64, "usage: figures PAGE FILE...")
	refused(t, []string{name}, 64, "usage: figures PAGE FILE...")
	refused(t, []string{name, first, "testdata/none.json"}, 1, "testdata/none.json: no such file")
	refused(t, []string{"testdata/none.md", first}, 1, "testdata/none.md: no such file")
}
