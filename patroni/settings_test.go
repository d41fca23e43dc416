package patroni

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vipctl/vipctl/reconcile"
)

func TestWhereToAsk(t *testing.T) {
	for listen, want := range map[string]string{
		"127.0.0.1:8008":      "http://127.0.0.1:8008",
		"0.0.0.0:8008":        "http://127.0.0.1:8008",
		"*:8008":              "http://127.0.0.1:8008",
		":8008":               "http://127.0.0.1:8008",
		"[::]:8008":           "http://127.0.0.1:8008",
		":::8008":             "http://127.0.0.1:8008",
		"10.0.0.1:8008":       "http://10.0.0.1:8008",
		"[fd00::1]:8009":      "http://[fd00::1]:8009",
		"fd00::1:8009":        "http://[fd00::1]:8009",
		"[::1]:8008":          "http://[::1]:8008",
		"[fe80::1%eth0]:8008": "http://[fe80::1%25eth0]:8008",
		"localhost:8008":      "http://localhost:8008",
		"node_1.example:8008": "http://node_1.example:8008",
		"127.0.0.1: 8008 ":    "http://127.0.0.1:8008",
		" 127.0.0.1 :8008":    "http://127.0.0.1:8008",
		"[::1] : 8008":        "http://[::1]:8008",
		" : 8008":             "http://127.0.0.1:8008",
		"größe.example:8008":  "http://gr%C3%B6%C3%9Fe.example:8008",
	} {
		c := ask(t, listen, "")
		if got, err := c.URL(); got != want || err != nil {
			t.Errorf("listen %q: %q, %v; want %q", listen, got, err, want)
		}
	}
	for _, listen := range []string{"8008", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:70000", "a/b:8008", "a@b:8008",
		"a,b:8008", "x:y:8008", "[10.0.0.1]:8008", "${POD_IP}:8008", "<IP>:8008", "{{ ip }}:8008", "n 1:8008", ""} {
		_, err := ask(t, listen, "").URL()
		var ps Problems
		if !errors.As(err, &ps) && listen != "a,b:8008" || err == nil {
			t.Errorf("listen %q: %v", listen, err)
			continue
		}
		if len(ps) == 1 && (ps[0].Setting != "restapi.listen" || ps[0].Got != fmt.Sprintf("%q", listen) || ps[0].Line != 4) {
			t.Errorf("listen %q: %v", listen, err)
		}
	}
}

// readBare leaves out where the settings stand; TestOrigins has that.
func readBare(o Options) (settings, error) {
	s, err := readSettings(o)
	s.from = origins{}
	return s, err
}

func TestTLSSettings(t *testing.T) {
	for extra, want := range map[string]settings{
		"  certfile: /r.crt\n": {url: "https://127.0.0.1:8008"},
		"  certfile: /r.crt\n  connect_address: node1.example:8008\n  cafile: /r.ca\n": {
			url: "https://127.0.0.1:8008", serverName: "node1.example", caFile: "/r.ca"},
		"  certfile: /r.crt\n  connect_address: '[fd00::1]:8008'\n  verify_client: required\nctl: {cacert: /c.ca, certfile: /c.crt}\n": {
			url: "https://127.0.0.1:8008", serverName: "fd00::1", caFile: "/c.ca", certFile: "/c.crt", keyFile: "/c.crt", certRequired: true},
		"  certfile: /r.crt\n  connect_address: 0.0.0.0:8008\n  verify_client: optional\nctl:\n  insecure: on\n  certfile: /c.crt\n  keyfile: /c.key\n  keyfile_password: x\n": {
			url: "https://127.0.0.1:8008", certFile: "/c.crt", keyFile: "/c.key", KeyPassword: "x", insecure: true},
		"  connect_address: node1.example:8008\n  cafile: /r.ca\n": {url: "http://127.0.0.1:8008", caFile: "/r.ca"},
	} {
		want.scope, want.name = "demo", "n1"
		got, err := readBare(ask(t, "*:8008", extra).opts)
		got.own = want.own // TestOwn
		if err != nil || got != want {
			t.Errorf("%s: %v\ngot  %+v\nwant %+v", extra, err, got, want)
		}
	}
}

