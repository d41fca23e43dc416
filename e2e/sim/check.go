package sim

import (
	"fmt"
	"time"

	"github.com/vipctl/vipctl/reconcile"
)

// checks say what must hold in every instant. All of it is guarded by the world's lock.
type checks struct {
	w        *world
	on       bool
	stranger bool // a host that is no member answers for every VIP
	bad      []string

	two       map[string]time.Duration // since when two nodes can take a write through the VIP
	newest    int                      // the newest timeline that was written to
	since     time.Duration            // when it was first
	healthy   map[*node]time.Duration  // since when the node leads, and everything it needs works
	deposed   map[*node]time.Duration  // since when the node knows that it does not lead, likewise
	suspect   map[*node]time.Duration  // until when its clock makes it careful
	heldUntil map[*node]time.Duration
	paused    time.Duration // when the cluster was paused last
	apart     time.Duration // until when no ARP goes between two nodes, and what comes of it
}

func newChecks(w *world) *checks {
	return &checks{w: w, two: map[string]time.Duration{}, healthy: map[*node]time.Duration{}, deposed: map[*node]time.Duration{},
		suspect: map[*node]time.Duration{}, heldUntil: map[*node]time.Duration{}, paused: -never}
}

// violated takes note of what must not be.
func (c *checks) violated(format string, args ...any) {
	if !c.on {
		return
	}
	text := fmt.Sprintf(format, args...)
	if len(c.bad) >= 5 { // the first say enough
		return
	}
	c.w.tell("VIOLATION: %s", text)
	c.bad = append(c.bad, text)
}

func (c *checks) begin() { c.on = true; c.final("when the cluster has settled") }

// end is when everything was healed and had its time.
func (c *checks) end() {
	c.look()
	c.final("in the end")
	c.on = false
}

// final checks that the leader, and nobody else, has every VIP.
func (c *checks) final(when string) {
	leader := c.w.dcs.holder()
	for i := range c.w.scenario.VIPs {
		var has []string
		for _, n := range c.w.nodes {
			if n.link.has(vipName(i)) {
				has = append(has, n.name)
			}
		}
		if leader == "" || len(has) != 1 || has[0] != leader {
			c.violated("%s the lock is with %q, %s with %v", when, leader, vipName(i), has)
		}
	}
}

// writers lists the nodes that can take a write through a VIP.
func (c *checks) writers(vip string) (all []*node) {
	for _, n := range c.w.nodes {
		if n.link.has(vip) && n.pg.writable && !n.frozen.isShut() && !c.w.net.pulled[n.name] {
			all = append(all, n)
		}
	}
	return all
}

// look is called when an address or a PostgreSQL has changed.
func (c *checks) look() {
	now := c.w.now()
	c.w.metrics.look()
	for _, n := range c.w.nodes {
		if n.pg.writable && n.pg.timeline > c.newest {
			c.newest, c.since = n.pg.timeline, now
		}
	}
	for i := range c.w.scenario.VIPs {
		vip := vipName(i)
		all := c.writers(vip)
		since, open := c.two[vip]
		switch {
		case len(all) > 1 && !open:
			c.two[vip] = now
			c.w.tell("two nodes can take writes through %s", vip)
		case len(all) < 2 && open:
			delete(c.two, vip)
			if bound, why := c.admitted(); now-since > bound {
				c.violated("two nodes could take writes through %s for %v, admitted are %v%s", vip, now-since, bound, why)
			}
		}
	}
}

// admitted is the longest that two nodes may take writes through a VIP now, and why: the windows of
// docs/failure-modes.md.
func (c *checks) admitted() (bound time.Duration, why string) {
	now := c.w.now()
	if now-c.paused < seconds(c.w.scenario.TTL)+20*time.Second && now < c.apart {
		return never, " (a pause ended, nobody could say so, and no ARP goes between the two)"
	}
	if now-c.paused < seconds(c.w.scenario.TTL)+20*time.Second {
		return 2*interval + time.Second, " (a pause ended and nobody could say so)"
	}
	for _, until := range c.heldUntil {
		if now < until && (now < c.apart || len(c.w.net.noREST) > 0) {
			return never, " (a hold where no peer replies)"
		}
	}
	for _, until := range c.suspect {
		if now < until {
			return onOthers, " (200 without a lock)"
		}
	}
	return 0, ""
}

// onOthers is how long an address that only others vouch for may outlive the lock: a look every 200
// ms, which takes up to 1.5 s.
const onOthers = 1700 * time.Millisecond

// written is called for each write through a VIP.
func (c *checks) written(vip string, n *node) {
	if n.pg.timeline >= c.newest || c.w.dcs.holder() == n.name {
		return
	}
	if bound, why := c.admitted(); c.w.now()-c.since > bound {
		c.violated("%s took a write through %s on timeline %d, %v after timeline %d was written to, admitted are %v%s",
			n.name, vip, n.pg.timeline, c.w.now()-c.since, c.newest, bound, why)
	}
}

