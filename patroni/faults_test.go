package patroni

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/vipctl/vipctl/patroni/conf"
	"github.com/vipctl/vipctl/reconcile/policy"
)

// TestWordOverTheWire asks servers that answer as each version's does.
func TestWordOverTheWire(t *testing.T) {
	for _, v := range versions {
		s := patroniSaying(t, map[string]said{"/leader": fixture(t, v+"/leader-primary.txt")})
		w := ask(t, s.addr, "").Reply(t.Context())
		if w.Kind != policy.Leader || w.Role != policy.Role("primary") || w.Scope != "demo" || w.At != noon || !w.SeenAt.IsZero() {
			t.Errorf("%s: %+v", v, w)
		}
	}
}

// TestFaults goes through what a REST API can do other than answer. wait is whether the deadline
// has to pass.
func TestFaults(t *testing.T) {
	html := func(status int) func(net.Conn, int) {
		return func(c net.Conn, _ int) { request(c); speak(c, status, "<html>") }
	}
	for name, c := range map[string]struct {
		handle func(net.Conn, int)
		want   policy.ReplyKind
		why    string
		asked  int32
	}{
		"accepts and never answers": {func(c net.Conn, _ int) { _, _ = io.Copy(io.Discard, c) }, policy.Silent, late, 1},
		"drips":                     {drip, policy.Silent, late, 1},
		"drips headers": {func(c net.Conn, _ int) { request(c); trickle(c, "HTTP/1.0 200 OK\r\nX-") },
			policy.Silent, late, 1},
		"closes without an answer": {func(c net.Conn, _ int) { request(c) }, policy.Silent, "connection closed without an answer", 2},
		"resets":                   {func(c net.Conn, _ int) { request(c); reset(c) }, policy.Silent, "connection reset", 2},
		"resets in mid-body": {func(c net.Conn, _ int) {
			request(c)
			_, _ = io.WriteString(c, "HTTP/1.0 200 OK\r\nContent-Length: 100\r\n\r\n{")
		}, policy.Silent, "connection closed in the middle of the answer", 1},
		"drops half an answer's head": {func(c net.Conn, _ int) { request(c); _, _ = io.WriteString(c, "HTTP/1.0 200 OK\r\nServer: x\r\n") },
			policy.Silent, "connection closed in the middle of the answer", 1},
		"redirects": {func(c net.Conn, _ int) {
			request(c)
			_, _ = io.WriteString(c, "HTTP/1.0 302 Found\r\nLocation: http://127.0.0.1:1/leader\r\n\r\n")
		}, policy.NotOurs, "HTTP 302 Found, redirected to http://127.0.0.1:1/leader", 1},
		"is not HTTP": {func(c net.Conn, _ int) { request(c); _, _ = io.WriteString(c, "SSH-2.0-OpenSSH_9.2\r\n") },
			policy.NotOurs, `net/http: HTTP/1.x transport connection broken: malformed HTTP response "SSH-2.0-OpenSSH_9.2"`, 1},
		"fails":            {html(500), policy.NotOurs, "HTTP 500 Internal Server Error", 1},
		"is overloaded":    {html(429), policy.NotOurs, "HTTP 429 Too Many Requests", 1},
		"503 without JSON": {html(503), policy.NotOurs, "answer is not JSON: invalid character '<' looking for beginning of value", 1},
		"sends 30 MB":      {func(c net.Conn, _ int) { request(c); flood(c) }, policy.NotOurs, "answer longer than 1 MiB", 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, c.handle)
			limit := 5 * time.Second
			if c.why == late {
				limit = brief
			}
			began := time.Now()
			got := ask(t, s.addr, "", within(limit)).Reply(t.Context())
			if c.why == late && strings.HasPrefix(got.Why, late) {
				got.Why = late // how long depends on the machine's load
			}
			if want := (policy.PatroniReply{Kind: c.want, Why: c.why, At: noon}); got != want {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
			if took := time.Since(began); took > limit+2*time.Second {
				t.Errorf("took %v", took)
			}
			if n := s.connections.Load(); n != c.asked {
				t.Errorf("asked %d times, want %d", n, c.asked)
			}
		})
	}
}

func drip(c net.Conn, _ int) {
	request(c)
	trickle(c, "HTTP/1.0 200 OK\r\n\r\n{")
}

// trickle says something and then a blank every 10 ms for as long as anybody listens.
func trickle(c net.Conn, begin string) {
	_, err := io.WriteString(c, begin)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for ; err == nil; _, err = io.WriteString(c, " ") {
		<-tick.C
	}
}

func reset(c net.Conn) { _ = c.(*net.TCPConn).SetLinger(0) }

func flood(c net.Conn) {
	_, err := io.WriteString(c, "HTTP/1.0 200 OK\r\n\r\n")
	block := bytes.Repeat([]byte(" "), 1<<20)
	for i := 0; i < 30 && err == nil; i++ {
		_, err = c.Write(block)
	}
}

