package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// fakePatroni answers on 127.0.0.1:8008, in the network namespace of the thread that starts it, as
// a Patroni 4.1 called n1 of the cluster demo does.
type fakePatroni struct {
	mu     sync.Mutex
	status int            // of GET /leader
	word   map[string]any // its body
	config map[string]any
	peer   string        // where the member n2 is asked; "" where there is none
	cut    chan struct{} // closed when whoever waits for a silent Patroni should be let go
	delay  time.Duration
	silent bool
	server *http.Server

	certificates *fakeCertificates // nil for plain HTTP
}

func newFakePatroni() *fakePatroni {
	p := &fakePatroni{config: map[string]any{"ttl": 30, "loop_wait": 10, "retry_timeout": 10}, cut: make(chan struct{})}
	p.become("replica")
	return p
}

// become sets what is said from now on: leader or replica, running, on timeline 1.
func (p *fakePatroni) become(what string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.silent, p.delay = false, 0
	p.word = map[string]any{
		"state": "running", "role": "replica", "timeline": 1,
		"patroni": map[string]any{"version": "4.1.4", "scope": "demo", "name": "n1"},
	}
	p.status = http.StatusServiceUnavailable
	if what == "leader" {
		p.status, p.word["role"] = http.StatusOK, "primary"
	}
}

// set changes a part of what is said: role=demoted, pause=true, scope=other, ttl=20, peer=URL.
func (p *fakePatroni) set(assignment string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	key, text, ok := strings.Cut(assignment, "=")
	if !ok {
		return fmt.Errorf("got %q, want KEY=VALUE", assignment)
	}
	var value any = text
	if json.Unmarshal([]byte(text), &value) != nil {
		value = text
	}
	switch key {
	case "scope", "name":
		p.word["patroni"].(map[string]any)[key] = value
	case "ttl", "loop_wait", "retry_timeout", "postgresql":
		p.config[key] = value
	case "status":
		status, err := strconv.Atoi(text)
		p.status = status
		return err
	case "delay":
		delay, err := time.ParseDuration(text)
		p.delay = delay
		return err
	case "peer":
		p.peer = text
	default:
		p.word[key] = value
	}
	return nil
}

// start listens, unless it does already.
func (p *fakePatroni) start() error {
	if p.server != nil {
		return nil
	}
	l, err := net.Listen("tcp", "127.0.0.1:8008")
	if err != nil {
		return err
	}
	p.server = &http.Server{Handler: p, ErrorLog: log.New(io.Discard, "", 0)}
	go func(s *http.Server) { _ = s.Serve(schemeListener{l, p}) }(p.server)
	return nil
}

// stop refuses connections from now on.
func (p *fakePatroni) stop() {
	if p.server == nil {
		return
	}
	close(p.cut)
	_ = p.server.Close()
	p.server, p.cut = nil, make(chan struct{})
}

// fallSilent takes connections and never answers.
func (p *fakePatroni) fallSilent() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.silent = true
}

func (p *fakePatroni) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	status, body, silent, delay := p.answer(r.URL.Path)
	if silent {
		delay = time.Hour
	}
	select {
	case <-time.After(delay):
	case <-r.Context().Done():
		return
	case <-p.cut:
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

func (p *fakePatroni) answer(path string) (status int, body []byte, silent bool, delay time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var said any
	switch path {
	case "/leader":
		word := map[string]any{"dcs_last_seen": time.Now().Unix()}
		for k, v := range p.word {
			word[k] = v
		}
		status, said = p.status, word
	case "/config":
		status, said = http.StatusOK, p.config
	case "/cluster":
		members := []any{map[string]any{"name": "n1", "role": "replica", "state": "running", "api_url": "http://127.0.0.1:8008/patroni"}}
		if p.peer != "" {
			members = append(members, map[string]any{"name": "n2", "role": "replica", "state": "running", "api_url": p.peer})
		}
		status, said = http.StatusOK, map[string]any{"scope": "demo", "members": members}
	default:
		status, said = http.StatusNotFound, map[string]any{}
	}
	body, _ = json.Marshal(said)
	return status, body, p.silent, p.delay
}
