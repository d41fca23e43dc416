package conf

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestIdentity: vipctl.yml may say scope and name where patroni.yml does not.
func TestIdentity(t *testing.T) {
	silent, full := write(t, "s.yml", "restapi: {listen: '*:8008'}\n"), write(t, "f.yml", "scope: demo\nname: n1\nrestapi: {listen: '*:8008'}\n")
	for _, c := range []struct {
		from Source
		want string // the error, without the file's folder
	}{
		{Source{Config: silent, Scope: "demo", Name: "n1"}, ""},
		{Source{Config: full, Scope: "demo", Name: "n1"}, ""},
		{Source{Scope: "demo", Name: "n1", URL: "http://127.0.0.1:8008"}, ""},
		{Source{Config: full, Scope: "other"}, `patroni.scope: got "other", want "demo" as f.yml:1: scope says, or nothing`},
		{Source{Config: full, Name: "n2"}, `patroni.name: got "n2", want "n1" as f.yml:2: name says, or nothing`},
		{Source{Config: silent, Scope: "demo"}, "s.yml: name: got nothing, want this member's name (perhaps PATRONI_NAME stands in an environment file: " +
			"set patroni.environment_file, or patroni.name)"},
		{Source{Scope: "demo", Name: "n1"}, "restapi.listen: got nothing, want HOST:PORT, where Patroni's REST API listens"},
	} {
		s, err := Read(c.from, nil)
		text := ""
		if err != nil {
			text = strings.ReplaceAll(strings.ReplaceAll(err.Error(), filepath.Dir(silent)+"/", ""), filepath.Dir(full)+"/", "")
		}
		if text != c.want || err == nil && (s.Scope != "demo" || s.Name != "n1") {
			t.Errorf("%+v: %q of %q, %s\nwant %s", c.from, s.Name, s.Scope, text, c.want)
		}
	}
}
