package sim

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/vipctl/vipctl/reconcile/policy"
)

// version is what differs between the Patronis that matter here.
type version struct {
	name         string
	callsMaster  bool // until 3.3: callbacks and REST say "master"
	tellsName    bool // since 3.2
	startsEarly  bool // since 3.2: on_start before the first loop, beside a PostgreSQL that runs
	steals       bool // until 3.0.2, with etcd3: a refresh overwrites the lock of another
	crashAsRepli bool // until 3.0.3: a crashed primary is started as a replica, then promoted
	beforeStop   bool // since 3.0.3
	secondBefore bool // since 3.3: a second passes before a stopped leader gives the lock away
	tellsSeen    bool // since 2.1.2: dcs_last_seen
	knowsFail    bool // since 3.0: failsafe_mode
}

var versions = map[string]version{
	"2.1": {name: "2.1", callsMaster: true, steals: true, crashAsRepli: true, tellsSeen: true},
	"3.0": {name: "3.0", callsMaster: true, steals: true, crashAsRepli: true, tellsSeen: true, knowsFail: true},
	"3.2": {name: "3.2", callsMaster: true, tellsName: true, startsEarly: true, beforeStop: true, tellsSeen: true, knowsFail: true},
	"4.0": {name: "4.0", tellsName: true, startsEarly: true, beforeStop: true, secondBefore: true, tellsSeen: true, knowsFail: true},
}

// patroni is one node's Patroni: its loop and what it remembers. Everything but life is guarded by
// the world's lock.
type patroni struct {
	n *node
	v version
	r *rand.Rand

	life    context.Context // ends when it is killed; nil where it does not run
	kill    context.CancelFunc
	frozen  gate
	serves  bool // the REST API; a Patroni that is told to stop accepts and never answers
	nextRun time.Time

	view        *view // what the loop read last; nil where that failed
	seen        *view // what anybody's question read last: what the REST API tells of
	cache       view
	cachedAt    time.Duration
	lastSeen    int64     // dcs_last_seen
	leaderUntil time.Time // by the wall clock
	failsafeAt  time.Time // the last round of failsafe that counted, by the wall clock
	known       settings  // as last read
	role        string    // "primary", "replica", "demoted"; what callbacks and REST say while SQL cannot
	busy        bool      // a stop, a start or a promotion runs beside the loop
	called      bool      // a callback was called since it started
	hookHolds   time.Duration
	inHook      bool          // before_stop runs: PostgreSQL is said to be stopping, and takes writes
	archives    time.Duration // the postmaster's archiver goes on so long after a stop
	wakeup      chan struct{} // somebody changed the configuration through this REST API
}

func newPatroni(n *node) *patroni {
	return &patroni{n: n, v: versions[n.w.scenario.Patroni], r: n.rand("patroni"), wakeup: make(chan struct{}, 1)}
}

func (p *patroni) lock()   { p.n.w.mu.Lock() }
func (p *patroni) unlock() { p.n.w.mu.Unlock() }

// start starts a Patroni that does not run.
func (p *patroni) start() {
	p.lock()
	defer p.unlock()
	if p.life != nil {
		return
	}
	p.life, p.kill = context.WithCancel(p.n.w.ctx)
	p.serves, p.view, p.seen, p.leaderUntil, p.busy, p.called = true, nil, nil, time.Time{}, false, false
	p.lastSeen, p.known, p.failsafeAt = 0, p.n.w.dcs.settings, time.Time{}
	p.role = "replica"
	if p.n.pg.running() && p.n.pg.primary {
		p.role = "primary"
	}
	p.n.tell("Patroni starts")
	if p.v.startsEarly && p.n.pg.running() && p.n.w.now() > 0 {
		p.call("on_start", p.role)
	}
	life := p.life
	p.n.w.spawn(func() { p.run(life) })
}

// die is SIGKILL. The world is locked.
func (p *patroni) die() {
	if p.life == nil {
		return
	}
	p.n.tell("Patroni is killed")
	p.kill()
	p.life, p.serves = nil, false
}

// sleep lets time pass for Patroni, which may be frozen or killed meanwhile.
func (p *patroni) sleep(life context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-life.Done():
		return false
	}
	return p.awake(life)
}

func (p *patroni) awake(life context.Context) bool {
	return p.n.frozen.pass(&p.n.w.mu, life.Done()) && p.frozen.pass(&p.n.w.mu, life.Done()) && life.Err() == nil
}

