package conf

import (
	"fmt"
	"strings"
	"testing"
)

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
		got, err := readBare(Source{Config: write(t, "p.yml", text)})
		if strings.HasPrefix(text, "restapi: text") {
			if err == nil || !strings.Contains(err.Error(), "restapi.listen: got nothing") {
				t.Errorf("%s: %v", text, err)
			}
			continue
		}
		if want := (Settings{Scope: "demo", Name: "n1", URL: "http://127.0.0.1:8008"}); err != nil || got != want {
			t.Errorf("%s: %v\ngot  %+v\nwant %+v", text, err, got, want)
		}
	}
}

// TestYAML11: a scalar is what PyYAML takes it for. Numbers and dates stop Patroni, which joins
// scope and name to a path.
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
		_, err := Read(Source{Config: write(t, "p.yml", "scope: "+text+"\nname: n1\nrestapi: {listen: '*:8008'}\n")}, nil)
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

// TestMergeAsPatroni: of what str() makes the same of, patch_config keeps the first; a section that
// stands twice in one file is the last one alone.
func TestMergeAsPatroni(t *testing.T) {
	env := write(t, "env", "PATRONI_SCOPE=16\nPATRONI_NAME=n1\n")
	for text, want := range map[string]string{
		"scope: '16'\n": "16",
		"scope: 0x10\n": "", // stays a number
		"scope: x\n":    "16",
	} {
		got, err := readBare(Source{Config: write(t, "p.yml", text+"restapi: {listen: '*:8008'}\n"), EnvironmentFile: env})
		if got.Scope != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v", text, got.Scope, err)
		}
	}
	twice := "scope: a\nname: n1\nrestapi: {listen: '*:8008'}\npostgresql: {data_dir: /a}\npostgresql: {callbacks: {}}\n"
	if got, err := readBare(Source{Config: write(t, "p.yml", twice)}); got.DataDir != "" || err != nil {
		t.Errorf("a section that is there twice: %q, %v", got.DataDir, err)
	}
	if _, err := readBare(Source{Config: write(t, "p.yml", "scope: a\nname: ''\npostgresql: {name: n1}\nrestapi: {listen: '*:8008'}\n")}); err == nil {
		t.Error("an empty name is filled from postgresql.name")
	}
}

// TestPiledAnchors: merges of merges take no longer than their number.
func TestPiledAnchors(t *testing.T) {
	text := "a0: &a0 {listen: '*:8008', <<: *a0}\n"
	for i := range 200 {
		text += fmt.Sprintf("a%d: &a%d {<<: [%s]}\n", i+1, i+1, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i), 9), ", "))
	}
	got, err := readBare(Source{Config: write(t, "p.yml", text+"restapi: *a200\nscope: demo\nname: n1\n")})
	if err != nil || got.URL != "http://127.0.0.1:8008" {
		t.Errorf("%+v, %v", got, err)
	}
}
