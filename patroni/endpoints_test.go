package patroni

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vipctl/vipctl/reconcile/policy"
)

// running serves what the leader of demo called n1 says, and one more member.
func running(t *testing.T) *server {
	t.Helper()
	return patroniSaying(t, map[string]said{
		"/leader": {status: 200, body: leaderBody("demo", "n1")},
		"/config": {status: 200, body: `{"ttl": 20}`},
		"/cluster": {status: 200, body: `{"scope": "demo", "members": [{"name": "n1", "api_url": "http://10.0.0.1:8008/patroni"},
			{"name": "n2", "api_url": "http://10.0.0.2:8008/patroni"}]}`},
	})
}

// refusing returns an address where nobody listens.
func refusing(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// edited returns the client of a later process, after somebody has written patroni.yml anew.
func edited(t *testing.T, c *Client, scope, name, addr, extra string) *Client {
	t.Helper()
	o := saved(c.opts, toSave(t, c), nil)
	overwrite(t, c, "scope: "+scope+"\nname: "+name+"\nrestapi:\n  listen: '"+addr+"'\n"+extra)
	return New(o)
}

// TestAhead: the file is good, but Patroni has not read it yet and answers by the saved endpoint.
// That counts for all that is asked, and the file's endpoint is not saved.
func TestAhead(t *testing.T) {
	for what, edit := range map[string]struct{ scope, name, extra, why string }{
		"another port":  {"demo", "n1", "", "connection refused"},
		"another name":  {"demo", "n9", "", `name is "n1", patroni.yml says "n9"`},
		"another scope": {"other", "n1", "", `scope is "demo", patroni.yml says "other"`},
		"HTTPS":         {"demo", "n1", "  certfile: /r.crt\n  connect_address: 10.0.0.1:8008\n", "connection "}, // closed, or reset
		"no certificate": {"demo", "n1", "  certfile: /r.crt\nctl: {cacert: /nonexistent}\n",
			"FILE:6: ctl.cacert: got /nonexistent: no such file or directory, want a file of CA certificates that vipctl can read"},
	} {
		t.Run(what, func(t *testing.T) {
			api := running(t)
			c := ask(t, api.addr, "postgresql: {data_dir: /data}\n")
			addr := api.addr
			if what == "another port" {
				addr = refusing(t)
			}
			late := edited(t, c, edit.scope, edit.name, addr, edit.extra+"postgresql: {data_dir: /other}\n")
			if !late.Changed() || late.Ahead() != nil {
				t.Errorf("before Patroni is asked: %t, %v", late.Changed(), late.Ahead())
			}
			for range 2 {
				if w := late.Reply(t.Context()); w.Kind != policy.Leader || w.Name != "n1" || w.At != noon {
					t.Errorf("%+v", w)
				}
			}
			if late.EndpointToSave() != nil {
				t.Errorf("would overwrite what was saved: %s", late.EndpointToSave())
			}
			scheme := "http"
			if strings.Contains(edit.extra, "certfile") {
				scheme = "https"
			}
			want := late.opts.Config + ": Patroni answers by its last settings (http://" + api.addr + `, scope "demo", name "n1") and not by the file's (` +
				scheme + "://" + addr + `, scope "` + edit.scope + `", name "` + edit.name + `": ` + strings.ReplaceAll(edit.why, "FILE", late.opts.Config)
			const next = "): reload or restart Patroni, or take the change back"
			if err := late.Ahead(); err == nil || !strings.HasPrefix(err.Error(), want) || !strings.HasSuffix(err.Error(), next) {
				t.Errorf("got  %v\nwant %s...%s", err, want, next)
			}
			asksTheRunning(t, late, "http://"+api.addr)
		})
	}
}

// asksTheRunning tests that the endpoint by which Patroni answered counts everywhere.
func asksTheRunning(t *testing.T, c *Client, want string) {
	t.Helper()
	scope, _ := c.Scope()
	if url, err := c.URL(); c.Name() != "n1" || scope != "demo" || c.DataDir() != "/data" || url != want || err != nil || c.Fallback() != nil {
		t.Errorf("%q of %q in %q at %q, %v, %v", c.Name(), scope, c.DataDir(), url, err, c.Fallback())
	}
	if got, err := c.Timing(t.Context()); err != nil || got.TTL != 20*time.Second {
		t.Errorf("timing: %+v, %v", got, err)
	}
	if got, err := c.Members(t.Context()); err != nil || !slices.Equal(got.Peers, []policy.Peer{{Name: "n2", URL: "http://10.0.0.2:8008"}}) {
		t.Errorf("members: %+v, %v", got, err)
	}
	if w := c.Poll(t.Context(), []policy.Peer{{Name: "n1", URL: want}}); w[0].Reply.Kind != policy.Leader {
		t.Errorf("peers: %+v", w)
	}
}

// TestAheadPostmaster: PostgreSQL runs in the data directory that Patroni knows.
func TestAheadPostmaster(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "PG_VERSION"), []byte("17\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := ask(t, running(t).addr, "postgresql: {data_dir: "+dir+"}\n")
	late := edited(t, c, "demo", "n1", refusing(t), "")
	if got := late.Postmaster(t.Context()); got != policy.PGUnknown {
		t.Errorf("before Patroni has answered: %s", got)
	}
	late.Reply(t.Context())
	if got := late.Postmaster(t.Context()); got != policy.PGDown {
		t.Errorf("got %s", got)
	}
}

// TestSavedOnceHeard: nothing is saved before Patroni has answered by it, as the member that is
// meant.
func TestSavedOnceHeard(t *testing.T) {
	api := running(t)
	c := ask(t, api.addr, "")
	if c.EndpointToSave() != nil {
		t.Errorf("before any question: %s", c.EndpointToSave())
	}
	c.Reply(t.Context())
	if got, want := string(c.EndpointToSave()), string(toSave(t, c)); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for what, c := range map[string]*Client{
		"a stranger": ask(t, patroniSaying(t, map[string]said{"/leader": {status: 200, body: leaderBody("demo", "n2")}}).addr, ""),
		"nobody":     ask(t, refusing(t), ""),
	} {
		if w := c.Reply(t.Context()); !w.IsSilent() || c.EndpointToSave() != nil {
			t.Errorf("%s: %+v, %s", what, w, c.EndpointToSave())
		}
	}
}

// TestNoSecondQuestion: none after a time-out, and none to whom the file would have us ask as well.
// Neither takes longer than the deadline.
func TestNoSecondQuestion(t *testing.T) {
	t.Parallel()
	good := running(t)
	hangs := serve(t, func(c net.Conn, _ int) { _, _ = io.Copy(io.Discard, c) })
	c := ask(t, good.addr, "", within(brief))
	late := edited(t, c, "demo", "n1", hangs.addr, "")
	w := late.Reply(t.Context())
	if w.Kind != policy.Silent || w.Why != "no answer within "+brief.String() || good.connections.Load() != 0 || late.Ahead() != nil {
		t.Errorf("%+v after %d connections, %v", w, good.connections.Load(), late.Ahead())
	}
	stranger := patroniSaying(t, map[string]said{"/leader": {status: 200, body: leaderBody("demo", "n2")}})
	c = ask(t, stranger.addr, "postgresql: {data_dir: /data}\n")
	late = edited(t, c, "demo", "n1", stranger.addr, "postgresql: {data_dir: /other}\n")
	if w := late.Reply(t.Context()); w.Kind != policy.NotOurs || stranger.connections.Load() != 1 || late.Changed() {
		t.Errorf("%+v after %d connections", w, stranger.connections.Load())
	}
}

// TestSecondQuestionWithinTheDeadline: the saved endpoint gets what the first question has left.
func TestSecondQuestionWithinTheDeadline(t *testing.T) {
	t.Parallel()
	const limit = time.Second
	hangs := serve(t, func(c net.Conn, _ int) { _, _ = io.Copy(io.Discard, c) })
	slow := serve(t, func(c net.Conn, _ int) {
		request(c)
		<-time.After(limit / 2)
		speak(c, 500, "")
	})
	c := ask(t, hangs.addr, "", within(limit))
	late := edited(t, c, "demo", "n1", slow.addr, "")
	began := time.Now()
	if w := late.Reply(t.Context()); w.Why != "HTTP 500 Internal Server Error" || hangs.connections.Load() != 1 {
		t.Errorf("%+v after %d connections", w, hangs.connections.Load())
	}
	if took := time.Since(began); took < limit || took > limit+limit/3 {
		t.Errorf("took %v", took)
	}
}

// TestBothMute: the file's reply counts where the saved endpoint reaches nobody either.
func TestBothMute(t *testing.T) {
	stranger := patroniSaying(t, map[string]said{"/leader": {status: 200, body: leaderBody("demo", "n2")}})
	c := ask(t, stranger.addr, "")
	late := edited(t, c, "demo", "n9", refusing(t), "")
	w := late.Reply(t.Context())
	if want := (policy.PatroniReply{Kind: policy.Silent, Why: "connection refused", At: noon}); w != want {
		t.Errorf("got %+v", w)
	}
	if late.Name() != "n9" || late.Ahead() != nil || late.EndpointToSave() != nil || stranger.connections.Load() != 1 {
		t.Errorf("%q, %v, %s, %d connections", late.Name(), late.Ahead(), late.EndpointToSave(), stranger.connections.Load())
	}
}

// TestAheadUntilTheReload: one process sees Patroni read the file. From then on the file counts
// again, and is saved.
func TestAheadUntilTheReload(t *testing.T) {
	name := make(chan string, 1)
	name <- "n1"
	api := serve(t, func(c net.Conn, _ int) {
		request(c)
		now := <-name
		name <- now
		speak(c, 200, leaderBody("demo", now))
	})
	late := edited(t, ask(t, api.addr, ""), "demo", "n9", api.addr, "")
	if w := late.Reply(t.Context()); w.Name != "n1" || late.Ahead() == nil {
		t.Fatalf("%+v, %v", w, late.Ahead())
	}
	<-name
	name <- "n9"
	if w := late.Reply(t.Context()); w.Name != "n9" || late.Name() != "n9" || late.Ahead() != nil {
		t.Errorf("%+v, %q, %v", w, late.Name(), late.Ahead())
	}
	if got := string(late.EndpointToSave()); got != string(toSave(t, late)) || !strings.Contains(got, `"n9"`) {
		t.Errorf("saved: %s", got)
	}
	last := edited(t, late, "demo", "n9", api.addr, "")
	if last.Changed() || last.Reply(t.Context()).Name != "n9" || last.Ahead() != nil {
		t.Errorf("still ahead: %v", last.Ahead())
	}
}