func TestOptionsWin(t *testing.T) {
	c := ask(t, "*:8008", "  certfile: /r.crt\n  verify_client: required\nctl: {cacert: /c.ca, insecure: true, certfile: /c.crt, keyfile: /c.key, keyfile_password: x}\n",
		func(o *Options) {
			o.URL, o.CAFile, o.CertFile, o.KeyFile = "https://rest.example:1/", "/o.ca", "/o.crt", "/o.key"
		})
	got, err := readBare(c.opts)
	want := settings{scope: "demo", name: "n1", url: "https://rest.example:1", caFile: "/o.ca", certFile: "/o.crt", keyFile: "/o.key"}
	if err != nil || got != want {
		t.Errorf("%v\ngot  %+v\nwant %+v", err, got, want)
	}
	for _, url := range []string{"ftp://x", "http://", "127.0.0.1:8008", "http://u:p@x:1", "http://x/leader", "http://x?y"} {
		o := c.opts
		o.URL = url
		if _, err := readSettings(o); err == nil || !strings.HasPrefix(err.Error(), "patroni.url: got ") {
			t.Errorf("%s: %v", url, err)
		}
	}
	if _, err := New(Options{URL: "http://127.0.0.1:8008"}).Scope(); err == nil {
		t.Error("an URL alone is taken for enough")
	}
}

// TestFolder merges as Patroni does: by name, sections deeply, null deletes, other files and folders do not count.
func TestFolder(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"00.yml":      "scope: first\nname: n1\nrestapi: {listen: '1.1.1.1:1', cafile: /old, certfile: /x}\nctl: {cacert: /c}\npostgresql: {data_dir: /a, name: fallback}",
		"10.yaml":     "scope: demo\nrestapi:\n  listen: '*:8008'\n  certfile: null\nctl:\nname: null",
		"09.yml":      "restapi: {cafile: /new}\npostgresql: {parameters: {a: 1}, listen: '*:5432'}",
		"99.yml.bak":  "scope: wrong",
		"99.json":     "scope: wrong",
		".yml":        "postgresql: {data_dir: /dot}", // os.listdir lists it, and it sorts first
		"README":      "no yaml: [",
		"Z.yml.d/a.x": "",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "zz.yml"), 0o700); err != nil {
		t.Fatal(err)
	}
	got, err := readBare(Options{Config: dir})
	want := settings{scope: "demo", name: "fallback", dataDir: "/a", url: "http://127.0.0.1:8008", caFile: "/new"}
	if err != nil || got != want {
		t.Errorf("%v\ngot  %+v\nwant %+v", err, got, want)
	}
}

// TestYAMLThatPatroniTakes must not be refused here.
func TestYAMLThatPatroniTakes(t *testing.T) {
	for _, text := range []string{
		"scope: old\nscope: demo\nname: n1\nrestapi: {listen: 'x:1', listen: '*:8008'}\nbootstrap: {a: 1, a: 2}\n", // the last one counts
		"base: &b {listen: '*:8008', certfile: }\nscope: demo\nname: n1\nrestapi:\n  <<: *b\n",
		"base: &b {listen: 'x:1'}\nmore: &m {listen: 'y:1'}\nscope: demo\nname: n1\nrestapi: {listen: '*:8008', <<: [*b, *m]}\n",
		"base: &b {listen: '*:8008'}\nmore: &m {listen: 'y:1'}\nscope: demo\nname: n1\nrestapi: {<<: [*b, *m]}\n",
		"all: &b {listen: '*:8008'}\nscope: demo\nname: n1\nrestapi: *b\n",
		"restapi: text\n---\n",
		"%YAML 1.2\n%NEW x\n# c\n---\nscope: demo\nname: n1\nrestapi: {listen: '*:8008'}\n",
		"\ufeff%YAML 1.2\n---\nscope: demo\nname: n1\nrestapi: {listen: '*:8008'}\n",
		"scope: demo\nname: n1\nrestapi: {listen: '*:8008', verify_client: false, certfile: 0, cafile: []}\nctl: {cacert: false}\n",
		"\ufeffscope: demo\nname: n1\nrestapi: {listen: '*:8008', allowlist: [127.0.0.1]}\n1: 2\n",
	} {
		got, err := readBare(Options{Config: write(t, "p.yml", text)})
		if strings.HasPrefix(text, "restapi: text") {
			if err == nil || !strings.Contains(err.Error(), "restapi.listen: got nothing") {
				t.Errorf("%s: %v", text, err)
			}
			continue
		}
		if want := (settings{scope: "demo", name: "n1", url: "http://127.0.0.1:8008"}); err != nil || got != want {
			t.Errorf("%s: %v\ngot  %+v\nwant %+v", text, err, got, want)
		}
	}
}

