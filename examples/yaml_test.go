// Package examples holds the files that people copy, and the tests that keep them right.
package examples

import (
	"bufio"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/vipctl/vipctl/callbacks"
	"github.com/vipctl/vipctl/config"
	"github.com/vipctl/vipctl/reconcile/policy"
)

// commentedKey is a setting that stands in vipctl.yml as a comment: "  # timeout: 1.8s   # for each
// question".
var commentedKey = regexp.MustCompile(`^( *)# ( *)([a-z_]+):(?: +([^ #]+))?(?: +#.*)?$`)

func TestShortFormIsEnough(t *testing.T) {
	c, err := config.Load("vipctl.yml")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range c.Settings() {
		given := slices.Contains([]string{"patroni.config", "vips[0].address", "vips[0].interface"}, s.Name)
		if given == (s.Source == "default") {
			t.Errorf("%s comes from %s", s.Name, s.Source)
		}
	}
}

// TestCommentsShowEveryDefault: each setting stands in the file, and what is commented out is the
// default. Those that have none (a file's name, a URL) show a value that would be accepted.
func TestCommentsShowEveryDefault(t *testing.T) {
	defaults := settings(t, "vipctl.yml")
	everything := filepath.Join(t.TempDir(), "vipctl.yml")
	uncommented, names := uncomment(t)
	if err := os.WriteFile(everything, []byte(uncommented), 0o600); err != nil {
		t.Fatal(err)
	}
	given := settings(t, everything)
	for name, s := range given {
		if s.Source == "default" {
			t.Errorf("%s does not stand in vipctl.yml, not even as a comment", name)
		}
		if want := defaults[name].Value; want != "" && s.Value != want {
			t.Errorf("%s: the comment says %s, the default is %s", name, s.Value, want)
		}
	}
	if len(names) < 15 {
		t.Errorf("only %d commented settings found: %v", len(names), names)
	}
}

func settings(t *testing.T, file string) map[string]config.Setting {
	t.Helper()
	c, err := config.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]config.Setting{}
	for _, s := range c.Settings() {
		all[s.Name] = s
	}
	return all
}

// uncomment returns vipctl.yml with every commented setting in force.
func uncomment(t *testing.T) (text string, names []string) {
	t.Helper()
	data, err := os.ReadFile("vipctl.yml")
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for line := range strings.Lines(string(data)) {
		if m := commentedKey.FindStringSubmatch(strings.TrimSuffix(line, "\n")); m != nil {
			names = append(names, m[3])
			line = m[1] + m[2] + m[3] + ": " + m[4] + "\n"
		}
		b.WriteString(line)
	}
	return b.String(), names
}

// TestCallbacks runs each line of patroni.yml through what Patroni does to it: split it like a
// shell, append three words.
func TestCallbacks(t *testing.T) {
	data, err := os.ReadFile("patroni.yml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		PostgreSQL struct {
			Callbacks map[string]string `yaml:"callbacks"`
		} `yaml:"postgresql"`
	}
	if err := yaml.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	lines := file.PostgreSQL.Callbacks
	wantActions := []string{"on_restart", "on_role_change", "on_start", "on_stop"}
	if got := slices.Sorted(maps.Keys(lines)); !slices.Equal(got, wantActions) {
		t.Errorf("callbacks for %q, want %q", got, wantActions)
	}
	second := secondCluster(t, string(data))
	for action, line := range lines {
		t.Run(action, func(t *testing.T) {
			for line, own := range map[string]int{line: 2, second: 4} {
				words := append(shellWords(t, line), action, "primary", "main")
				if words[0] != "/usr/bin/vipctl" || words[own-1] != "callback" {
					t.Fatalf("%q does not run vipctl callback", words)
				}
				trigger, err := callbacks.Parse(words[own:], policy.SinceBoot(1))
				if err != nil {
					t.Fatal(err)
				}
				want := policy.Trigger{Event: policy.Event(action), Role: policy.Role("primary"), Cluster: "main", By: "patroni", At: policy.SinceBoot(1)}
				if trigger != want {
					t.Errorf("%s: got %+v, want %+v", line, trigger, want)
				}
			}
		})
	}
}

// TestUsageSaysTheSame: the help of `vipctl callback` shows the lines of patroni.yml.
func TestUsageSaysTheSame(t *testing.T) {
	data, err := os.ReadFile("patroni.yml")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(callbacks.Usage) {
		if strings.Contains(line, "/usr/bin/vipctl") && !strings.Contains(string(data), strings.TrimSpace(line)+"\n") {
			t.Errorf("patroni.yml does not have %q", strings.TrimSpace(line))
		}
	}
}

// secondCluster is the commented line for a second cluster's callback.
func secondCluster(t *testing.T, text string) string {
	t.Helper()
	for line := range strings.Lines(text) {
		if _, command, ok := strings.Cut(line, "#    on_start: "); ok {
			return command
		}
	}
	t.Fatal("patroni.yml has no line for a second cluster")
	return ""
}

// shellWords splits like Python's shlex.split, as far as the examples go: they need no quotes.
func shellWords(t *testing.T, line string) []string {
	t.Helper()
	if strings.ContainsAny(line, `'"\`) {
		t.Fatalf("%q: an example should need no quotes", line)
	}
	words := bufio.NewScanner(strings.NewReader(line))
	words.Split(bufio.ScanWords)
	var all []string
	for words.Scan() {
		all = append(all, words.Text())
	}
	return all
}
