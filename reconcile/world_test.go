package reconcile

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/vipctl/vipctl/reconcile/policy"
)

// now is the moment at which the world begins; leases in the tests are multiples of seconds around
// it.
var now = policy.SinceBoot(1000 * time.Second)

// world is a small cluster as one host sees it: its kernel, its Patroni, its notes and its clocks.
// Time passes only when somebody waits. Its fields may be changed between runs, and by the hooks
// during one.
type world struct {
	t  *testing.T
	mu sync.Mutex

	now  policy.Moment
	wall time.Time

	here      bool // the kernel's address
	partly    bool // with another prefix
	end       policy.Moment
	announced int
	successor policy.MAC // who answers probes for the address
	kernelErr error

	announceErr error

	word    policy.PatroniReply
	wordFor time.Duration // how long Patroni takes to answer
	peers   []policy.PeerReply

	slowPeers bool // they answer, but not at once
	pg        policy.PG
	timing    policy.Timing

	members      []policy.Peer
	dcsLeader    string
	name         string // this member's, as patroni.yml has it
	timingErr    error
	timingAsked  int
	membersErr   error
	membersAsked int

	notes   map[string]policy.VIPState
	memos   map[string]RouteMemo
	memory  policy.ClusterState
	lockErr error
	noteErr error
	saveErr error
	locked  bool

	routeLocked bool
	records     []Record

	onWait    func() // called whenever somebody has waited
	onDecided func() // called between a holder's decision and what is done about it
	readings  int    // of the clock since postmaster.pid was read
	onHold    func() // called in front of each kernel call that holds
}

var (
	_ Address = (*world)(nil)
	_ Store   = (*worldNotes)(nil)
	_ Patroni = (*worldPatroni)(nil)
)

func newWorld(t *testing.T) *world {
	w := &world{
		t: t, now: policy.SinceBoot(1000 * time.Second), wall: time.Unix(1_790_000_000, 0), pg: policy.PGAlive, notes: map[string]policy.VIPState{}, memos: map[string]RouteMemo{},
		timing: policy.Timing{TTL: 30 * time.Second, LoopWait: 10 * time.Second, RetryTimeout: 10 * time.Second}, members: []policy.Peer{{Name: "n2"}}, dcsLeader: "n1", name: "n1",
	}
	w.leads()
	return w
}

// leads makes Patroni say that this member leads, and that its loop has just run.
func (w *world) leads() {
	w.word = policy.PatroniReply{Kind: policy.Leader, Role: policy.Role("primary"), State: "running", Timeline: 1, Name: "n1", LastSeen: w.wall.Unix()}
}

func (w *world) follows() {
	w.word = policy.PatroniReply{Kind: policy.NotLeader, Role: policy.Role("replica"), State: "running", Timeline: 1, Name: "n1", LastSeen: w.wall.Unix()}
}

func (w *world) engine() *Engine {
	return &Engine{
		VIPs: []VIP{{Name: "vip", Address: w, Follow: policy.Follow("primary"), Leased: true, HandOver: 5 * time.Second}},
		Ports: Ports{
			Patroni: (*worldPatroni)(w), Store: (*worldNotes)(w), History: w, Clock: w,
			Interval: 2 * time.Second, Refresh: time.Minute,
		},
	}
}

func (w *world) run(e policy.Event, role policy.Role) Outcome {
	w.t.Helper()
	return w.engine().Run(context.Background(), policy.Trigger{Event: e, Role: role, Cluster: "demo", At: w.now})[0]
}

func (w *world) tick() Outcome { w.t.Helper(); return w.run(policy.EventTick, "") }

// set makes postmaster.pid say so, also while a hand-over watches it: that may look once more after
// the run.
func (w *world) set(pg policy.PG) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pg = pg
}

// pass lets time go by, and the kernel drop what has ended.
func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
	w.wall = w.wall.Add(d)
	if w.here && w.end != policy.Forever && !w.now.Before(w.end) {
		w.here = false
	}
}

// vanish takes the address away behind everybody's back.
func (w *world) vanish() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.here = false
}

func (w *world) want(here bool) {
	w.t.Helper()
	if w.here != here {
		w.t.Fatalf("address here: %v, want %v", w.here, here)
	}
}

func (w *world) wantCode(o Outcome, c policy.Code) {
	w.t.Helper()
	if o.Verdict.Code != c {
		w.t.Fatalf("verdict %s %s (%s), want %s", o.Verdict.Do, o.Verdict.Code, o.Verdict.Why, c)
	}
}

// The clock.

func (w *world) Wall() time.Time { w.mu.Lock(); defer w.mu.Unlock(); return w.wall }

