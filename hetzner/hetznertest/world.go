// Package hetznertest is a small Hetzner for tests: the Cloud API, the Robot webservice and the
// metadata service over one state, with latency and a script of faults. What it answers has every
// field of Hetzner's specification; clients by other hands are run against it in e2e/oracle.
//
// Time is the time package's, so that it runs on the fake clock of testing/synctest.
package hetznertest

import (
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// What every world lets in.
const (
	Token    = "hetznertest0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ"
	User     = "#ws+robot"
	Password = `p"a\sswörd%&=+/`
)

// World is a project of the Cloud and an account of the Robot. It may be used concurrently.
type World struct {
	traffic

	mu       sync.Mutex
	began    time.Time
	servers  map[int64]*server
	floating map[int64]*floatingIP
	networks map[int64]*network
	actions  actions
	failover map[string]*failover
	tokens   float64 // of the rate limit's bucket
	filled   time.Time
	bad      []time.Time // refused logins
	counted  map[string][]time.Time

	switchTime time.Duration // of a failover IP
	moved      func(address string, server string)
}

type server struct {
	id      int64
	name    string
	ip      string
	network int64
	private string
	aliases []string
	since   time.Time
}

type floatingIP struct {
	id      int64
	name    string
	ip      string
	server  int64
	blocked bool
}

type network struct {
	id            int64
	name, ipRange string
}

// New returns an empty world: instant answers, instant actions, no faults.
func New() *World {
	now := time.Now()
	return &World{
		began: now, filled: now, tokens: rateLimit,
		servers: map[int64]*server{}, floating: map[int64]*floatingIP{}, networks: map[int64]*network{},
		actions: actions{all: map[int64]*action{}}, failover: map[string]*failover{}, counted: map[string][]time.Time{},
	}
}

// Pace sets how long an answer takes, an action after its answer, and a switch of a failover IP.
func (w *World) Pace(latency, action, failover time.Duration) {
	w.traffic.pace(latency)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.actions.takes, w.switchTime = action, failover
}

// OnMove has f called after an address moved: to a server's id or main address, or to "" when
// nobody has it. It is called with the world locked and must not come back to it.
func (w *World) OnMove(f func(address, server string)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.moved = f
}

// FailActions lets the next n actions end in an error.
func (w *World) FailActions(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.actions.failing = n
}

// Honest ends all that was scripted.
func (w *World) Honest() {
	w.honest()
	w.FailActions(0)
}

// Cloud is the Cloud API, at the paths below the version.
func (w *World) Cloud() http.Handler { return cloudAPI{w}.handler() }

// Robot is the Robot webservice.
func (w *World) Robot() http.Handler { return robotAPI{w}.handler() }

// Metadata is the metadata service as the given server sees it, below /hetzner/v1/metadata.
func (w *World) Metadata(server int64) http.Handler { return metadataAPI{w, server}.handler() }

// AddServer adds one of the Cloud's, in a private network where network is not 0.
func (w *World) AddServer(id int64, name, ip string, network int64, private string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.servers[id] = &server{id: id, name: name, ip: ip, network: network, private: private, since: time.Now()}
}

// RemoveServer deletes one.
func (w *World) RemoveServer(id int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.servers, id)
	for _, f := range w.floating {
		if f.server == id {
			f.server = 0
		}
	}
}

// AddFloatingIP adds one: an address, or for IPv6 a /64.
func (w *World) AddFloatingIP(id int64, name, ip string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.floating[id] = &floatingIP{id: id, name: name, ip: ip}
}

// RemoveFloatingIP deletes one.
func (w *World) RemoveFloatingIP(id int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.floating, id)
}

// AddNetwork adds one with a single subnet over its whole range.
func (w *World) AddNetwork(id int64, name, ipRange string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.networks[id] = &network{id: id, name: name, ipRange: ipRange}
}

// Assign assigns a floating IP at once, to nobody where server is 0.
func (w *World) Assign(floating, server int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.actions.settle()
	w.assign(w.floating[floating], server)
}

func (w *World) assign(f *floatingIP, server int64) {
	if f != nil {
		f.server = server
		w.tellMoved(f.ip, idText(server))
	}
}

// Assigned is the server that a floating IP is assigned to, 0 for none.
func (w *World) Assigned(floating int64) int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.actions.settle()
	return w.floating[floating].server
}

// SetAliases replaces a server's aliases at once.
func (w *World) SetAliases(server int64, aliases ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.actions.settle()
	w.setAliases(w.servers[server], aliases)
}

// Aliases are a server's.
func (w *World) Aliases(server int64) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.actions.settle()
	return slices.Clone(w.servers[server].aliases)
}

func (w *World) setAliases(s *server, aliases []string) {
	if s == nil {
		return
	}
	for _, a := range s.aliases {
		if !slices.Contains(aliases, a) {
			w.tellMoved(a, "")
		}
	}
	for _, a := range aliases {
		if !slices.Contains(s.aliases, a) {
			w.tellMoved(a, idText(s.id))
		}
	}
	s.aliases = slices.Clone(aliases)
}

func (w *World) tellMoved(address, server string) {
	if p, err := netip.ParsePrefix(address); err == nil {
		address = p.Addr().String()
	}
	if w.moved != nil {
		w.moved(address, server)
	}
}

// Exhaust empties the rate limit's bucket.
func (w *World) Exhaust() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tokens, w.filled = 0, time.Now()
}

// AddFailover adds a failover IP that can be routed to the given servers' main addresses. It is
// routed to the first.
func (w *World) AddFailover(ip, mask string, servers ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.failover[ip] = &failover{ip: ip, mask: mask, owner: servers[0], number: 321, active: servers[0], targets: servers}
}

// Route routes a failover IP at once, nowhere where server is "".
func (w *World) Route(ip, server string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f := w.failover[ip]
	f.active, f.until = server, time.Time{}
	w.tellMoved(ip, server)
}

// Routed is the server that a failover IP is routed to, "" for none.
func (w *World) Routed(ip string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.finish()
	return w.failover[ip].active
}

// Blocked reports whether refused logins would have blocked the caller's address at any time.
func (w *World) Blocked() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := badLogins - 1; i < len(w.bad); i++ {
		if w.bad[i].Sub(w.bad[i-badLogins+1]) < blockTime {
			return true
		}
	}
	return false
}

// finish lets switches that have ended take effect.
func (w *World) finish() {
	for _, f := range w.failover {
		if !f.until.IsZero() && !f.until.After(time.Now()) {
			f.active, f.until = f.target, time.Time{}
			w.tellMoved(f.ip, f.active)
		}
	}
}