// TestYAML11: a scalar is what PyYAML takes it for. Numbers and dates stop Patroni, which joins scope and name to a path.
func TestYAML11(t *testing.T) {
	for text, want := range map[string]string{
		"1e3": "", "09": "", "2026-1-2": "", "1.5e3": "", "0o17": "", "y": "", "08:30": "", "15-main": "", "10.0.0.1": "", "0x1g": "", "+": "", "0b12": "",
		"'12:30'": "", "!!str 7": "", "yEs": "", "a:b": "",
		"12:30":      "12:30, which YAML 1.1 reads as the number 750",
		"-1:30":      "-1:30, which YAML 1.1 reads as the number -90",
		"0x10":       "0x10, which YAML 1.1 reads as the number 16",
		"0b11":       "0b11, which YAML 1.1 reads as the number 3",
		"1_000":      "1_000, which YAML 1.1 reads as the number 1000",
		"010":        "010, which YAML 1.1 reads as the number 8",
		"7":          "7",
		"yes":        "yes, which YAML 1.1 reads as a truth value",
		"NO":         "NO, which YAML 1.1 reads as a truth value",
		"on":         "on, which YAML 1.1 reads as a truth value",
		"2026-11-26": "2026-11-26, which YAML 1.1 reads as a date",
		"1.5":        "1.5",
		"1.5e+3":     "1.5e+3",
		".inf":       ".inf",
		"! 7":        "7",
	} {
		_, err := readSettings(Options{Config: write(t, "p.yml", "scope: "+text+"\nname: n1\nrestapi: {listen: '*:8008'}\n")})
		if want == "" {
			if err != nil {
				t.Errorf("%s: %v", text, err)
			}
			continue
		}
		if want = "p.yml:1: scope: got " + want + ", want text (in quotes, if it looks like a number)"; err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%s: %v\nwant %s", text, err, want)
		}
	}
}

// TestMergeAsPatroni: of what str() makes the same of, patch_config keeps the first; a section that stands twice in one file
// is the last one alone.
func TestMergeAsPatroni(t *testing.T) {
	env := write(t, "env", "PATRONI_SCOPE=16\nPATRONI_NAME=n1\n")
	for text, want := range map[string]string{
		"scope: '16'\n": "16",
		"scope: 0x10\n": "", // stays a number
		"scope: x\n":    "16",
	} {
		got, err := readBare(Options{Config: write(t, "p.yml", text+"restapi: {listen: '*:8008'}\n"), EnvironmentFile: env})
		if got.scope != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v", text, got.scope, err)
		}
	}
	twice := "scope: a\nname: n1\nrestapi: {listen: '*:8008'}\npostgresql: {data_dir: /a}\npostgresql: {callbacks: {}}\n"
	if got, err := readBare(Options{Config: write(t, "p.yml", twice)}); got.dataDir != "" || err != nil {
		t.Errorf("a section that is there twice: %q, %v", got.dataDir, err)
	}
	if _, err := readBare(Options{Config: write(t, "p.yml", "scope: a\nname: ''\npostgresql: {name: n1}\nrestapi: {listen: '*:8008'}\n")}); err == nil {
		t.Error("an empty name is filled from postgresql.name")
	}
}

// TestOneVariable: PATRONI_CONFIGURATION counts where no file is named, and then alone.
func TestOneVariable(t *testing.T) {
	env := write(t, "env", "PATRONI_SCOPE=env\nPATRONI_CONFIGURATION='scope: demo\nname: n1\nrestapi: {listen: 10.0.0.1:8008}\n'\n")
	got, err := readSettings(Options{EnvironmentFile: env})
	if got.scope != "demo" || got.url != "http://10.0.0.1:8008" || err != nil || got.from.name.String() != env+": PATRONI_CONFIGURATION: name" {
		t.Errorf("%+v, %v", got, err)
	}
	got, err = readSettings(Options{EnvironmentFile: env, Config: write(t, "p.yml", "name: n1\nrestapi: {listen: '*:8008'}\n")})
	if got.scope != "env" || got.url != "http://127.0.0.1:8008" || err != nil {
		t.Errorf("beside a file: %+v, %v", got, err)
	}
}

