package conf

import (
	"strings"
	"testing"

	"github.com/vipctl/vipctl/reconcile"
)

const sound = "scope: demo\nname: n1\nrestapi: {listen: '*:8008', connect_address: 'n1:8008'}\npostgresql: {listen: '*:5432', data_dir: /data}\n"

// TestFindUnstartable: what would stop Patroni, and vipctl reads, is a problem with its place; what
// is thrown away is a warning. That Patroni agrees is tested in e2e/oracle.
func TestFindUnstartable(t *testing.T) {
	for text, want := range map[string]string{
		"": "",
		"more: \"a\tb\" # a\tcomment\nb: |\n  a\tb\n": "",
		"name:\tn1\n":                    "problem FILE:5: got a tab outside of quotes, want spaces",
		"more: 1\t\n":                    "problem FILE:5: got a tab outside of quotes",
		"more: &a\t\n  b: 1\n":           "problem FILE:5: got a tab outside of quotes",
		"---\nscope: x\n":                "problem FILE:5: got a second YAML document, want one: remove the line --- before it",
		"---\n":                          "problem FILE:",
		"more: !vault x\n":               "problem FILE:5: got the tag !vault, which Patroni does not know, want the value without it",
		"more: !vault {a: 1}\n":          "problem FILE:5: got the tag !vault",
		"more: {<<: x}\n":                "problem FILE:5: got << with something else than a section",
		"more: {{ x }}\n":                "problem FILE:5: got a list or a section as a setting's name, want text; is it a placeholder, such as {{ name }}",
		"more: 2026-02-30\n":             "problem FILE:5: got a value that PyYAML takes for a timestamp and that is none (no calendar has this date), want it in quotes",
		"!x more: 1\n":                   "problem FILE:5: got the tag !x",
		"2026-02-30: 1\n":                "problem FILE:5: got a value that PyYAML takes for a timestamp",
		"=: 1\n":                         "",
		"more: =\n":                      "problem FILE:5: got =, want it in quotes",
		"a: &x 1\nb: &x 2\n":             "problem FILE:6: got the anchor &x a second time, want each once (the first is on line 5)",
		"more: \xff\n":                   "problem FILE:1: got bytes that are not UTF-8",
		"ctl: text\n":                    `problem FILE:5: ctl: got "text", want a section; Patroni would not start with it, and a running one keeps what it has read before`,
		"postgresql:\n  callbacks: {}\n": "problem FILE: postgresql.data_dir: got nothing, want a value (perhaps PATRONI_POSTGRESQL_DATA_DIR stands in an environment file",
		"restapi: {listen: '*:8008', connect_address: '${IP}:8008'}\n":      `problem FILE:5: restapi.connect_address: got "${IP}:8008", want HOST:PORT as it is: Patroni fills in no variables and placeholders; with it the other members cannot reach this one`,
		"restapi: {listen: '*:8008', connect_address: 'n1 :8008'}\n":        `problem FILE:5: restapi.connect_address: got "n1 :8008", want HOST:PORT without spaces around the host`,
		"restapi: {listen: '*:8008', certfile: /c, keyfile: false}\n":       "problem FILE:5: restapi.keyfile: got false, which YAML 1.1 reads as a truth value",
		"postgresql: {listen: '127.0.0.1,<ip>:5432', data_dir: /data}\n":    `problem FILE:5: postgresql.listen: got "127.0.0.1,<ip>:5432"`,
		"postgresql: {listen: '127.0.0.1,::1:5432', data_dir: /data}\n":     "",
		"postgresql: {listen: '127.0.0.1, [::1]:5432', data_dir: /data}\n":  "",
		"postgresql: {listen: '*', data_dir: /data, connect_address: n1}\n": "",
	} {
		file := write(t, "p.yml", sound+text)
		var problems, warnings []string
		for _, f := range FindUnstartable(Source{Config: file}) {
			line := string(f.Level) + " " + strings.ReplaceAll(f.Text, file, "FILE")
			if f.Level == reconcile.Warning {
				warnings = append(warnings, line)
			} else {
				problems = append(problems, line)
			}
		}
		all := append(problems, warnings...)
		if want == "" && len(problems) > 0 || want != "" && (len(all) == 0 || !strings.HasPrefix(all[0], want)) {
			t.Errorf("%q:\ngot  %q\nwant %q", text, all, want)
		}
	}
}

// TestFindUnstartableElsewhere: where vipctl.yml says who Patroni is, an environment may have the
// rest.
func TestFindUnstartableElsewhere(t *testing.T) {
	o := Source{Config: write(t, "p.yml", "restapi: {listen: '*:8008'}\n"), Scope: "demo", Name: "n1"}
	for _, f := range FindUnstartable(o) {
		if f.Level != reconcile.Warning || !strings.Contains(f.Text, "set patroni.environment_file") {
			t.Errorf("%+v", f)
		}
	}
	if found := FindUnstartable(Source{Scope: "demo", Name: "n1", URL: "http://127.0.0.1:8008"}); len(found) > 0 {
		t.Errorf("without a file: %+v", found)
	}
	env := write(t, "env", "PATRONI_CONFIGURATION='scope: a\nname: b\nmore: !x y\n'\n")
	found := FindUnstartable(Source{EnvironmentFile: env})
	if len(found) == 0 || !strings.HasPrefix(found[0].Text, env+": PATRONI_CONFIGURATION:3: got the tag !x") {
		t.Errorf("in a variable: %+v", found)
	}
}
