package faults_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/vipctl/vipctl/e2e/lab"
)

// Trials of a REST API that goes on saying 200 while another node has the lock. They are staged: on
// two nodes a handler replies in Patroni's place, and vipctl and the addresses are real. Only ticks
// move the VIP, except where a trial calls a callback.

// stage is the two nodes, and the DCS that their stand-ins tell of.
type stage struct {
	cluster
	mu     sync.Mutex
	locked string // who has the lock, "" for nobody
	cast   map[string]*standIn
}

// standIn is what one Patroni says.
type standIn struct {
	leads    bool
	timeline int
	seen     int64 // dcs_last_seen
	off      time.Duration
	loops    bool        // move dcs_last_seen, as those of a Patroni that is awake do
	asked    []time.Time // for the cluster
}

func newStage(ttl, loopWait, retryTimeout int) *stage {
	s := &stage{locked: "n1", cast: map[string]*standIn{
		"n1": {leads: true, timeline: 1, loops: true}, "n2": {timeline: 1, loops: true},
	}}
	s.settings = fmt.Sprintf("%d/%d/%d", ttl, loopWait, retryTimeout)
	s.opts = lab.Options{Nodes: 2, TTL: ttl, LoopWait: loopWait, RetryTimeout: retryTimeout, Clocks: true, StandIn: s.standIn}
	return s
}

// begin brings the stage up, and waits until n1 has the VIP. It is taken away when the test is
// over.
func (s *stage) begin(t *testing.T, fault string) *trial {
	t.Helper()
	s.do(func() {
		for _, m := range s.cast {
			m.loop()
		}
	})
	t.Cleanup(func() { // behind the trial's own
		if s.lab != nil {
			_ = s.down()
		}
	})
	tr := s.take(t, fault, 8*time.Minute)
	results.add(tr)
	tr.leader = tr.lab.Nodes[0]
	go s.loop(tr.ctx)
	tr.alone(tr.leader, 20*time.Second)
	return tr
}

