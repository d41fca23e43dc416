package sim

import "time"

// metrics are what a trial on the real cluster measures, measured in the same way. They begin with
// the first fault. All of it is guarded by the world's lock.
type metrics struct {
	w      *world
	began  time.Duration // the first fault; 0 before it
	leader *node         // then

	gone   time.Duration // the VIP left that leader; 0 where it did not, and so on
	locked time.Duration // that leader no longer had the lock
	first  time.Duration // the successor's first write at its own address

	holders      int // how many nodes have the VIP, since when
	since        time.Duration
	nobody, both time.Duration
	vip, direct  gap
}

// gap is the longest time between two writes.
type gap struct{ last, longest time.Duration }

func (g *gap) written(now time.Duration) {
	g.longest, g.last = max(g.longest, now-g.last), now
}

// outcome is what a trial comes to, in milliseconds, by the names of the columns of
// docs/failure-modes.md. What did not happen is not in it.
func (m *metrics) outcome() map[string]int64 {
	m.account()
	now := m.w.now()
	m.vip.written(now)
	m.direct.written(now)
	o := map[string]int64{
		"outage": (m.vip.longest - m.direct.longest).Milliseconds(), "direct": m.direct.longest.Milliseconds(),
		"nobody": m.nobody.Milliseconds(), "two": m.both.Milliseconds(),
	}
	add := func(name string, at, from time.Duration) {
		if at != 0 && from != 0 {
			o[name] = (at - from).Milliseconds()
		}
	}
	add("gone", m.gone, m.began)
	add("lock", m.locked, m.began)
	add("early", m.locked, m.gone)
	add("election", m.first, m.locked)
	add("ahead", m.first, m.gone)
	return o
}

// begin is called at each fault.
func (m *metrics) begin() {
	if m.began != 0 {
		return
	}
	m.began, m.since = m.w.now(), m.w.now()
	m.vip, m.direct = gap{last: m.began}, gap{last: m.began}
	if l := m.w.dcs.holder(); l != "" {
		m.leader = m.w.byName(l)
	}
	m.holders = m.count()
}

func (m *metrics) count() (n int) {
	for _, node := range m.w.nodes {
		if node.link.has(vipName(0)) {
			n++
		}
	}
	return n
}

// look is called when an address, a PostgreSQL or the lock has changed.
func (m *metrics) look() {
	if m.began == 0 || m.leader == nil {
		return
	}
	now := m.w.now()
	m.account()
	m.holders = m.count()
	if m.gone == 0 && !m.leader.link.has(vipName(0)) {
		m.gone = now
	}
	if m.locked == 0 && m.w.dcs.leader != m.leader.name {
		m.locked = now
	}
	if m.first == 0 && m.locked != 0 {
		for _, n := range m.w.nodes {
			if n != m.leader && n.pg.writable {
				m.first = now
			}
		}
	}
}

// account adds up the time since the last change.
func (m *metrics) account() {
	d := m.w.now() - m.since
	switch {
	case m.holders == 0:
		m.nobody += d
	case m.holders > 1:
		m.both += d
	}
	m.since = m.w.now()
}
