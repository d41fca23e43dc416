package sim

import (
	"context"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/vipctl/vipctl/reconcile/policy"
)

// world is one simulated cluster. Everything in it is guarded by mu, which nobody holds while time
// passes.
type world struct {
	scenario Scenario
	began    time.Time
	ctx      context.Context
	actors   sync.WaitGroup

	mu      sync.Mutex
	nodes   []*node
	net     *network
	dcs     *dcs
	clients []*client
	story   []event
	checks  *checks
	metrics *metrics
}

// uptime is how long the nodes had been up when the simulation began. A host that has just booted
// is treated in another way, see the policy's boot lease.
const uptime = 10 * time.Minute

func newWorld(ctx context.Context, s Scenario) *world {
	w := &world{scenario: s, began: time.Now(), ctx: ctx, net: newNetwork()}
	w.dcs = newDCS(w)
	w.checks = newChecks(w)
	w.metrics = &metrics{w: w}
	for i := range s.Nodes {
		w.nodes = append(w.nodes, newNode(w, i))
	}
	w.dcs.watch()
	w.clients = []*client{newClient(w, "c1", 0), newClient(w, "c2", time.Second)}
	return w
}

// live runs the cluster from its birth to the scenario's end.
func (w *world) live() {
	w.mu.Lock()
	w.nodes[0].pg.begin(true)
	for _, n := range w.nodes[1:] {
		n.pg.begin(false)
	}
	w.mu.Unlock()
	for _, n := range w.nodes {
		n.patroni.start()
		w.spawn(n.timer.run)
		w.sleep(time.Duration(1+n.rand("birth").IntN(300)) * time.Millisecond)
	}
	for _, c := range w.clients {
		w.spawn(c.run)
	}
	w.sleep(settleTime)
	w.mu.Lock()
	w.checks.begin()
	w.mu.Unlock()
	w.spawn(w.checks.run)
	for _, f := range w.scenario.Faults {
		w.spawn(func() { f.happen(w) })
	}
	w.sleep(w.scenario.length())
	w.mu.Lock()
	w.checks.end()
	w.mu.Unlock()
}

// settleTime is what a new cluster needs until its leader has the VIP.
const settleTime = 12 * time.Second

// spawn starts an actor, which must end soon after the world does.
func (w *world) spawn(f func()) { w.actors.Go(f) }

// sleep lets time pass, and reports false where the world has ended.
func (w *world) sleep(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-w.ctx.Done():
		return false
	}
}

// after has f called, with the world locked, when d has passed.
func (w *world) after(d time.Duration, f func()) {
	w.spawn(func() {
		if w.sleep(d) {
			w.mu.Lock()
			defer w.mu.Unlock()
			f()
		}
	})
}

// now is how long the world has lived.
func (w *world) now() time.Duration { return time.Since(w.began) }

// rand returns a source of its own for each key. What one actor draws never depends on when others
// do: the same seed gives the same story.
func (w *world) rand(key string) *rand.Rand {
	h := fnv.New64a()
	_, _ = h.Write([]byte(key))
	return rand.New(rand.NewPCG(w.scenario.Seed, h.Sum64()))
}

// between draws a duration.
func between(r *rand.Rand, least, most time.Duration) time.Duration {
	return least + time.Duration(r.Int64N(int64(most-least)))
}

func (w *world) byName(name string) *node {
	for _, n := range w.nodes {
		if n.name == name {
			return n
		}
	}
	panic("no node " + name)
}

// answering lists who answers an ARP request of this host for the address: kernels that have it,
// those of frozen hosts too, and a stranger. The world is locked.
func (w *world) answering(from, vip string) (hosts []string) {
	for _, n := range w.nodes {
		if n.name != from && n.link.has(vip) && w.net.reaches(from, n.name) {
			hosts = append(hosts, n.name)
		}
	}
	if w.checks.stranger {
		hosts = append(hosts, "stranger")
	}
	return hosts
}

const strangersMAC policy.MAC = "02:00:00:00:00:ff"

func (w *world) macOf(host string) policy.MAC {
	if host == "stranger" {
		return strangersMAC
	}
	return w.byName(host).mac
}

// newTimeline is one more than any so far.
func (w *world) newTimeline() int {
	newest := 0
	for _, n := range w.nodes {
		newest = max(newest, n.pg.timeline)
	}
	return newest + 1
}

// node is one host of the cluster.
type node struct {
	w    *world
	name string
	mac  policy.MAC

	link     *link
	store    *store
	pg       *postgres
	patroni  *patroni
	executor *executor
	timer    *timer
	clock    *hostClock
	etcd     bool // runs

	frozen    gate // every process of the host
	processes map[*process]bool
	count     int // of processes so far
	killEvery int // each process of this many dies at a random call; 0 for none
	slowREST  time.Duration
}

func newNode(w *world, i int) *node {
	n := &node{
		w: w, name: fmt.Sprintf("n%d", i+1), mac: policy.MAC(fmt.Sprintf("02:00:00:00:00:%02x", i+1)),
		etcd: true, processes: map[*process]bool{},
	}
	r := n.rand("host")
	n.clock = &hostClock{n: n, boot: uptime + time.Duration(r.Int64N(int64(time.Hour))), ahead: between(r, -200*time.Millisecond, 200*time.Millisecond)}
	n.link = newLink(n)
	n.store = newStore(n)
	n.pg = &postgres{n: n}
	n.executor = &executor{n: n, wake: make(chan struct{}, 1)}
	n.patroni = newPatroni(n)
	n.timer = &timer{n: n, on: true}
	w.spawn(n.executor.run)
	return n
}

func (n *node) rand(key string) *rand.Rand { return n.w.rand(n.name + " " + key) }

// tell adds to the story. The world is locked.
func (n *node) tell(format string, args ...any) { n.w.tell(n.name+" "+format, args...) }

// gate stops whoever passes it while it is shut. The zero gate is open. The world is locked while
// one is shut or opened.
type gate struct{ opened chan struct{} }

func (g *gate) shut() {
	if g.opened == nil {
		g.opened = make(chan struct{})
	}
}

func (g *gate) open() {
	if g.opened != nil {
		close(g.opened)
		g.opened = nil
	}
}

func (g *gate) isShut() bool { return g.opened != nil }

// pass waits until the gate is open, and reports false where ended closes first.
func (g *gate) pass(mu *sync.Mutex, ended <-chan struct{}) bool {
	for {
		mu.Lock()
		opened := g.opened
		mu.Unlock()
		if opened == nil {
			return true
		}
		select {
		case <-opened:
		case <-ended:
			return false
		}
	}
}

// hostClock is the two clocks of a host.
type hostClock struct {
	n     *node
	boot  time.Duration // the boot clock when the world began
	ahead time.Duration // the wall clock, of true time
	drift float64       // what the wall clock gains in a second, since driftAt
	since time.Duration
}

func (c *hostClock) bootNow() policy.Moment { return policy.SinceBoot(c.boot + c.n.w.now()) }

// wall is the wall clock. The world is locked.
func (c *hostClock) wall() time.Time {
	return time.Now().Add(c.ahead + time.Duration(c.drift*float64(c.n.w.now()-c.since)))
}

// step sets the wall clock. The world is locked.
func (c *hostClock) step(d time.Duration) { c.ahead += d }

// run lets the wall clock gain so much in a second from now on. The world is locked.
func (c *hostClock) run(gain float64) {
	c.ahead = time.Until(c.wall())
	c.drift, c.since = gain, c.n.w.now()
}
