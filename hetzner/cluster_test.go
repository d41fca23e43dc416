package hetzner_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/reconcile/policy"
)

const (
	tickEvery = 2 * time.Second
	tickLimit = 26 * time.Second // as in vipctl reconcile, which has the sum
	// longestStall is for how long a process may be stopped in hard times.
	longestStall = 4 * time.Second
)

// reign is who led from a moment on; 0 is nobody.
type reign struct {
	leader int64
	from   time.Time
	untold bool // no callback told of its end
}

// cluster is two nodes of which one leads at a time, and the history of it.
type cluster struct {
	*lab
	t      *testing.T
	route  func(l *lab, id int64) reconcile.Route
	holder func() int64
	hosts  map[int64]*host
	work   sync.WaitGroup // all that runs on the hosts

	mu     sync.Mutex
	random *rand.Rand
	hard   bool // processes are killed and stopped, and Patroni is slow
	reigns []reign
	silent map[int64]time.Time // until when a node's Patroni does not answer
	down   map[int64]time.Time // until when its PostgreSQL is stopped
}

// kinds are the three routes.
var kinds = []string{"floating IP", "alias IP", "failover IP"}

func newCluster(t *testing.T, kind string, seed uint64) *cluster {
	c := &cluster{
		lab: newLab(t), t: t, random: rand.New(rand.NewPCG(seed, 1)), reigns: []reign{{from: time.Now()}},
		hosts: map[int64]*host{}, silent: map[int64]time.Time{}, down: map[int64]time.Time{},
	}
	for _, id := range []int64{ourID, rivalID} {
		c.hosts[id] = &host{cluster: c, id: id, files: map[string][]byte{}, locks: map[string]lock{}, live: map[*process]bool{}}
	}
	switch kind {
	case "floating IP":
		c.route = func(l *lab, id int64) reconcile.Route { return l.floatingIP(t, id) }
		c.holder = func() int64 { return c.Assigned(fipID) }
	case "alias IP":
		c.route = func(l *lab, id int64) reconcile.Route { return l.aliasIP(t, id) }
		c.holder = c.aliasHolder
	case "failover IP":
		c.route = func(l *lab, id int64) reconcile.Route { return l.failover(t, id) }
		c.holder = func() int64 { return map[string]int64{ourMain: ourID, rivalMain: rivalID}[c.Routed(failoverIP)] }
	}
	return c
}

func (c *cluster) aliasHolder() int64 {
	for id := range c.hosts {
		if slices.Contains(c.Aliases(id), aliasAddress) {
			return id
		}
	}
	return 0
}

// run has the timers tick until stop is called, which waits until nothing runs any more, and the
// API has ended what it had begun.
func (c *cluster) run() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	for _, h := range c.hosts {
		c.work.Go(func() { h.tickUntil(ctx) })
	}
	return func() { cancel(); c.work.Wait(); time.Sleep(2 * time.Minute) }
}

func (c *cluster) crown(id int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reigns = append(c.reigns, reign{leader: id, from: time.Now()})
}

func (c *cluster) leader() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.reigns[len(c.reigns)-1].leader
}

// ledWithin reports whether id led at any time from age before at until at. The age may depend on
// the reign.
func (c *cluster) ledWithin(id int64, at time.Time, age func(reign) time.Duration) bool {
	for i, r := range c.reigns {
		ended := i+1 < len(c.reigns) && c.reigns[i+1].from.Before(at.Add(-age(r)))
		if r.leader == id && !r.from.After(at) && !ended {
			return true
		}
	}
	return false
}

// promote gives the lock to a node. Its Patroni tells.
func (c *cluster) promote(id int64) {
	c.crown(id)
	c.hosts[id].callback(policy.Event("on_role_change"), policy.Role("primary"))
}

// demote takes the lock from who has it. Its PostgreSQL stops for a while, and its Patroni tells
// once or twice.
func (c *cluster) demote(stops time.Duration) {
	h := c.hosts[c.leader()]
	c.crown(0)
	if h == nil {
		return
	}
	if stops > 0 {
		c.mu.Lock()
		c.down[h.id] = time.Now().Add(stops)
		c.mu.Unlock()
		h.callback(policy.Event("on_stop"), policy.Role("primary"))
	}
	c.work.Go(func() {
		time.Sleep(stops)
		if c.leader() != h.id {
			h.callback(policy.Event("on_role_change"), policy.Role("replica"))
		}
	})
}

// lose takes the lock from who has it, and its Patroni is gone for a while: no callback comes, and
// nobody answers.
func (c *cluster) lose(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	last := &c.reigns[len(c.reigns)-1]
	last.untold = true
	c.silent[last.leader] = time.Now().Add(d)
	c.reigns = append(c.reigns, reign{from: time.Now()})
}

// switchOver is a demotion and then a promotion, as in a planned switchover.
func (c *cluster) switchOver(to int64) {
	c.demote(300 * time.Millisecond)
	time.Sleep(500 * time.Millisecond)
	c.promote(to)
}

// callback is Patroni's: it kills the one before, and waits for nothing.
func (h *host) callback(e policy.Event, role policy.Role) {
	p := h.start()
	h.mu.Lock()
	before := h.called
	h.called = p
	h.mu.Unlock()
	if before != nil {
		before.kill()
	}
	h.work.Go(func() {
		p.until(func() {
			ctx, cancel := context.WithTimeout(p.life, reconcile.RouteLockAge)
			defer cancel()
			p.engine().Run(ctx, policy.Trigger{Event: e, Role: role, Cluster: "demo", By: "patroni", At: p.at})
		})
	})
}

// tickUntil is the timer.
func (h *host) tickUntil(ctx context.Context) {
	for ctx.Err() == nil {
		began := time.Now()
		p := h.start()
		p.until(p.tick)
		time.Sleep(max(0, tickEvery-time.Since(began)))
	}
}

// tick is vipctl reconcile: one tick, and more of them while an API has not answered.
func (p *process) tick() {
	ctx, cancel := context.WithTimeout(p.life, tickLimit)
	defer cancel()
	e := p.engine()
	for at := p.at; ; at = p.Now() {
		e.Run(p.life, policy.Trigger{Event: policy.EventTick, By: "timer", At: at})
		if e.Settled(ctx, max(time.Millisecond, at.Add(tickEvery).Sub(p.Now()))) || ctx.Err() != nil {
			return
		}
	}
}

// until runs a process until main returns or it is killed. What is left of it then goes on without
// any effect.
func (p *process) until(main func()) {
	p.work.Go(func() { defer p.kill(); main() })
	<-p.life.Done()
}

// doom says whether a process is going to be killed, and when: in hard times every other one is,
// half of these among its first calls.
func (c *cluster) doom() (after time.Duration, doomed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.hard || c.random.IntN(2) == 0 {
		return 0, false
	}
	within := []time.Duration{30 * time.Millisecond, 10 * time.Second}[c.random.IntN(2)]
	return time.Duration(c.random.Int64N(int64(within))), true
}

// stall is for how long a process waits for its turn: some of them for seconds, in hard times.
func (c *cluster) stall() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case !c.hard:
		return 0
	case c.random.IntN(200) == 0:
		return time.Duration(c.random.Int64N(int64(longestStall)))
	}
	return time.Duration(c.random.Int64N(int64(time.Millisecond)))
}

// routeRecords are what a host's history says of the route, without the durations.
func (h *host) routeRecords() (told []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, r := range h.records {
		if r.Do == reconcile.ChangeRoute {
			why, _, _ := strings.Cut(r.Reason, ", after")
			told = append(told, why)
		}
	}
	return told
}
