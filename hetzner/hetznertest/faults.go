package hetznertest

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
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

// Calls are all so far.
func (w *World) Calls() []Call {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.calls)
}

// Mutations are the calls that asked for a change.
func (w *World) Mutations() []Call {
	return slices.DeleteFunc(w.Calls(), func(c Call) bool { return !c.Mutating() })
}

// Fault answers a request in the place of the world. honest is the true answer, which it may use or not.
type Fault func(rw http.ResponseWriter, r *http.Request, honest http.HandlerFunc)

type scripted struct {
	on    string
	times int
	fault Fault
}

// Script has fault answer the requests whose "METHOD /path" begins with on: as many as times says, or all where that is 0.
// Of several scripts the first that fits wins. end ends this one.
func (w *World) Script(on string, times int, fault Fault) (end func()) {
	if times == 0 {
		times = -1
	}
	s := &scripted{on, times, fault}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.script = append(w.script, s)
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		s.times = 0
	}
}

// Honest ends all that was scripted.
func (w *World) Honest() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.script, w.failing = nil, 0
}

func (w *World) next(r *http.Request) Fault {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range w.script {
		if s.times != 0 && strings.HasPrefix(r.Method+" "+r.URL.RequestURI(), s.on) {
			s.times--
			return s.fault
		}
	}
	return nil
}

// Refuse answers with an error in the form that both APIs share, and with more fields of the error where given.
func Refuse(status int, code string, more ...map[string]any) Fault {
	return func(rw http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) { refuse(rw, status, code, more...) }
}

func refuse(rw http.ResponseWriter, status int, code string, more ...map[string]any) {
	e := map[string]any{"code": code, "message": "a message about " + code, "details": nil}
	if strings.ToUpper(code) == code {
		e = map[string]any{"status": status, "code": code, "message": "a message about " + code}
	}
	for _, m := range more {
		maps.Copy(e, m)
	}
	answer(rw, status, map[string]any{"error": e})
}

// Hang never answers.
func Hang() Fault {
	return func(_ http.ResponseWriter, r *http.Request, _ http.HandlerFunc) {
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	}
}

// Reset drops the connection without an answer.
func Reset() Fault {
	return func(http.ResponseWriter, *http.Request, http.HandlerFunc) { panic(http.ErrAbortHandler) }
}

// Raw answers with the given body and header fields, name and value in turn.
func Raw(status int, body string, header ...string) Fault {
	return func(rw http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
		for i := 0; i+1 < len(header); i += 2 {
			rw.Header().Set(header[i], header[i+1])
		}
		rw.WriteHeader(status)
		_, _ = io.WriteString(rw, body)
	}
}

// Late answers honestly, after d.
func Late(d time.Duration) Fault {
	return func(rw http.ResponseWriter, r *http.Request, honest http.HandlerFunc) {
		time.Sleep(d)
		honest(rw, r)
	}
}

// Unheard does what is asked and drops the connection instead of answering.
func Unheard() Fault {
	return func(_ http.ResponseWriter, r *http.Request, honest http.HandlerFunc) {
		honest(discard{http.Header{}}, r)
		panic(http.ErrAbortHandler)
	}
}

// Then answers honestly and calls f after it: somebody steals the address, for example.
func Then(f func()) Fault {
	return func(rw http.ResponseWriter, r *http.Request, honest http.HandlerFunc) {
		honest(rw, r)
		f()
	}
}

type discard struct{ h http.Header }

func (d discard) Header() http.Header         { return d.h }
func (d discard) Write(p []byte) (int, error) { return len(p), nil }
func (d discard) WriteHeader(int)             {}

// observe puts latency, script and record before an API.
func (w *World) observe(api http.HandlerFunc) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // a request that broke off is none
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		w.mu.Lock()
		latency, n := w.latency, len(w.calls)
		w.calls = append(w.calls, Call{
			At: time.Now(), Agent: r.UserAgent(), Method: r.Method, Path: r.URL.RequestURI(), Body: string(body),
		})
		w.mu.Unlock()
		time.Sleep(latency)
		seen := &watched{ResponseWriter: rw}
		defer func() {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.calls[n].Status = seen.status
		}()
		if fault := w.next(r); fault != nil {
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

func answer(rw http.ResponseWriter, status int, body any) {
	data, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	rw.Header().Set("Content-Type", "application/json")
	rw.WriteHeader(status)
	_, _ = rw.Write(data)
}
