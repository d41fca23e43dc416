package conf

import (
	"cmp"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/vipctl/vipctl/reconcile"
)

// good has every callback.
const good = `postgresql:
  callbacks:
    on_start: /usr/bin/vipctl callback
    on_stop: /usr/bin/vipctl callback
    on_role_change: /usr/bin/vipctl callback
    on_restart: /usr/bin/vipctl callback
`

// said puts findings on lines, without the folder of the files.
func (fs findings) said(dir string) string {
	var lines []string
	for _, f := range fs {
		lines = append(lines, string(f.Level)+": "+strings.ReplaceAll(f.Text, dir+"/", ""))
	}
	return strings.Join(lines, "\n")
}

type findings reconcile.Findings

// TestCallbacks: what stands where Patroni reads it is found, and what does not is named. dcs is
// the dynamic configuration's.
func TestCallbacks(t *testing.T) {
	const missing = ` want what examples/patroni.yml has: without these callbacks the VIPs wait in a switchover for the timer; mend it, then reload Patroni`
	for name, test := range map[string]struct {
		yml, dcs string
		events   string // that have a command
		want     string // a regular expression; "" for no finding
	}{
		"all":           {yml: good, events: "on_start on_stop on_role_change on_restart"},
		"no on_restart": {yml: strings.Replace(good, "    on_restart: /usr/bin/vipctl callback\n", "", 1), events: "on_start on_stop on_role_change"},
		"none":          {want: `problem: patroni.yml: postgresql.callbacks: got nothing,` + missing},
		"every line a comment": {yml: "postgresql:\n  callbacks:\n  #  on_start: /usr/bin/vipctl callback\n", dcs: `{"on_start": "x"}`,
			want: `problem: patroni.yml:6: postgresql.callbacks: got nothing,` + missing},
		"top level": {yml: strings.ReplaceAll(strings.TrimPrefix(good, "postgresql:\n"), "\n  ", "\n")[2:],
			want: `problem: patroni.yml: postgresql.callbacks: got nothing \(Patroni does not read callbacks at patroni.yml:5\),` + missing},
		"bootstrap.dcs": {yml: "bootstrap:\n  dcs:\n    postgresql:\n      callbacks: {on_start: x}\n",
			want: `problem: .*got nothing \(Patroni does not read bootstrap.dcs.postgresql.callbacks at patroni.yml:8\),` + missing},
		"one level too high": {yml: "postgresql:\n  on_start: /usr/bin/vipctl callback\n",
			want: `problem: .*got nothing \(Patroni does not read postgresql.on_start at patroni.yml:6\),` + missing},
		"misspelt": {yml: strings.Replace(good, "on_role_change", "on_promote", 1), events: "on_start on_stop on_restart",
			want: `problem: patroni.yml:7: postgresql.callbacks: got no on_role_change,` + missing +
				"\nwarning: patroni.yml:9: postgresql.callbacks.on_promote: Patroni knows no such callback and never runs it, want one of on_start, on_stop, on_role_change, on_restart"},
		"no mapping": {yml: "postgresql:\n  callbacks: /usr/bin/vipctl callback\n",
			want: `problem: patroni.yml:6: postgresql.callbacks: got "/usr/bin/vipctl callback", want a mapping, as examples/patroni.yml has it`},
		"a list": {yml: strings.Replace(good, "on_stop: /usr/bin/vipctl callback", "on_stop: [/usr/bin/vipctl, callback]", 1), events: "on_start on_role_change on_restart",
			want: `problem: patroni.yml:8: postgresql.callbacks.on_stop: got no command as text, want /usr/bin/vipctl callback`},
		"an open quote": {yml: strings.Replace(good, "on_stop: /usr/bin/vipctl callback", `on_stop: "/usr/bin/vipctl 'callback"`, 1), events: "on_start on_role_change on_restart",
			want: `problem: patroni.yml:8: postgresql.callbacks.on_stop: got "/usr/bin/vipctl 'callback": a quote is not closed: Patroni cannot run it`},
		"from the DCS": {dcs: `{"on_start": "a", "on_stop": "b c", "on_role_change": "d"}`, events: "on_start on_stop on_role_change"},
		"some from the DCS": {dcs: `{"on_start": "a"}`, events: "on_start",
			want: `problem: the dynamic configuration \(patronictl show-config\): postgresql.callbacks: got no on_stop, on_role_change,` + missing},
		"the file's replace the DCS's": {yml: "postgresql:\n  callbacks:\n    on_start: x\n", dcs: `{"on_stop": "b", "on_role_change": "d"}`, events: "on_start",
			want: `problem: patroni.yml:7: postgresql.callbacks: got no on_stop, on_role_change,` + missing},
	} {
		t.Run(name, func(t *testing.T) {
			from := member(t, "*:8008", test.yml)
			commands, found := Callbacks(from, func() (commands map[string]any, err error) {
				return commands, json.Unmarshal([]byte(cmp.Or(test.dcs, "null")), &commands)
			})
			var events []string
			for _, c := range commands {
				events = append(events, c.Event)
			}
			if got := strings.Join(events, " "); got != test.events {
				t.Errorf("commands for %q, want %q", got, test.events)
			}
			if got := findings(found).said(filepath.Dir(from.Config)); !regexp.MustCompile("^" + test.want + "$").MatchString(got) {
				t.Errorf("found\n%s\nwant\n%s", got, test.want)
			}
		})
	}
}

