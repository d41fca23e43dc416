package conf

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
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
		if got, err := Read(member(t, listen, ""), nil); got.URL != want || err != nil {
			t.Errorf("listen %q: %q, %v; want %q", listen, got.URL, err, want)
		}
	}
	for _, listen := range []string{"8008", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:70000", "a/b:8008", "a@b:8008",
		"a,b:8008", "x:y:8008", "[10.0.0.1]:8008", "${POD_IP}:8008", "<IP>:8008", "{{ ip }}:8008", "n 1:8008", ""} {
		_, err := Read(member(t, listen, ""), nil)
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

func TestTLSSettings(t *testing.T) {
	for extra, want := range map[string]Settings{
		"  certfile: /r.crt\n": {URL: "https://127.0.0.1:8008"},
		"  certfile: /r.crt\n  connect_address: node1.example:8008\n  cafile: /r.ca\n":                                                                                         {URL: "https://127.0.0.1:8008", TLS: TLS{ServerName: "node1.example", CAFile: "/r.ca"}},
		"  certfile: /r.crt\n  connect_address: '[fd00::1]:8008'\n  verify_client: required\nctl: {cacert: /c.ca, certfile: /c.crt}\n":                                         {URL: "https://127.0.0.1:8008", TLS: TLS{ServerName: "fd00::1", CAFile: "/c.ca", CertFile: "/c.crt", KeyFile: "/c.crt", CertRequired: true}},
		"  certfile: /r.crt\n  connect_address: 0.0.0.0:8008\n  verify_client: optional\nctl:\n  insecure: on\n  certfile: /c.crt\n  keyfile: /c.key\n  keyfile_password: x\n": {URL: "https://127.0.0.1:8008", TLS: TLS{CertFile: "/c.crt", KeyFile: "/c.key", KeyPassword: "x", Insecure: true}},
		"  connect_address: node1.example:8008\n  cafile: /r.ca\n":                                                                                                             {URL: "http://127.0.0.1:8008", TLS: TLS{CAFile: "/r.ca"}},
	} {
		want.Scope, want.Name = "demo", "n1"
		got, err := readBare(member(t, "*:8008", extra))
		got.Own = want.Own // TestOwn
		if err != nil || got != want {
			t.Errorf("%s: %v\ngot  %+v\nwant %+v", extra, err, got, want)
		}
	}
}

func TestVipctlYMLWins(t *testing.T) {
	from := member(t, "*:8008", "  certfile: /r.crt\n  verify_client: required\nctl: {cacert: /c.ca, insecure: true, certfile: /c.crt, keyfile: /c.key, keyfile_password: x}\n")
	from.URL, from.CAFile, from.CertFile, from.KeyFile = "https://rest.example:1/", "/o.ca", "/o.crt", "/o.key"
	got, err := readBare(from)
	want := Settings{Scope: "demo", Name: "n1", URL: "https://rest.example:1", TLS: TLS{CAFile: "/o.ca", CertFile: "/o.crt", KeyFile: "/o.key"}}
	if err != nil || got != want {
		t.Errorf("%v\ngot  %+v\nwant %+v", err, got, want)
	}
	for _, url := range []string{"ftp://x", "http://", "127.0.0.1:8008", "http://u:p@x:1", "http://x/leader", "http://x?y"} {
		from.URL = url
		if _, err := Read(from, nil); err == nil || !strings.HasPrefix(err.Error(), "patroni.url: got ") {
			t.Errorf("%s: %v", url, err)
		}
	}
	if _, err := Read(Source{URL: "http://127.0.0.1:8008"}, nil); err == nil {
		t.Error("an URL alone is taken for enough")
	}
}

// TestFolder merges as Patroni does: by name, sections deeply, null deletes, other files and
// folders do not count.
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
	got, err := readBare(Source{Config: dir})
	want := Settings{Scope: "demo", Name: "fallback", DataDir: "/a", URL: "http://127.0.0.1:8008", TLS: TLS{CAFile: "/new"}}
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
		_, err := Read(Source{Config: file}, nil)
		if err == nil || !strings.Contains(strings.ReplaceAll(err.Error(), file, "FILE"), want) {
			t.Errorf("%q:\ngot  %v\nwant %s", text, err, want)
		}
	}
}

func TestSecretsStaySecret(t *testing.T) {
	s := Settings{TLS: TLS{KeyPassword: "hunter2"}}
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		if text := fmt.Sprintf(format, s) + fmt.Sprintf(format, s.TLS.KeyPassword); strings.Contains(text, "hunter2") ||
			strings.Contains(text, "68756e74657232") || !strings.Contains(text, "[redacted]") {
			t.Errorf("%s: %s", format, text)
		}
	}
}

// TestNotAFile: what never ends is not read.
func TestNotAFile(t *testing.T) {
	if _, err := ReadFile("/dev/zero"); err == nil {
		t.Error("/dev/zero is read")
	}
	long := write(t, "long", strings.Repeat(" ", maxFile+1))
	if _, err := ReadFile(long); err == nil || !strings.Contains(err.Error(), "longer than 4 MiB") {
		t.Errorf("%v", err)
	}
}

// TestTaken: everything that is taken from patroni.yml says where it stands, and no secret is in
// it.
func TestTaken(t *testing.T) {
	from := member(t, "*:8008", "  certfile: /r.crt\n  keyfile: /r.key\n  keyfile_password: hush\n  verify_client: required\n"+
		"  connect_address: node1.example:8008\nctl:\n  cacert: /c.ca\npostgresql:\n  data_dir: /data\n")
	file := from.Config
	want := []Taken{
		{"scope", "demo", file + ":1: scope"},
		{"name", "n1", file + ":2: name"},
		{"postgresql.data_dir", "/data", file + ":13: postgresql.data_dir"},
		{"REST API", "https://127.0.0.1:8008", file + ":4: restapi.listen"},
		{"its name in TLS", "node1.example", file + ":9: restapi.connect_address"},
		{"CA", "/c.ca", file + ":11: ctl.cacert"},
		{"certificate", "/r.crt", file + ":5: restapi.certfile"},
		{"key", "/r.key", file + ":6: restapi.keyfile"},
		{"restapi.verify_client", "required", file + ":8: restapi.verify_client"},
		{"ctl.insecure", "false", "default"},
	}
	s, err := Read(from, nil)
	if got := s.Taken(); err != nil || !slices.Equal(got, want) {
		t.Errorf("%v\ngot  %q\nwant %q", err, got, want)
	}
	from = member(t, "*:8008", "ctl: {insecure: yes}\n")
	from.URL, from.CAFile = "https://r.example:1", "/o.ca"
	s, _ = Read(from, nil)
	for _, want := range []Taken{{"REST API", "https://r.example:1", "patroni.url"}, {"CA", "/o.ca", "patroni.ca_file"},
		{"certificate", "", "default"}, {"ctl.insecure", "false", "default"}} {
		if !slices.Contains(s.Taken(), want) {
			t.Errorf("no %q in %q", want, s.Taken())
		}
	}
	s, _ = Read(member(t, "nowhere", ""), nil)
	if got := s.Taken()[0]; got.Value != "demo" {
		t.Errorf("beside a mistake: %q", got)
	}
}

// TestFiles: whichever there are.
func TestFiles(t *testing.T) {
	for want, from := range map[string]Source{
		"/p.yml": {Config: "/p.yml"}, "/env": {EnvironmentFile: "/env"}, "/p.yml and /env": {Config: "/p.yml", EnvironmentFile: "/env"},
	} {
		if got := from.Files(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