// Now is read for a decision right after postmaster.pid; the reading after that is the first behind
// the decision.
func (w *world) Now() policy.Moment {
	w.mu.Lock()
	w.readings++
	hook := w.onDecided
	if w.readings != 2 {
		hook = nil
	}
	w.mu.Unlock()
	if hook != nil {
		hook()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) Wait(ctx context.Context, d time.Duration) error {
	w.pass(d)
	if w.onWait != nil {
		w.onWait()
	}
	return ctx.Err()
}

// The address.

func (w *world) State() (policy.AddressState, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.kernelErr != nil:
		return policy.AddressState{}, w.kernelErr
	case !w.here:
		return policy.AddressState{Presence: policy.PresenceNo}, nil
	case w.partly:
		return policy.AddressState{Presence: policy.PresencePartly, End: w.end}, nil
	case w.end == policy.Forever:
		return policy.AddressState{Presence: policy.PresenceYes, Forever: true}, nil
	}
	return policy.AddressState{Presence: policy.PresenceYes, End: w.end}, nil
}

func (w *world) Keep(until policy.Moment) error {
	if w.onHold != nil {
		w.onHold()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.kernelErr != nil {
		return w.kernelErr
	}
	if until.Sub(w.now) < time.Second {
		return errors.New("too short")
	}
	w.here, w.end = true, until
	return nil
}

func (w *world) Announce() error { w.announced++; return w.announceErr }

// AwaitSuccessor probes every 100 ms, until the listener's context ends or a successor answers.
func (w *world) AwaitSuccessor(ctx context.Context, ignore []policy.MAC) (policy.MAC, error) {
	for { // once at least: this world's clock may be ahead of the listener
		w.mu.Lock()
		mac := w.successor
		w.mu.Unlock()
		if mac != "" && !slices.Contains(ignore, mac) {
			return mac, nil
		}
		select {
		case <-ctx.Done():
			return "", nil
		case <-time.After(time.Millisecond):
		}
	}
}

// Probe is whoever else answers right now.
func (w *world) Probe(context.Context, time.Duration) ([]policy.MAC, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.successor == "" {
		return nil, nil
	}
	return []policy.MAC{w.successor}, nil
}

func (w *world) Release() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.kernelErr != nil {
		return w.kernelErr
	}
	w.here = false
	return nil
}

// The history.

func (w *world) Append(r Record) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.records = append(w.records, r)
	return nil
}

// worldPatroni is the world's Patroni.
type worldPatroni world

func (p *worldPatroni) Reply(context.Context) policy.PatroniReply {
	w := (*world)(p)
	word := w.word
	word.At = w.Now()
	w.pass(w.wordFor)
	return word
}

func (p *worldPatroni) Poll(context.Context, []policy.Peer) []policy.PeerReply { return p.peers }

func (p *worldPatroni) Rivals(context.Context, []policy.Peer) []policy.PeerReply {
	if p.slowPeers {
		return nil
	}
	return p.peers
}

func (p *worldPatroni) Timing(context.Context) (policy.Timing, error) {
	p.timingAsked++
	return p.timing, p.timingErr
}
func (p *worldPatroni) Name() string { return p.name }

func (p *worldPatroni) Members(context.Context) (Members, error) {
	p.membersAsked++
	return Members{Peers: p.members, Leader: p.dcsLeader}, p.membersErr
}

func (p *worldPatroni) Postmaster(context.Context) policy.PG {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.readings = 0
	return p.pg
}

// worldNotes is the world's /run.
type worldNotes world

func (n *worldNotes) Lock(string, time.Duration) (func(), error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.lockErr != nil {
		return nil, n.lockErr
	}
	if n.locked {
		n.t.Error("locked twice")
	}
	n.locked = true
	return func() { n.mu.Lock(); n.locked = false; n.mu.Unlock() }, nil
}

func (n *worldNotes) VIPState(vip string) (policy.VIPState, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.notes[vip], n.noteErr
}

func (n *worldNotes) SaveVIPState(vip string, note policy.VIPState) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.saveErr != nil {
		return n.saveErr
	}
	if n.noteErr == nil {
		n.notes[vip] = note
	}
	return n.noteErr
}

func (n *worldNotes) LockRoute(string) (func(), error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.lockErr != nil {
		return nil, n.lockErr
	}
	if n.routeLocked {
		return nil, ErrBusy
	}
	n.routeLocked = true
	return func() { n.mu.Lock(); n.routeLocked = false; n.mu.Unlock() }, nil
}

func (n *worldNotes) RouteMemo(vip string) (RouteMemo, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.memos[vip], n.noteErr
}

func (n *worldNotes) SaveRouteMemo(vip string, m RouteMemo) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.saveErr == nil {
		n.memos[vip] = m
	}
	return n.saveErr
}

func (n *worldNotes) ClusterState() (policy.ClusterState, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.memory, n.noteErr
}

func (n *worldNotes) UpdateClusterState(change func(*policy.ClusterState)) error {
	m, err := n.ClusterState()
	if err != nil {
		return err
	}
	change(&m)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.memory = m
	return nil
}