// TestCallbacksUnasked: where nobody says what the dynamic configuration has, that is said, and
// only then is it asked for.
func TestCallbacksUnasked(t *testing.T) {
	from := member(t, "*:8008", "")
	unknown := func() (map[string]any, error) { return nil, errors.New("ask http://x/config: HTTP 502") }
	_, found := Callbacks(from, unknown)
	if len(found) != 1 || !strings.Contains(found[0].Text, "(what the dynamic configuration has is not known: ask http://x/config: HTTP 502)") {
		t.Errorf("found %v", found)
	}
	Callbacks(member(t, "*:8008", good), func() (map[string]any, error) {
		t.Error("the dynamic configuration is asked for beside a section in the file")
		return nil, nil
	})
}

// TestCallbacksOfAFolder: as Patroni merges it, key by key.
func TestCallbacksOfAFolder(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"1.yml": "scope: demo\nname: n1\nrestapi: {listen: '*:8008'}\npostgresql:\n  callbacks: {on_start: a, on_stop: b}\n",
		"2.yml": "postgresql:\n  callbacks: {on_stop: c, on_role_change: d e}\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	commands, found := Callbacks(Source{Config: dir}, nil)
	want := []Command{
		{"on_start", []string{"a"}, dir + "/1.yml:5"}, {"on_stop", []string{"c"}, dir + "/2.yml:2"}, {"on_role_change", []string{"d", "e"}, dir + "/2.yml:2"},
	}
	if !slices.EqualFunc(commands, want, func(a, b Command) bool {
		return a.Event == b.Event && a.Where == b.Where && slices.Equal(a.Words, b.Words)
	}) {
		t.Errorf("got %v, want %v", commands, want)
	}
	if len(found) > 0 {
		t.Errorf("found %v", found)
	}
}

// TestSplitWords: what Python 3.11's shlex.split says of the same text.
func TestSplitWords(t *testing.T) {
	for text, want := range map[string][]string{
		"":                               nil,
		" a  b\tc\n":                     {"a", "b", "c"},
		`'a b' "c d"`:                    {"a b", "c d"},
		`a\ b 'c\d' "e\f" "g\"h\\i"`:     {"a b", `c\d`, `e\f`, `g"h\i`},
		`a'b'"c"d ''`:                    {"abcd", ""},
		`bash -c 'vipctl callback "$@"'`: {"bash", "-c", `vipctl callback "$@"`},
		"a # b":                          {"a", "#", "b"},
	} {
		if got, err := splitWords(text); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %q, %v; want %q", text, got, err, want)
		}
	}
	for _, text := range []string{`'a`, `"a`, `a\`, `"a\"`} {
		if got, err := splitWords(text); err == nil {
			t.Errorf("%q: %q, want an error", text, got)
		}
	}
}

// TestFindTwice: PyYAML takes the last of two keys, and says nothing.
func TestFindTwice(t *testing.T) {
	const again = " stands there 2 times, want it once: Patroni takes the last one alone"
	for yml, want := range map[string]string{
		"":   "",
		good: "",
		"postgresql:\n  data_dir: /d\n  listen: '*:5432'\n" + good: "problem: patroni.yml:5,8: postgresql" + again +
			" and loses data_dir, listen at its next reload or start",
		"postgresql:\n  parameters: {a: 1, b: 2, a: 3}\n":         "warning: patroni.yml:6,6: postgresql.parameters.a" + again,
		"bootstrap:\n  users:\n  - {name: a, name: b}\n":          "warning: patroni.yml:7,7: bootstrap.users.name" + again,
		"ctl: {}\nctl: {}\nctl: {insecure: on}\n":                 "warning: patroni.yml:5,6,7: ctl stands there 3 times, want it once: Patroni takes the last one alone",
		"tags: {a: 1}\ntags: null\n":                              "problem: patroni.yml:5,6: tags" + again + " and loses a at its next reload or start",
		"x: &x {a: 1}\ny: &y {b: 1}\ntags:\n  <<: *x\n  <<: *y\n": "",
		"x: &x\n  y: *x\n":                                        "",
	} {
		from := member(t, "*:8008", yml)
		if got := findings(FindTwice(from)).said(filepath.Dir(from.Config)); got != want {
			t.Errorf("%s\nfound %q\nwant  %q", yml, got, want)
		}
	}
}