// TestWhoseWord: vipctl.yml may say scope and name where patroni.yml does not.
func TestWhoseWord(t *testing.T) {
	silent, full := write(t, "s.yml", "restapi: {listen: '*:8008'}\n"), write(t, "f.yml", "scope: demo\nname: n1\nrestapi: {listen: '*:8008'}\n")
	for _, c := range []struct {
		o    Options
		want string // the error, without the file's folder
	}{
		{Options{Config: silent, Scope: "demo", Name: "n1"}, ""},
		{Options{Config: full, Scope: "demo", Name: "n1"}, ""},
		{Options{Scope: "demo", Name: "n1", URL: "http://127.0.0.1:8008"}, ""},
		{Options{Config: full, Scope: "other"}, `patroni.scope: got "other", want "demo" as f.yml:1: scope says, or nothing`},
		{Options{Config: full, Name: "n2"}, `patroni.name: got "n2", want "n1" as f.yml:2: name says, or nothing`},
		{Options{Config: silent, Scope: "demo"}, "s.yml: name: got nothing, want this member's name (perhaps PATRONI_NAME stands in an environment file: " +
			"set patroni.environment_file, or patroni.name)"},
		{Options{Scope: "demo", Name: "n1"}, "restapi.listen: got nothing, want HOST:PORT, where Patroni's REST API listens"},
	} {
		s, err := readSettings(c.o)
		text := ""
		if err != nil {
			text = strings.ReplaceAll(strings.ReplaceAll(err.Error(), filepath.Dir(silent)+"/", ""), filepath.Dir(full)+"/", "")
		}
		if text != c.want || err == nil && (s.scope != "demo" || s.name != "n1") {
			t.Errorf("%+v: %q of %q, %s\nwant %s", c.o, s.name, s.scope, text, c.want)
		}
	}
	api := patroniSaying(t, map[string]said{"/leader": {status: 200, body: leaderBody("demo", "n1")}})
	w := ask(t, api.addr, "", func(o *Options) { o.Config, o.Scope, o.Name, o.URL = "", "demo", "n2", "http://"+api.addr }).Word(t.Context())
	if w.Answer != reconcile.NotOurs || w.Why != `name is "n1", vipctl.yml says "n2"` {
		t.Errorf("%+v", w)
	}
}

func TestProblems(t *testing.T) {
	for text, want := range map[string]string{
		"":                          "FILE: got no mapping, want Patroni's settings as YAML",
		"- a":                       "FILE: got no mapping, want Patroni's settings as YAML",
		"scope: [":                  "FILE: yaml: line 1: did not find expected node content",
		"scope: a\n\tname: b":       "FILE:2: got a tab before the text, want spaces: YAML takes no tab for indentation",
		"restapi:\n\tlisten: b":     "FILE:2: got a tab before the text, want spaces: YAML takes no tab for indentation",
		"scope: @a":                 "FILE: yaml: found character that cannot start any token",
		"scope: 7\nname: [n1]":      "FILE:1: scope: got 7, want text (in quotes, if it looks like a number)",
		"scope: ''":                 `FILE:1: scope: got "", want the cluster's name`,
		"name: n1":                  "FILE: scope: got nothing, want the cluster's name",
		"scope: demo":               "FILE: name: got nothing, want this member's name",
		"scope: demo\nname: {a: b}": "FILE:2: name: got a list or a section, want text",
		"scope: demo\nname: n1\nctl:\n  certfile: /c\n  keyfile_password: 12\n  insecure: maybe": `FILE:6: ctl.insecure: got "maybe", want true or false; FILE:5: ctl.keyfile_password: got something else, want text (in quotes, if it looks like a number); FILE: restapi.listen: got nothing`,
		"scope: demo\nname: n1\nrestapi: {listen: 8008}":                                         "FILE:3: restapi.listen: got 8008, want ",
		"scope: demo\nname: n1\nrestapi: {listen: '*:1', certfile: x, connect_address: 'h:x'}":   `FILE:3: restapi.connect_address: got "h:x", want HOST:PORT, where the other members reach`,
	} {
		file := write(t, "patroni.yml", text)
		_, err := readSettings(Options{Config: file})
		if err == nil || !strings.Contains(strings.ReplaceAll(err.Error(), file, "FILE"), want) {
			t.Errorf("%q:\ngot  %v\nwant %s", text, err, want)
		}
	}
}