// ended is called for a vipctl that was not killed. What it has moved it has written down, or
// counted, where it could.
func (c *checks) ended(p *process) {
	counts := false
	for _, s := range p.n.store.vips {
		counts = counts || len(s.Repeats) > 0
	}
	if p.moved > 0 && p.wrote == 0 && !counts && !p.n.store.full {
		c.violated("%s of %s has moved an address, and there is no record of it", p.what, p.n.name)
	}
}

// happened takes note of a fault that changes what may be expected.
func (c *checks) happened(n *node, f Fault) {
	c.w.metrics.begin()
	s := c.w.scenario
	switch f.What {
	case "set the clock", "set the clock far back", "set the clock a bit", "clock drifts":
		c.suspect[n] = max(c.suspect[n], c.w.now()) + f.For + f.back() + seconds(2*s.TTL+2*s.LoopWait)
	case "pause":
		c.paused = max(c.paused, c.w.now()+f.For)
	case "cut off from members": // what was admitted while no ARP went between them lasts until a tick later
		c.apart = max(c.apart, c.w.now()+f.For+2*interval+time.Second)
	case "hold":
		c.heldUntil[n] = c.w.now() + f.For + time.Second
	}
}

// run looks at what takes time, again and again.
func (c *checks) run() {
	for c.w.sleep(100 * time.Millisecond) {
		c.w.mu.Lock()
		if !c.on {
			c.w.mu.Unlock()
			return
		}
		for _, n := range c.w.nodes {
			c.track(c.healthy, n, c.isHealthy(n))
			c.track(c.deposed, n, c.isDeposed(n))
			c.late(n)
		}
		c.w.mu.Unlock()
	}
}

func (c *checks) track(since map[*node]time.Duration, n *node, is bool) {
	if _, was := since[n]; is && !was {
		since[n] = c.w.now()
	} else if !is {
		delete(since, n)
	}
}

// works reports whether nothing keeps the node's vipctl from knowing what its Patroni knows, and
// that from knowing the DCS.
func (c *checks) works(n *node) bool {
	p, now := n.patroni, c.w.now()
	fresh := p.view != nil && now-p.view.at < p.known.loopWait+1500*time.Millisecond
	return n.patroni.answers(n) && fresh && !p.busy && n.timer.on && now-n.timer.last < 2*interval && n.killEvery == 0 && n.slowREST == 0 &&
		now > c.suspect[n] && now > c.heldUntil[n] && !p.known.paused && c.w.dcs.reachable(n) == nil
}

func (c *checks) isHealthy(n *node) bool {
	return c.works(n) && n.patroni.isLeader() && c.w.dcs.holder() == n.name && n.pg.writable
}

func (c *checks) isDeposed(n *node) bool {
	return c.works(n) && !n.patroni.isLeader() && n.patroni.view.leader != n.name && c.w.dcs.holder() != n.name
}

// What vipctl may take. A hand-over waits for its successor.
const (
	claimBound   = 2*interval + 1500*time.Millisecond
	releaseBound = 2*interval + handover + 1500*time.Millisecond
)

// late checks that a healthy leader has every VIP, and that nobody else keeps one.
func (c *checks) late(n *node) {
	for i := range c.w.scenario.VIPs {
		vip, now := vipName(i), c.w.now()
		if since, is := c.healthy[n]; is && now-since > claimBound && !n.link.has(vip) {
			c.violated("%s has led for %v and everything works, but it does not have %s", n.name, now-since, vip)
			delete(c.healthy, n)
		}
		for _, cl := range c.w.clients {
			since, is := c.healthy[n]
			if is && now-since > claimBound+time.Second && now-cl.wrote[vip] > claimBound+time.Second && c.w.net.reaches(cl.name, n.name) {
				c.violated("%s has led for %v and everything works, but %s has not reached it through %s for %v", n.name, now-since, cl.name, vip, now-cl.wrote[vip])
				delete(c.healthy, n)
			}
		}
		if since, is := c.deposed[n]; is && now-since > releaseBound && n.link.has(vip) {
			c.violated("%s knows for %v that it does not lead, and still has %s", n.name, now-since, vip)
			delete(c.deposed, n)
		}
	}
}

// recorded is called for each record.
func (c *checks) recorded(n *node, r reconcile.Record) {
	gone := r.Do == reconcile.ChangeRelease || r.Do == reconcile.ChangeHandOver
	if since, is := c.healthy[n]; gone && is && c.w.now()-since > 2*time.Second && r.Code != "operator" {
		c.violated("%s released %s from a leader for which everything had worked for %v: %s, %s", n.name, r.VIP, c.w.now()-since, r.Code, r.Reason)
	}
}