func TestRefused(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	got := ask(t, l.Addr().String(), "").Reply(t.Context())
	if want := (policy.PatroniReply{Kind: policy.Silent, Why: "connection refused", At: noon}); got != want {
		t.Errorf("got %+v", got)
	}
}

// TestReload: a Patroni that restarts its REST API drops what it has accepted, and answers a moment
// later.
func TestReload(t *testing.T) {
	for name, drop := range map[string]func(net.Conn){"reset": reset, "close": func(net.Conn) {}} {
		s := serve(t, func(c net.Conn, n int) {
			request(c)
			if n == 1 {
				drop(c)
				return
			}
			speak(c, 200, leaderBody("demo", "n1"))
		})
		got := ask(t, s.addr, "").Reply(t.Context())
		if got.Kind != policy.Leader || s.connections.Load() != 2 {
			t.Errorf("%s: %+v after %d connections", name, got, s.connections.Load())
		}
	}
}

// TestDeadlines: whoever has the shorter patience decides, and one that is cancelled says so.
func TestDeadlines(t *testing.T) {
	s := serve(t, func(c net.Conn, _ int) { _, _ = io.Copy(io.Discard, c) })
	c := ask(t, s.addr, "")
	ctx, cancel := context.WithTimeout(t.Context(), brief)
	defer cancel()
	if got := c.Reply(ctx); got.Kind != policy.Silent || !strings.HasPrefix(got.Why, late) {
		t.Errorf("%+v", got)
	}
	cancel()
	ctx, cancel = context.WithCancel(t.Context())
	cancel()
	if got := c.Reply(ctx); got.Kind != policy.Silent || got.Why != "vipctl was asked to stop" {
		t.Errorf("%+v", got)
	}
}

// TestNoProxy: nothing in the environment sends a question anywhere else. The peer's name cannot be
// resolved, so that only a proxy could answer; for loopback net/http would not ask one anyway.
func TestNoProxy(t *testing.T) {
	proxy := serve(t, func(c net.Conn, _ int) { request(c); speak(c, 200, leaderBody("demo", "n2")) })
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"} {
		t.Setenv(name, "http://"+proxy.addr)
	}
	c := ask(t, "127.0.0.1:1", "", within(brief))
	got := c.Poll(t.Context(), []policy.Peer{{Name: "n2", URL: "http://patroni.invalid:8008"}})
	if got[0].Reply.Kind != policy.Silent || proxy.connections.Load() != 0 {
		t.Errorf("%+v after %d connections to the proxy", got[0], proxy.connections.Load())
	}
	e, _ := c.endpoints.use()
	hc, err := e.local()
	if err != nil {
		t.Fatal(err)
	}
	if hc.Transport.(*http.Transport).Proxy != nil {
		t.Error("there is a proxy function")
	}
}

// TestNothingIsReadBeforeItIsNeeded: a callback that asks nothing must not pay for, or fail on,
// patroni.yml.
func TestNothingIsReadBeforeItIsNeeded(t *testing.T) {
	c := New(Options{Source: conf.Source{Config: "/nonexistent/patroni.yml"}, Now: func() policy.Moment { return noon }})
	want := policy.PatroniReply{Kind: policy.NotOurs, At: noon,
		Why: "patroni.config: got /nonexistent/patroni.yml: no such file or directory, want Patroni's own configuration, which vipctl can read"}
	if got := c.Reply(t.Context()); got != want {
		t.Errorf("%+v", got)
	}
	if got := c.Poll(t.Context(), []policy.Peer{{Name: "n2", URL: "http://127.0.0.1:1"}}); got[0].Reply != want {
		t.Errorf("%+v", got)
	}
	if c.Name() != "" || c.Postmaster(t.Context()) != policy.PGUnknown || c.Check() == nil {
		t.Error("a missing patroni.yml goes unnoticed")
	}
	if _, err := c.Timing(t.Context()); err == nil {
		t.Error("Timing: no error")
	}
	if _, err := c.Members(t.Context()); err == nil {
		t.Error("Members: no error")
	}
}

func BenchmarkWord(b *testing.B) {
	body := []byte(fixture(b, "v4.1.4/leader-primary.txt").body)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(body) }))
	defer s.Close()
	c := ask(b, s.Listener.Addr().String(), "")
	for b.Loop() {
		if w := c.Reply(b.Context()); w.Kind != policy.Leader {
			b.Fatal(w)
		}
	}
}

// BenchmarkFirstWord is what a process pays that asks once: patroni.yml, a new client, one
// question.
func BenchmarkFirstWord(b *testing.B) {
	body := []byte(fixture(b, "v4.1.4/leader-primary.txt").body)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(body) }))
	defer s.Close()
	o := ask(b, s.Listener.Addr().String(), "").opts
	for b.Loop() {
		if w := New(o).Reply(b.Context()); w.Kind != policy.Leader {
			b.Fatal(w)
		}
	}
}
