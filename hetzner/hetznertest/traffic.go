package hetznertest

import (
	"bytes"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Call is one request that reached the world whole.
type Call struct {
	At     time.Time
	Agent  string // User-Agent, which tells the nodes of a test apart
	Method string
	Path   string // with its query
	Body   string
	Status int // 0 where the connection was dropped
}

// Mutating reports whether the call asked for a change.
func (c Call) Mutating() bool { return c.Method != http.MethodGet }

// traffic is what goes between clients and the APIs of a world: latency, a script of faults, and a
// record of all calls. It may be used concurrently.
type traffic struct {
	mu      sync.Mutex
	latency time.Duration
	script  []*scripted
	calls   []Call
}

// Calls are all so far.
func (t *traffic) Calls() []Call {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.calls)
}

// Mutations are the calls that asked for a change.
func (t *traffic) Mutations() []Call {
	return slices.DeleteFunc(t.Calls(), func(c Call) bool { return !c.Mutating() })
}

type scripted struct {
	on    string
	times int
	fault Fault
}

// Script has fault answer the requests whose "METHOD /path" begins with on: as many as times says,
// or all where that is 0. Of several scripts the first that fits wins. end ends this one.
func (t *traffic) Script(on string, times int, fault Fault) (end func()) {
	if times == 0 {
		times = -1
	}
	s := &scripted{on, times, fault}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.script = append(t.script, s)
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		s.times = 0
	}
}

// honest ends all scripts.
func (t *traffic) honest() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.script = nil
}

func (t *traffic) next(r *http.Request) Fault {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, s := range t.script {
		if s.times != 0 && strings.HasPrefix(r.Method+" "+r.URL.RequestURI(), s.on) {
			s.times--
			return s.fault
		}
	}
	return nil
}

// pace sets how long an answer takes.
func (t *traffic) pace(latency time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.latency = latency
}

// count is how many calls there were.
func (t *traffic) count() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.calls)
}

// observe puts latency, script and record before an API.
func (t *traffic) observe(api http.HandlerFunc) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // a request that broke off is none
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		t.mu.Lock()
		latency, n := t.latency, len(t.calls)
		t.calls = append(t.calls, Call{
			At: time.Now(), Agent: r.UserAgent(), Method: r.Method, Path: r.URL.RequestURI(), Body: string(body),
		})
		t.mu.Unlock()
		time.Sleep(latency)
		seen := &watched{ResponseWriter: rw}
		defer func() {
			t.mu.Lock()
			defer t.mu.Unlock()
			t.calls[n].Status = seen.status
		}()
		if fault := t.next(r); fault != nil {
			fault(seen, r, api)
			return
		}
		api(seen, r)
	}
}

type watched struct {
	http.ResponseWriter
	status int
}

func (w *watched) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}
