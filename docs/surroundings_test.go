package docs

import (
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestKeepConfiguration: what people copy for systemd-networkd keeps a VIP, with a lease and
// without. The table of surroundings.md has the others; e2e/recipes holds it against the real one.
func TestKeepConfiguration(t *testing.T) {
	found := 0
	for _, name := range texts(t) {
		text, err := os.ReadFile("../" + name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`KeepConfiguration=(\w+)`).FindAllStringSubmatch(string(text), -1) {
			found++
			if m[1] != "yes" && name != "docs/surroundings.md" {
				t.Errorf("%s says %s, which removes some VIPs: want yes", name, m[0])
			}
		}
	}
	if found < 3 {
		t.Errorf("found it %d times only", found)
	}
}

// TestSysctlOfALink: sysctl takes a dot for a slash, so that net.ipv4.conf.eth0.100 names no file.
// With slashes every link's name is right.
func TestSysctlOfALink(t *testing.T) {
	ofALink := regexp.MustCompile(`net\.ipv[46]\.(conf|neigh)\.(\S+)`)
	for _, name := range texts(t) {
		text, err := os.ReadFile("../" + name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range ofALink.FindAllStringSubmatch(string(text), -1) {
			if !strings.HasPrefix(m[2], "all.") && !strings.HasPrefix(m[2], "default.") {
				t.Errorf("%s: %s, want it with slashes", name, m[0])
			}
		}
	}
}

// texts are the pages and the examples, from the module's root.
func texts(t *testing.T) (names []string) {
	t.Helper()
	err := fs.WalkDir(os.DirFS(".."), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != "." && (strings.HasPrefix(name, ".") || name == "build" || name == "bin"):
			return fs.SkipDir
		case !d.IsDir() && (strings.HasSuffix(name, ".md") || strings.HasPrefix(name, "examples/") && !strings.HasSuffix(name, ".go")):
			names = append(names, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// TestSurroundings: each part of the page says what is seen, then why, then what to do, and the
// table at its top leads to each part.
func TestSurroundings(t *testing.T) {
	data, err := os.ReadFile("surroundings.md")
	if err != nil {
		t.Fatal(err)
	}
	top, _, _ := strings.Cut(string(data), "\n## ")
	for _, m := range regexp.MustCompile(`(?m)^## (.*)$`).FindAllStringSubmatch(string(data), -1) {
		text := section(t, "surroundings.md", m[1])
		see, why, remedy := strings.Index(text, "**You see**"), strings.Index(text, "**Why.**"), strings.Index(text, "**Remedy.**")
		if see != 2 || why < see || remedy < why {
			t.Errorf("%s: want what you see, why, and the remedy, in this order", m[1])
		}
		if anchor := strings.ReplaceAll(strings.ToLower(m[1]), " ", "-"); !strings.Contains(top, "](#"+anchor+")") {
			t.Errorf("%s: the table at the top does not lead there", m[1])
		}
	}
}
