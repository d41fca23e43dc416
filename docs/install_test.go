package docs

import (
	"os"
	"os/exec"
	"regexp"
	"testing"
)

// installLine puts the binary in its place, or beside it.
var installLine = regexp.MustCompile(`(?m)^\s*# (install .*)vipctl /usr/bin/vipctl\S*$`)

// TestInstall: wherever a page installs the binary, which is given capabilities next, only root and
// postgres may run it.
func TestInstall(t *testing.T) {
	const want = "install -o root -g postgres -m 0750 bin/"
	found := map[string]int{}
	for _, page := range pages(t) {
		data, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range installLine.FindAllStringSubmatch(string(data), -1) {
			found[page]++
			if m[1] != want {
				t.Errorf("%s: got %s..., want %s...", page, m[1], want)
			}
		}
	}
	for _, page := range []string{"../README.md", "operations.md"} {
		if found[page] == 0 {
			t.Errorf("%s does not install the binary", page)
		}
	}
}

var (
	console = regexp.MustCompile("(?s)```console\n(.*?)```")
	prompt  = regexp.MustCompile(`(?m)^\s*[#$] (.*)$`)
)

// TestConsole: what people type from the pages is a shell's language: quotes and brackets are
// closed.
func TestConsole(t *testing.T) {
	lines := 0
	for _, page := range pages(t) {
		data, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range console.FindAllStringSubmatch(string(data), -1) {
			for _, m := range prompt.FindAllStringSubmatch(block[1], -1) {
				lines++
				if out, err := exec.Command("sh", "-n", "-c", m[1]).CombinedOutput(); err != nil {
					t.Errorf("%s: %s: %v: %s", page, m[1], err, out)
				}
			}
		}
	}
	if lines < 30 {
		t.Errorf("found %d lines only", lines)
	}
}
