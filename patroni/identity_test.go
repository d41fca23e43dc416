package patroni

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/vipctl/vipctl/reconcile/policy"
)

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
	w := ask(t, api.addr, "", func(o *Options) { o.Config, o.Scope, o.Name, o.URL = "", "demo", "n2", "http://"+api.addr }).Reply(t.Context())
	if w.Kind != policy.NotOurs || w.Why != `name is "n1", vipctl.yml says "n2"` {
		t.Errorf("%+v", w)
	}
}
