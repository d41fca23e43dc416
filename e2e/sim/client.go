package sim

import (
	"math/rand/v2"
	"time"
)

// client writes through the VIPs, a new connection each time. Its kernel has a neighbour cache.
type client struct {
	w       *world
	name    string
	forgets time.Duration // the cache, so often; 0 for only when nobody answers
	r       *rand.Rand
	cache   map[string]string
	good    map[string]time.Duration // when the neighbour answered last
	since   time.Duration
	wrote   map[string]time.Duration // when a write through the VIP was acknowledged last
}

const (
	writeEvery = 50 * time.Millisecond
	// neighbourLives is how long a kernel goes on asking a neighbour that does not answer: 5 s of
	// delay and three unicast probes.
	neighbourLives = 8 * time.Second
)

func newClient(w *world, name string, forgets time.Duration) *client {
	return &client{w: w, name: name, forgets: forgets, r: w.rand(name), cache: map[string]string{}, good: map[string]time.Duration{}, wrote: map[string]time.Duration{}}
}

// learn takes in an announcement. The world is locked.
func (c *client) learn(vip, host string) { c.cache[vip], c.good[vip] = host, c.w.now() }

func (c *client) run() {
	for c.w.sleep(between(c.r, writeEvery/2, writeEvery*3/2)) {
		c.w.mu.Lock()
		if c.forgets > 0 && c.w.now()-c.since >= c.forgets {
			clear(c.cache)
			c.since = c.w.now()
		}
		for i := range c.w.scenario.VIPs {
			c.write(vipName(i))
		}
		c.writeDirectly()
		c.w.mu.Unlock()
	}
}

// write tries one write. The world is locked.
func (c *client) write(vip string) {
	host := c.neighbour(vip)
	if host == "" {
		return
	}
	n := c.w.byName(host)
	if !c.w.net.reaches(c.name, host) || !n.link.has(vip) {
		return
	}
	c.good[vip] = c.w.now() // the kernel answers, whoever else does not
	if n.pg.writable && !n.frozen.isShut() {
		if c.forgets == 0 && vip == vipName(0) {
			c.w.metrics.vip.written(c.w.now())
		}
		c.wrote[vip] = c.w.now()
		c.w.checks.written(vip, n)
	}
}

// writeDirectly tries one write at every node's own address. The world is locked.
func (c *client) writeDirectly() {
	for _, n := range c.w.nodes {
		if c.w.net.reaches(c.name, n.name) && n.pg.writable && !n.frozen.isShut() {
			c.w.metrics.direct.written(c.w.now())
			return
		}
	}
}

// neighbour is where the client's frames for the VIP go, "" where nobody answers.
func (c *client) neighbour(vip string) string {
	if c.cache[vip] != "" && c.w.now()-c.good[vip] > neighbourLives {
		delete(c.cache, vip)
	}
	if c.cache[vip] == "" {
		var hosts []string
		for _, h := range c.w.answering(c.name, vip) {
			if h != "stranger" {
				hosts = append(hosts, h)
			}
		}
		if len(hosts) > 0 {
			c.learn(vip, hosts[c.r.IntN(len(hosts))])
		}
	}
	return c.cache[vip]
}