func (p *patroni) pause(life context.Context, least, most time.Duration) bool {
	p.lock()
	d := between(p.r, least, most)
	p.unlock()
	return p.sleep(life, d)
}

// run is Patroni's loop (patroni/__main__.py). It sleeps by the wall clock.
func (p *patroni) run(life context.Context) {
	p.lock()
	p.nextRun = p.n.clock.wall()
	p.unlock()
	for life.Err() == nil {
		p.cycle(life)
		p.lock()
		if p.view != nil { // new settings count from the next loop on (patroni/__main__.py, _run_cycle)
			p.known = p.view.settings
		}
		if !p.called && p.n.pg.running() && life.Err() == nil && !p.busy {
			p.call("on_start", p.role)
		}
		p.nextRun = p.nextRun.Add(p.known.loopWait)
		nap := p.nextRun.Sub(p.n.clock.wall())
		if nap <= 0 {
			p.nextRun, nap = p.n.clock.wall(), time.Millisecond
		}
		changed := p.watched()
		p.unlock()
		p.nap(life, nap, changed)
	}
}

// watched is closed when what Patroni watches changes: with etcd3 everybody watches the lock, with
// the old API its holder does not. The world is locked.
func (p *patroni) watched() <-chan struct{} {
	if p.n.w.scenario.DCS == "etcd" && p.view != nil && p.view.leader == p.n.name || p.n.w.dcs.reachable(p.n) != nil {
		return nil
	}
	if p.view != nil && p.view.version != p.n.w.dcs.version {
		now := make(chan struct{})
		close(now)
		return now
	}
	return p.n.w.dcs.changed
}

func (p *patroni) nap(life context.Context, d time.Duration, changed <-chan struct{}) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-changed:
		p.skipSleep()
	case <-p.wakeup:
		p.skipSleep()
	case <-life.Done():
	}
	if p.awake(life) {
		p.pause(life, 0, 4*time.Millisecond)
	}
}

// skipSleep has the next sleep counted from now.
func (p *patroni) skipSleep() {
	p.lock()
	defer p.unlock()
	p.nextRun = p.n.clock.wall()
}

// cycle is one run of the HA loop (patroni/ha.py, _run_cycle).
func (p *patroni) cycle(life context.Context) {
	if !p.read(life) {
		if life.Err() == nil {
			p.withoutDCS(life)
		}
		return
	}
	p.lock()
	busy, v := p.busy, *p.view
	leads := v.leader == p.n.name
	p.unlock()
	switch {
	case busy && leads:
		_, _ = p.refresh(life)
	case busy:
	case v.leader == "":
		p.unlocked(life, v)
	case leads:
		p.leading(life, v)
	default:
		p.following(life)
	}
}

// read reads the cluster in the DCS, and tries for retry_timeout.
func (p *patroni) read(life context.Context) bool {
	ok := p.retry(life, func() bool {
		v, err := p.lookUp()
		if err == nil {
			p.see(v)
		}
		return err == nil
	})
	if !ok && life.Err() == nil {
		p.lock()
		p.view, p.seen = nil, nil
		p.unlock()
	}
	return ok
}

// cacheLives is how long, with etcd3, the cache that watches the DCS answers when the DCS is away.
const cacheLives = 6 * time.Second

// lookUp reads the DCS, with etcd3 in a cache. The world is locked.
func (p *patroni) lookUp() (view, error) {
	if err := p.n.w.dcs.reachable(p.n); err == nil {
		p.cache, p.cachedAt = p.n.w.dcs.read(), p.n.w.now()
	} else if p.n.w.scenario.DCS != "etcd3" || p.n.w.now()-p.cachedAt > cacheLives || p.cachedAt == 0 {
		return view{}, err
	}
	v := p.cache
	v.at = p.n.w.now()
	return v, nil
}

// see keeps what was read. The world is locked.
func (p *patroni) see(v view) {
	p.view, p.seen = &v, &v
	p.known.paused, p.known.failsafe = v.settings.paused, v.settings.failsafe
	p.lastSeen = p.n.clock.wall().Unix()
	if v.leader != "" && v.leader != p.n.name {
		p.leaderUntil = time.Time{}
	}
}