func TestEnvironmentFile(t *testing.T) {
	env := write(t, "patroni_env.conf", `PATRONI_SCOPE=demo
PATRONI_NAME="n1"
PATRONI_RESTAPI_LISTEN='10.0.0.1:8008'
PATRONI_RESTAPI_CERTFILE=/r.crt
PATRONI_CTL_INSECURE=perhaps
PATRONI_CTL_CACERT=
PATRONI_CTL_CERTFILE=/k
PATRONI_CTL_KEYFILE_PASSWORD=p\ w
PATRONI_POSTGRESQL_DATA_DIR=/data
PATRONI_ETCD3_HOSTS=x
`)
	want := settings{scope: "demo", name: "n1", dataDir: "/data", url: "https://10.0.0.1:8008", caFile: "/c", certFile: "/k", keyFile: "/k", KeyPassword: "p w"}
	file := write(t, "p.yml", "scope: other\nname: other\nrestapi: {listen: '*:1'}\nctl: {cacert: /c}\n")
	got, err := readBare(Options{Config: file, EnvironmentFile: env})
	got.own = want.own // TestOwn
	if err != nil || got != want {
		t.Errorf("%v\ngot  %+v\nwant %+v", err, got, want)
	}
	want.caFile = ""
	got, err = readBare(Options{EnvironmentFile: env})
	got.own = want.own
	if err != nil || got != want {
		t.Errorf("without a file: %v\ngot  %+v\nwant %+v", err, got, want)
	}
	bad := write(t, "bad.conf", "PATRONI_SCOPE=demo\nPATRONI_NAME=n1\nPATRONI_RESTAPI_LISTEN=8008\n")
	_, err = readSettings(Options{EnvironmentFile: bad})
	if want := bad + `: PATRONI_RESTAPI_LISTEN: got "8008", want HOST:PORT, where Patroni's REST API listens`; err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	t.Setenv("PATRONI_SCOPE", "from the process")
	if _, err := readSettings(Options{Config: file, EnvironmentFile: "/nonexistent"}); err == nil || !strings.HasPrefix(err.Error(), "patroni.environment_file: got /nonexistent: ") {
		t.Errorf("a missing environment file: %v", err)
	}
	if got, _ := readBare(Options{Config: file}); got.scope != "other" {
		t.Errorf("the process's environment counts: %q", got.scope)
	}
}

func TestParseEnvironment(t *testing.T) {
	for text, want := range map[string]string{
		"A=b":                   "b",
		"A=b\r\n":               "b",
		" A = b c  \n":          "b c",
		"A=\n":                  "",
		"# A=x\n;A=y\nA=b":      "b",
		"A=b # no comment":      "b # no comment",
		"A=b\nA=c":              "c",
		"A='b  ' \n":            "b  ",
		`A="b \" \\ \$ \x" `:    `b " \ $ \x`,
		"A=\"b\\\nc\"":          "bc",
		"A=b\\\nc\n":            "bc",
		`A=b\ \ `:               "b  ",
		`A="b" 'c'`:             "bc",
		`A=b"c"`:                `b"c"`,
		"junk\nA=b":             "b",
		"A='b\nc'":              "b\nc",
		"export A=x\nA=b":       "b",
		"A=b\nB='unterminated":  "b",
		"A=b\nB=\"unterminated": "b",
		`A="b\`:                 "b",
		`A=b\`:                  "b",
		"A=$HOME":               "$HOME",
		"A=b#c;d":               "b#c;d",
	} {
		if got := parseEnvironment(text)["A"]; got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func FuzzParseEnvironment(f *testing.F) {
	f.Add("A=\"b\\\"\" 'c' \\\nd\n#x\nB='")
	f.Fuzz(func(_ *testing.T, text string) { parseEnvironment(text) })
}

func FuzzReadYAML(f *testing.F) {
	f.Add("a: &b {listen: '*:8008', <<: *b}\nrestapi: {<<: [*b, *b]}\nscope: x\nname: y\n")
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) < 4096 { // anchors can be piled up; whoever writes patroni.yml runs the database
			_, _ = readSettings(Options{Config: write(t, "p.yml", text)})
		}
	})
}

func TestSecretsStaySecret(t *testing.T) {
	s := settings{KeyPassword: "hunter2"}
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		if text := fmt.Sprintf(format, s) + fmt.Sprintf(format, s.KeyPassword); strings.Contains(text, "hunter2") ||
			strings.Contains(text, "68756e74657232") || !strings.Contains(text, "[redacted]") {
			t.Errorf("%s: %s", format, text)
		}
	}
}

// TestNotAFile: what never ends is not read.
func TestNotAFile(t *testing.T) {
	if _, err := readFile("/dev/zero"); err == nil {
		t.Error("/dev/zero is read")
	}
	long := write(t, "long", strings.Repeat(" ", maxFile+1))
	if _, err := readFile(long); err == nil || !strings.Contains(err.Error(), "longer than 4 MiB") {
		t.Errorf("%v", err)
	}
}
