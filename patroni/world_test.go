package patroni

import (
	"bufio"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vipctl/vipctl/patroni/conf"
	"github.com/vipctl/vipctl/reconcile/policy"
)

// brief is the deadline of tests that wait for it to pass.
const brief = 150 * time.Millisecond

// late is how the reason for a deadline that passed begins.
const late = "no answer within "

// noon is what the boot clock of the tests says.
var noon = policy.SinceBoot(12 * time.Hour)

// said is one recorded answer: a first line "GET /path on n1 -> 200", then the body.
type said struct {
	path, member string
	status       int
	body         string
}

func fixture(t testing.TB, name string) said {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	head, body, _ := strings.Cut(string(data), "\n")
	f := strings.Fields(head)
	if len(f) != 6 || f[0] != "GET" || f[2] != "on" || f[4] != "->" {
		t.Fatalf("%s begins with %q", name, head)
	}
	status, err := strconv.Atoi(f[5])
	if err != nil {
		t.Fatal(err)
	}
	return said{path: f[1], member: f[3], status: status, body: body}
}

// server is a listener on loopback that does what it is told with each connection.
type server struct {
	addr        string
	connections atomic.Int32
}

// serve starts a server. Connections are closed when handle returns, and at the test's end.
func serve(t testing.TB, handle func(c net.Conn, n int)) *server {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{addr: l.Addr().String()}
	var mu sync.Mutex
	var open []net.Conn
	var handlers sync.WaitGroup
	handlers.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open = append(open, c)
			mu.Unlock()
			n := int(s.connections.Add(1))
			handlers.Go(func() {
				defer func() { _ = c.Close() }()
				handle(c, n)
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		mu.Lock()
		for _, c := range open {
			_ = c.Close()
		}
		mu.Unlock()
		handlers.Wait()
	})
	return s
}

// request reads a request's path.
func request(c net.Conn) string {
	r, err := http.ReadRequest(bufio.NewReader(c))
	if err != nil {
		return ""
	}
	return r.URL.Path
}

// speak answers as Patroni's server does: HTTP/1.0 without a length.
func speak(c net.Conn, status int, body string) {
	_, _ = fmt.Fprintf(c, "HTTP/1.0 %d %s\r\nServer: BaseHTTP/0.6 Python/3.11.2\r\nContent-Type: application/json\r\n\r\n%s",
		status, http.StatusText(status), body)
}

// patroniSaying serves recorded answers by path.
func patroniSaying(t testing.TB, answers map[string]said) *server {
	t.Helper()
	return serve(t, func(c net.Conn, _ int) {
		if a, ok := answers[request(c)]; ok {
			speak(c, a.status, a.body)
		}
	})
}

// leaderBody is a health answer of the given cluster and member.
func leaderBody(scope, name string) string {
	return fmt.Sprintf(`{"state": "running", "role": "primary", "timeline": 1, "dcs_last_seen": 1795209628,
		"patroni": {"version": "4.1.4", "scope": %q, "name": %q}}`, scope, name)
}

// write puts a file into a new folder and returns its path.
func write(t testing.TB, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// ask returns a client of member n1 of cluster demo, whose REST API listens at addr; extra is more
// of patroni.yml.
func ask(t testing.TB, addr, extra string, change ...func(*Options)) *Client {
	t.Helper()
	o := Options{
		Source:  conf.Source{Config: write(t, "patroni.yml", "scope: demo\nname: n1\nrestapi:\n  listen: '"+addr+"'\n"+extra)},
		Timeout: 5 * time.Second,
		Now:     func() policy.Moment { return noon },
	}
	for _, f := range change {
		f(&o)
	}
	return New(o)
}

func within(d time.Duration) func(*Options) { return func(o *Options) { o.Timeout = d } }

// quiet swallows what net/http's server has to say about broken handshakes.
func quiet() *log.Logger { return log.New(io.Discard, "", 0) }
