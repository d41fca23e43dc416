package patroni

import (
	"slices"
	"testing"
)

// TestTaken: everything that is taken from patroni.yml says where it stands, and no secret is in it.
func TestTaken(t *testing.T) {
	c := ask(t, "*:8008", "  certfile: /r.crt\n  keyfile: /r.key\n  keyfile_password: hush\n  verify_client: required\n"+
		"  connect_address: node1.example:8008\nctl:\n  cacert: /c.ca\npostgresql:\n  data_dir: /data\n")
	file := c.opts.Config
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
	if got := c.Taken(); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	c = ask(t, "*:8008", "ctl: {insecure: yes}\n", func(o *Options) { o.URL, o.CAFile = "https://r.example:1", "/o.ca" })
	for _, want := range []Taken{{"REST API", "https://r.example:1", "patroni.url"}, {"CA", "/o.ca", "patroni.ca_file"},
		{"certificate", "", "default"}, {"ctl.insecure", "false", "default"}} {
		if !slices.Contains(c.Taken(), want) {
			t.Errorf("no %q in %q", want, c.Taken())
		}
	}
	c = ask(t, "nowhere", "")
	if got := c.Taken()[0]; got.Value != "demo" {
		t.Errorf("beside a mistake: %q", got)
	}
}
