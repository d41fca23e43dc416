package patroni

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
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
