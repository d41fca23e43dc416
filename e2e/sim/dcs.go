package sim

import (
	"errors"
	"time"
)

// dcs is etcd: one store with a leader lock. Every method wants the world locked.
type dcs struct {
	w        *world
	leader   string
	lease    time.Duration // when the lock ends, in the world's time
	version  int           // of the lock: counts its changes, not its refreshes
	settings settings
	failover string // the member that somebody wants to lead; "" for none
	changed  chan struct{}
	majority []*node       // whose etcds reach each other; none where there is no quorum
	lost     bool          // no quorum
	since    time.Duration // when quorum was found again
}

// settings is the cluster's dynamic configuration.
type settings struct {
	ttl, loopWait, retryTimeout time.Duration
	paused, failsafe            bool
}

// election is what etcd needs to elect a leader. Leases are whole again then.
const election = 1500 * time.Millisecond

var errNoDCS = errors.New("DCS is not accessible")

func newDCS(w *world) *dcs {
	s := w.scenario
	d := &dcs{w: w, changed: make(chan struct{})}
	d.settings = settings{ttl: seconds(s.TTL), loopWait: seconds(s.LoopWait), retryTimeout: seconds(s.RetryTimeout), failsafe: s.Failsafe}
	return d
}

func seconds(n int) time.Duration { return time.Duration(n) * time.Second }

// quorum lists the nodes of the majority whose etcds reach each other, nil where there is none.
func (d *dcs) quorum() (majority []*node) {
	for _, center := range d.w.nodes {
		if !center.etcd || center.frozen.isShut() {
			continue
		}
		var group []*node
		for _, n := range d.w.nodes {
			if n.etcd && !n.frozen.isShut() && d.w.net.reachesEtcd(center.name, n.name) && (n == center || !d.w.net.noEtcd[n.name]) {
				group = append(group, n)
			}
		}
		if len(group) > len(d.w.nodes)/2 && len(group) > len(majority) {
			majority = group
		}
	}
	return majority
}

// watch takes note of quorum lost and found. It is called whenever something may have changed it.
func (d *dcs) watch() {
	d.majority = d.quorum()
	lost := d.majority == nil
	if d.lost && !lost {
		d.since = d.w.now() + election
		if d.leader != "" { // a new leader of etcd gives every lease its whole length again
			d.lease = max(d.lease, d.since+d.settings.ttl)
			d.expireLater()
		}
	}
	d.lost = lost
}

// reachable says why a node's Patroni cannot use the DCS, or returns nil.
func (d *dcs) reachable(n *node) error {
	if d.w.now() < d.since || d.w.net.noEtcd[n.name] {
		return errNoDCS
	}
	for _, m := range d.majority {
		if d.w.net.reachesEtcd(n.name, m.name) {
			return nil
		}
	}
	return errNoDCS
}

// holder is who has the lock.
func (d *dcs) holder() string {
	d.expire()
	return d.leader
}

func (d *dcs) expire() {
	if d.leader != "" && !d.lost && d.w.now() >= d.since && d.w.now() >= d.lease {
		d.w.tell("the lock of %s has run out", d.leader)
		d.give("")
	}
}

// expireLater has the lock run out when its lease does, so that whoever watches it is woken.
func (d *dcs) expireLater() {
	end := d.lease
	d.w.after(end-d.w.now()+etcdLate, func() {
		if d.lease == end {
			d.expire()
		}
	})
}

// etcdLate is how late etcd notices that a lease has ended, at least.
const etcdLate = 10 * time.Millisecond

// acquire takes the lock where it is free, or anyhow.
func (d *dcs) acquire(n *node, ttl time.Duration, steal bool) bool {
	if d.holder() != "" && !steal {
		return false
	}
	if d.leader != "" && d.leader != n.name {
		n.tell("steals the lock of %s", d.leader)
	}
	d.lease = d.w.now() + ttl
	d.give(n.name)
	d.expireLater()
	return true
}

// refresh prolongs the lock of its holder.
func (d *dcs) refresh(n *node, ttl time.Duration) bool {
	if d.holder() != n.name {
		return false
	}
	d.lease = d.w.now() + ttl
	d.expireLater()
	return true
}

func (d *dcs) release(n *node) {
	if d.holder() == n.name {
		d.give("")
	}
}

func (d *dcs) give(leader string) {
	if d.leader == leader {
		return
	}
	d.leader = leader
	d.version++
	d.w.tell("%q has the lock", leader)
	close(d.changed)
	d.changed = make(chan struct{})
	d.w.checks.look()
}

// order asks for a failover. Members that sleep and watch the lock do not see it before their loop.
func (d *dcs) order(candidate string) { d.failover = candidate }

// view is what a Patroni has read in the DCS.
type view struct {
	at       time.Duration
	leader   string
	version  int
	settings settings
	failover string
}

func (d *dcs) read() view {
	return view{d.w.now(), d.holder(), d.version, d.settings, d.failover}
}