func (s *stage) do(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

// loop moves what loops move.
func (s *stage) loop(ctx context.Context) {
	for every := time.NewTicker(time.Duration(s.opts.LoopWait) * time.Second); ctx.Err() == nil; <-every.C {
		s.do(func() {
			for _, m := range s.cast {
				if m.loops {
					m.loop()
				}
			}
		})
	}
}

// loop reads the DCS.
func (m *standIn) loop() { m.seen = time.Now().Add(m.off).Unix() }

// standIn replies as Patroni on the node does.
func (s *stage) standIn(node string, patroni lab.Release) http.Handler {
	m, mux := s.cast[node], http.NewServeMux()
	self := map[string]any{"version": patroni.Version, "scope": "lab"}
	if patroni.Since(3, 2, 0) {
		self["name"] = node
	}
	mux.HandleFunc("GET /leader", func(w http.ResponseWriter, _ *http.Request) {
		role := map[bool]string{true: patroni.Primary(), false: "replica"}
		say(w, map[bool]int{true: 200, false: 503}[m.leads], map[string]any{
			"state": "running", "role": role[m.leads], "timeline": m.timeline, "dcs_last_seen": m.seen, "cluster_unlocked": s.locked == "",
			"patroni": self,
		})
	})
	mux.HandleFunc("GET /config", func(w http.ResponseWriter, _ *http.Request) {
		say(w, 200, map[string]any{"ttl": s.opts.TTL, "loop_wait": s.opts.LoopWait, "retry_timeout": s.opts.RetryTimeout})
	})
	mux.HandleFunc("GET /cluster", func(w http.ResponseWriter, _ *http.Request) {
		m.loop()
		m.asked = append(m.asked, time.Now())
		say(w, 200, map[string]any{"scope": "lab", "members": s.members()})
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.do(func() { mux.ServeHTTP(w, r) }) })
}

func (s *stage) members() (all []any) {
	for i, name := range []string{"n1", "n2"} {
		role := map[bool]string{true: "leader", false: "replica"}[s.locked == name]
		all = append(all, map[string]any{"name": name, "role": role, "state": "running", "api_url": fmt.Sprintf("http://10.77.0.%d:8008/patroni", 11+i)})
	}
	return all
}

func say(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

// asleep stops n1's loops: it goes on saying 200.
func (s *stage) asleep(tr *trial) {
	s.do(func() { s.cast["n1"].loops = false })
	tr.began = time.Now()
}

// succeed lets n1's lock run out, and n2 lead.
func (s *stage) succeed(tr *trial) {
	tr.Helper()
	time.Sleep(time.Until(tr.began.Add(tr.lab.Settings.TTL)))
	s.do(func() { s.locked = "" })
	tr.LockFree = ms(time.Since(tr.began))
	time.Sleep(200 * time.Millisecond) // an election
	s.do(func() { s.locked, s.cast["n2"].leads, s.cast["n2"].timeline = "n2", true, 2 })
}

// succeeded checks that the successor alone has the VIP for as long as it takes, and how it came to
// it.
func (s *stage) succeeded(tr *trial, stays func()) {
	tr.Helper()
	to := tr.lab.Nodes[1]
	tr.eventually(20*time.Second, "n2 has the VIP", func() bool { return slices.Contains(tr.holders(), to.Name) })
	tr.alone(to, 10*time.Second)
	stays()
	if now := tr.holders(); !slices.Equal(now, []string{to.Name}) {
		tr.Errorf("in the end %v have the VIP, want n2 alone", now)
	}
	came, gone := tr.held(to, true, tr.began), tr.held(tr.leader, false, tr.began)
	if at := tr.held(tr.leader, true, tr.began); !at.IsZero() {
		tr.Errorf("n1 claimed the VIP again, %v after it fell asleep", at.Sub(tr.began))
	}
	r := lab.Recording{From: tr.began, To: time.Now(), Holders: tr.lab.Holders.Changes()}
	f := r.Figures()
	tr.Two, tr.Nobody, tr.Gone = ms(f.Two), ms(f.NoHolder), ms(gone.Sub(tr.began))
	tr.Early = ms(time.Duration(*tr.LockFree-*tr.Gone) * time.Millisecond)
	tr.note("the VIP came %d ms after the lock had ended", *ms(came.Sub(tr.began))-*tr.LockFree)
	limit := interval + time.Second
	if !*promise {
		limit += interval // a busy machine
	}
	if f.Two > limit {
		tr.Errorf("two nodes had the VIP for %v, want %v at most", f.Two, limit)
	}
}

// vipctl can see that this clock was set back.
func TestStagedClockBack(t *testing.T) {
	t.Parallel()
	s := newStage(20, 2, 3)
	tr := s.begin(t, "staged: 200 without a lock, clock set back by 300 s, a monitor asks for the cluster")
	time.Sleep(2 * interval)
	s.asleep(tr)
	s.do(func() { s.cast["n1"].off = -step })
	tr.setBack(func() {
		s.succeed(tr)
		s.succeeded(tr, func() { time.Sleep(40 * time.Second) })
	})
}

// Here vipctl can see nothing: only a monitor moves dcs_last_seen, and it moves as Patroni's loops
// move it. The successor's callback is called, so that it claims the VIP as early as possible.
func TestStagedMonitor(t *testing.T) {
	t.Parallel()
	s := newStage(30, 10, 10)
	tr := s.begin(t, "staged: 200 without a lock, only a monitor moves dcs_last_seen")
	s.do(func() { s.cast["n1"].loops = false })
	ctx, stop := context.WithCancel(tr.ctx)
	defer stop()
	go tr.monitor(ctx)
	time.Sleep(40 * time.Second)
	s.asleep(tr)
	s.succeed(tr)
	_, err := tr.lab.Nodes[1].Vipctl.Run("callback", "on_role_change", tr.lab.Release.Primary(), "lab")
	tr.must(err)
	s.succeeded(tr, func() { time.Sleep(40 * time.Second) })
}

// What vipctl itself asks is enough to move dcs_last_seen: a leader's tick asks for the members
// every 5 minutes.
func TestStagedAlone(t *testing.T) {
	t.Parallel()
	s := newStage(20, 2, 3)
	tr := s.begin(t, "staged: 200 without a lock, nobody but vipctl asks for the cluster")
	asked := func() (all []time.Time) {
		s.do(func() { all = slices.Clone(s.cast["n1"].asked) })
		return all
	}
	tr.eventually(time.Minute, "vipctl asks for the members", func() bool { return len(asked()) > 0 })
	time.Sleep(time.Until(asked()[len(asked())-1].Add(5*time.Minute - 30*time.Second)))
	s.asleep(tr)
	s.succeed(tr)
	s.succeeded(tr, func() {
		before := len(asked())
		tr.eventually(time.Minute, "vipctl asks for the members again", func() bool { return len(asked()) > before })
		time.Sleep(20 * time.Second)
	})
}
