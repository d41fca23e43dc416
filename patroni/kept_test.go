package patroni

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/vipctl/vipctl/reconcile/policy"
)

// goodYML has every setting that is kept, and a secret that is not.
const goodYML = `  certfile: /r.crt
  connect_address: 10.0.0.1:8008
  verify_client: required
postgresql: {data_dir: /data, connect_address: '10.0.0.2:5432'}
ctl: {cacert: /c.ca, certfile: /c.crt, keyfile: /c.key, keyfile_password: hush, insecure: true}
`

// keeping returns options that have the settings back.
func keeping(o Options, settings json.RawMessage, err error) Options {
	o.Kept = func() (json.RawMessage, error) { return settings, err }
	return o
}

// keepOf returns what is kept of a client's settings once Patroni was heard by them.
func keepOf(t *testing.T, c *Client) json.RawMessage {
	t.Helper()
	w, err := c.file()
	if err != nil {
		t.Fatal(err)
	}
	return w.keep(c.opts.source())
}

// overwrite breaks, or mends, a client's patroni.yml.
func overwrite(t *testing.T, c *Client, text string) {
	t.Helper()
	if err := os.WriteFile(c.opts.Config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestKept: all settings but the secret survive a file that is broken in any way.
func TestKept(t *testing.T) {
	c := ask(t, "10.0.0.1:8008", goodYML)
	data := keepOf(t, c)
	if strings.Contains(string(data), "hush") {
		t.Errorf("a secret is in %s", data)
	}
	file, err := c.settings()
	if err != nil || c.Fallback() != nil {
		t.Fatal(err, c.Fallback())
	}
	want := file.settings
	want.KeyPassword, want.from = "", origins{}
	for what, text := range map[string]string{
		"no YAML":     "scope: demo\n  name: [\n",
		"no mapping":  "demo\n",
		"no settings": "scop: demo\n",
		"empty":       "",
		"wrong":       "scope: demo\nname: n1\nrestapi: {listen: nowhere}\npostgresql: {data_dir: /other}\n",
	} {
		overwrite(t, c, text)
		late := New(keeping(c.opts, data, nil))
		got, err := late.settings()
		if err != nil || got.settings != want {
			t.Errorf("%s: %v\ngot  %+v\nwant %+v", what, err, got.settings, want)
		}
		if err := late.Fallback(); err == nil || !strings.Contains(err.Error(), c.opts.Config) {
			t.Errorf("%s: the error names no file: %v", what, err)
		}
		if late.Check() == nil || late.Settings() != nil {
			t.Errorf("%s: passes for a good one", what)
		}
	}
	if err := os.Remove(c.opts.Config); err != nil {
		t.Fatal(err)
	}
	late := New(keeping(c.opts, data, nil))
	if scope, err := late.Scope(); scope != "demo" || err != nil || !errors.Is(late.Fallback(), fs.ErrNotExist) {
		t.Errorf("missing: %q, %v, %v", scope, err, late.Fallback())
	}
}

// TestKeptNamesTheLine: whoever has broken the file is told where.
func TestKeptNamesTheLine(t *testing.T) {
	c := ask(t, "127.0.0.1:8008", "")
	data := keepOf(t, c)
	overwrite(t, c, "scope: demo\nname: n1\nrestapi: {listen: '127.0.0.1:8008'}\n oops: [\n")
	err := New(keeping(c.opts, data, nil)).Fallback()
	if err == nil || !strings.HasPrefix(err.Error(), c.opts.Config+": yaml: line ") {
		t.Error(err)
	}
}

// TestGoodFileCountsAtOnce: what was kept of an older file does not, unless Patroni is heard by that alone.
func TestGoodFileCountsAtOnce(t *testing.T) {
	c := ask(t, "127.0.0.1:8008", "")
	data := keepOf(t, c)
	overwrite(t, c, "scope: other\nname: n2\nrestapi: {listen: '127.0.0.1:8009'}\n")
	late := New(keeping(c.opts, data, nil))
	scope, err := late.Scope()
	if url, _ := late.URL(); scope != "other" || late.Name() != "n2" || url != "http://127.0.0.1:8009" || err != nil {
		t.Errorf("%q, %q, %q, %v", scope, late.Name(), url, err)
	}
	if late.Fallback() != nil || late.Ahead() != nil || late.LastScope() != "demo" {
		t.Error(late.Fallback(), late.Ahead(), late.LastScope())
	}
}

// TestKeptOfAnother: what was kept for other files, or is not what was kept, does not count, and the word is NotOurs.
func TestKeptOfAnother(t *testing.T) {
	c := ask(t, "127.0.0.1:8008", "")
	data := keepOf(t, c)
	overwrite(t, c, "]")
	moved := c.opts
	moved.URL = "http://127.0.0.1:8009"
	for what, o := range map[string]Options{
		"nothing":           keeping(c.opts, nil, nil),
		"unreadable":        keeping(c.opts, nil, fs.ErrPermission),
		"another's":         keeping(moved, data, nil),
		"no JSON":           keeping(c.opts, json.RawMessage("{"), nil),
		"another type":      keeping(c.opts, json.RawMessage("[]"), nil),
		"null":              keeping(c.opts, json.RawMessage("null"), nil),
		"without the scope": keeping(c.opts, json.RawMessage(strings.Replace(string(data), `"scope":"demo"`, `"scope":""`, 1)), nil),
		"nobody keeps":      c.opts,
	} {
		late := New(o)
		if w := late.Reply(t.Context()); w.Kind != policy.NotOurs || !strings.Contains(w.Why, c.opts.Config+": ") {
			t.Errorf("%s: %+v", what, w)
		}
		if late.Fallback() != nil {
			t.Errorf("%s: in use", what)
		}
	}
}

// TestKeptLockedKey: without the password the certificate is left out where it may be.
func TestKeptLockedKey(t *testing.T) {
	c := ask(t, "127.0.0.1:8008", "ctl: {certfile: /c.crt, keyfile: /c.key, keyfile_password: hush}\n")
	data := keepOf(t, c)
	overwrite(t, c, "]")
	if s, err := New(keeping(c.opts, data, nil)).settings(); s.certFile != "" || s.keyFile != "" || err != nil {
		t.Errorf("%+v, %v", s.settings, err)
	}
}

// TestKeptLockedKeyOpens: a file that can be read has the password of the same key.
func TestKeptLockedKeyOpens(t *testing.T) {
	const ctl = "ctl: {certfile: /c.crt, keyfile: /c.key, keyfile_password: hush}\n"
	c := ask(t, "127.0.0.1:8008", ctl)
	data := keepOf(t, c)
	for keyFile, want := range map[string]secret{"/c.key": "hush", "/other.key": ""} {
		overwrite(t, c, "scope: demo\nname: n2\nrestapi: {listen: '127.0.0.1:8008'}\n"+strings.Replace(ctl, "/c.key", keyFile, 1))
		if last, err := New(keeping(c.opts, data, nil)).last(); err != nil || last.KeyPassword != want || (last.certFile != "") != (want != "") {
			t.Errorf("%s: %v, %q, %q", keyFile, err, string(last.KeyPassword), last.certFile)
		}
	}
}

// TestKeptPatroniIsAsked: the REST API that was known answers, though the file is broken, and so do the peers.
func TestKeptPatroniIsAsked(t *testing.T) {
	api := patroniSaying(t, map[string]said{"/leader": {status: 200, body: leaderBody("demo", "n1")}})
	c := ask(t, api.addr, "")
	data := keepOf(t, c)
	overwrite(t, c, "]")
	late := New(keeping(c.opts, data, nil))
	if w := late.Reply(t.Context()); w.Kind != policy.Leader {
		t.Errorf("%+v", w)
	}
	if w := late.Poll(t.Context(), []policy.Peer{{Name: "n1", URL: "http://" + api.addr}}); w[0].Reply.Kind != policy.Leader {
		t.Errorf("%+v", w)
	}
}