// retry does something in the DCS, again for retry_timeout where that cannot be reached. ask is
// called with the world locked.
func (p *patroni) retry(life context.Context, ask func() bool) bool {
	p.lock()
	limit := p.n.w.now() + p.known.retryTimeout
	p.unlock()
	for {
		if !p.pause(life, time.Millisecond, 8*time.Millisecond) {
			return false
		}
		p.lock()
		ok := ask()
		over := p.n.w.now() >= limit
		p.unlock()
		if ok || over {
			return ok
		}
		if !p.sleep(life, 200*time.Millisecond) {
			return false
		}
	}
}

// refresh prolongs the lock (ha.py, update_lock). An error says that the DCS could not be reached.
func (p *patroni) refresh(life context.Context) (held bool, err error) {
	asked := p.retry(life, func() bool {
		d := p.n.w.dcs
		if d.reachable(p.n) != nil {
			return false
		}
		ttl := p.known.ttl
		if !d.refresh(p.n, ttl) && !(p.v.steals && p.n.w.scenario.DCS == "etcd3" && d.acquire(p.n, ttl, true)) {
			return true
		}
		p.leaderUntil = p.n.clock.wall().Add(ttl)
		return true
	})
	p.lock()
	defer p.unlock()
	switch {
	case !asked:
		return false, errNoDCS
	case p.n.w.dcs.holder() != p.n.name:
		p.leaderUntil = time.Time{}
		return false, nil
	}
	return true, nil
}

// isLeader is what GET /leader says (ha.py, is_leader). The world is locked.
func (p *patroni) isLeader() bool { return p.leaderUntil.After(p.n.clock.wall()) }

// inFailsafe reports whether failsafe mode is active. The world is locked.
func (p *patroni) inFailsafe() bool {
	return !p.failsafeAt.IsZero() && p.n.clock.wall().Sub(p.failsafeAt) < p.known.ttl
}

// call has a callback run. The world is locked.
func (p *patroni) call(action, role string) {
	p.called = true
	if role == "primary" && p.v.callsMaster {
		role = "master"
	}
	p.n.executor.call(action, role)
}

// reply is what GET /leader says (patroni/api.py, do_GET). The world is locked.
func (p *patroni) reply() policy.PatroniReply {
	pg, wall := p.n.pg, p.n.clock.wall()
	seen := p.seen
	if seen != nil && p.n.w.now()-seen.at > p.known.ttl {
		seen = nil
	}
	leads := p.isLeader()
	if seen == nil && p.known.paused {
		leads = pg.primary && pg.state != ""
	}
	role := p.role
	if pg.running() {
		role = map[bool]string{true: "primary", false: "replica"}[pg.primary]
	}
	if p.v.callsMaster && role == "primary" {
		role = "master"
	}
	r := policy.PatroniReply{
		Kind: policy.NotLeader, Role: policy.ParseRole(role), State: p.state(), Paused: p.known.paused,
		Unlocked: seen == nil || seen.leader == "", Failsafe: p.inFailsafe(), Scope: scope, Date: wall.Unix(),
	}
	if leads {
		r.Kind = policy.Leader
	}
	if pg.running() {
		r.Timeline = pg.timeline
	}
	if p.v.tellsName {
		r.Name = p.n.name
	}
	if p.v.tellsSeen {
		r.LastSeen = p.lastSeen
	}
	return r
}

// state is PostgreSQL's in Patroni's words.
func (p *patroni) state() string {
	switch {
	case p.n.pg.state == "":
		return "stopped"
	case p.inHook:
		return "stopping"
	}
	return p.n.pg.state
}

// cluster reads the DCS, or with etcd3 the cache that watches it. The world is locked.
func (p *patroni) cluster() (leader string, err error) {
	v, err := p.lookUp()
	if err != nil {
		return "", err
	}
	p.seen = &v
	p.lastSeen = p.n.clock.wall().Unix()
	return p.seen.leader, nil
}

// delay is what this member's REST API takes to answer a host, never where it does not. The world is
// locked.
func (p *patroni) delay(from *node) time.Duration {
	switch {
	case !p.n.w.net.reachesREST(from.name, p.n.name):
		return never
	case p.life == nil:
		return time.Millisecond // refused
	case !p.serves || p.n.frozen.isShut() || p.frozen.isShut():
		return never
	}
	return between(p.r, time.Millisecond, 5*time.Millisecond) + p.n.slowREST
}

// answers reports whether this member's REST API answers a host at once. The world is locked.
func (p *patroni) answers(from *node) bool {
	return p.n.w.net.reachesREST(from.name, p.n.name) && p.life != nil && p.serves && !p.n.frozen.isShut() && !p.frozen.isShut()
}
