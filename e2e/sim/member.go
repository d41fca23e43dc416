package sim

import (
	"context"
	"sync"
	"time"
)

// withoutDCS is a loop that cannot read the DCS: a leader asks the members whether they follow it
// still, where failsafe_mode is on, or stops being one.
func (p *patroni) withoutDCS(life context.Context) {
	p.lock()
	idle := p.busy || !p.n.pg.running() || !p.n.pg.primary || p.known.paused
	failsafe := p.known.failsafe && p.v.knowsFail && p.isLeader()
	p.unlock()
	if idle {
		return
	}
	if failsafe && p.pause(life, 2*time.Millisecond, 20*time.Millisecond) && p.allFollow() {
		return
	}
	p.beside(life, func() { p.demote(life, "offline") })
}

// allFollow asks every member, and keeps the answer for ttl.
func (p *patroni) allFollow() bool {
	p.lock()
	defer p.unlock()
	wall := p.n.clock.wall()
	for _, m := range p.n.w.nodes {
		if m != p.n && !m.patroni.answers(p.n) {
			return false
		}
	}
	for _, m := range p.n.w.nodes {
		m.patroni.failsafeAt = m.clock.wall()
	}
	p.leaderUntil, p.failsafeAt = wall.Add(p.known.ttl), wall
	return true
}

// beside runs what takes long beside the loop.
func (p *patroni) beside(life context.Context, f func()) {
	p.lock()
	defer p.unlock()
	if p.busy || life.Err() != nil {
		return
	}
	p.busy = true
	p.n.w.spawn(func() {
		f()
		p.lock()
		defer p.unlock()
		if life.Err() == nil {
			p.busy = false
			p.wake()
		}
	})
}

// wake ends the loop's sleep. The world is locked.
func (p *patroni) wake() {
	select {
	case p.wakeup <- struct{}{}:
	default:
	}
}

// unlocked is a loop that finds no lock (ha.py, process_unhealthy_cluster).
func (p *patroni) unlocked(life context.Context, v view) {
	p.lock()
	pg, primary := p.n.pg.running(), p.n.pg.primary
	candidate := v.failover == "" || v.failover == p.n.name
	p.unlock()
	switch {
	case !pg:
		p.startAs(life, false)
	case primary && candidate, primary && v.settings.paused:
		p.take(life)
	case primary:
		p.beside(life, func() { p.demote(life, "immediate-nolock") })
	case v.settings.paused && v.failover != p.n.name: // nobody is promoted in a pause
	case candidate && p.healthiest(life) && p.take(life):
		p.beside(life, func() { p.promote(life) })
	}
}

// healthiest asks the other members (ha.py, is_healthiest_node): a primary that answers for itself
// is still alive, and one that hangs costs 2 s.
func (p *patroni) healthiest(life context.Context) bool {
	var asking sync.WaitGroup
	alive := make([]bool, len(p.n.w.nodes))
	for i, m := range p.n.w.nodes {
		if m == p.n {
			continue
		}
		asking.Go(func() {
			p.lock()
			d := m.patroni.delay(p.n)
			p.unlock()
			if !p.sleep(life, min(d, 2*time.Second)) || d >= 2*time.Second {
				return
			}
			p.lock()
			defer p.unlock()
			alive[i] = m.patroni.answers(p.n) && m.pg.running() && m.pg.primary
		})
	}
	asking.Wait()
	for _, is := range alive {
		if is {
			return false
		}
	}
	return life.Err() == nil
}

// take takes a free lock.
func (p *patroni) take(life context.Context) (ok bool) {
	p.retry(life, func() bool {
		d := p.n.w.dcs
		if d.reachable(p.n) != nil {
			return false
		}
		if ok = d.acquire(p.n, p.known.ttl, false); ok {
			p.leaderUntil = p.n.clock.wall().Add(p.known.ttl)
			d.failover = ""
			p.view = &view{at: p.n.w.now(), leader: p.n.name, version: d.version, settings: p.known}
			p.seen = p.view
		}
		return true
	})
	return ok
}

func (p *patroni) promote(life context.Context) {
	if !p.pause(life, promoteLeast, promoteMost) {
		return
	}
	p.lock()
	if p.n.w.dcs.holder() != p.n.name && p.view != nil && p.view.leader != p.n.name {
		p.unlock()
		return
	}
	p.n.pg.promote()
	p.role = "primary"
	p.call("on_role_change", "primary")
	p.unlock()
	if p.pause(context.WithoutCancel(life), openLeast, openMost) {
		p.lock()
		p.n.pg.open()
		p.unlock()
	}
}

// leading is a loop that finds its own lock (ha.py, process_healthy_cluster).
func (p *patroni) leading(life context.Context, v view) {
	p.lock()
	state, primary := p.n.pg.state, p.n.pg.primary
	switchover := v.failover != "" && v.failover != p.n.name
	p.unlock()
	switch {
	case state != "running" && v.settings.paused:
		p.lock()
		p.n.w.dcs.release(p.n)
		p.leaderUntil = time.Time{}
		p.unlock()
	case state != "running":
		if held, _ := p.refresh(life); held {
			p.recover(life)
		}
	case switchover:
		p.beside(life, func() { p.demote(life, "graceful") })
	default:
		p.keep(life, primary)
	}
}

// keep refreshes the lock of a member whose PostgreSQL runs.
func (p *patroni) keep(life context.Context, primary bool) {
	held, err := p.refresh(life)
	switch {
	case life.Err() != nil:
	case err != nil:
		p.withoutDCS(life)
	case held && !primary:
		p.beside(life, func() { p.promote(life) })
	case !held && !p.paused():
		p.beside(life, func() { p.demote(life, "immediate-nolock") })
	}
}

func (p *patroni) paused() bool {
	p.lock()
	defer p.unlock()
	return p.known.paused
}

// recover starts a PostgreSQL whose member has the lock.
func (p *patroni) recover(life context.Context) {
	p.beside(life, func() {
		asReplica := p.v.crashAsRepli
		if !p.startPostgres(life, !asReplica) {
			return
		}
		p.lock()
		if asReplica {
			p.role = "replica"
			p.call("on_role_change", "replica")
		} else {
			p.call("on_start", "primary")
		}
		p.unlock()
	})
}

// following is a loop that finds another member's lock.
func (p *patroni) following(life context.Context) {
	p.lock()
	running, primary, paused := p.n.pg.running(), p.n.pg.primary, p.known.paused
	if running && !primary { // it streams
		p.n.pg.timeline = p.n.w.byName(p.view.leader).pg.timeline
	}
	p.unlock()
	switch {
	case paused:
	case running && primary:
		p.beside(life, func() { p.demote(life, "immediate-nolock") })
	case !running:
		p.startAs(life, false)
	}
}

// startAs starts a PostgreSQL that is down, as a replica.
func (p *patroni) startAs(life context.Context, primary bool) {
	p.beside(life, func() {
		if p.startPostgres(life, primary) {
			p.lock()
			defer p.unlock()
			p.role = "replica"
			p.call("on_start", "replica")
		}
	})
}

func (p *patroni) startPostgres(life context.Context, primary bool) bool {
	p.lock()
	p.n.pg.set("starting", primary)
	p.unlock()
	if !p.pause(life, startLeast, startMost) {
		return false
	}
	p.lock()
	defer p.unlock()
	if p.n.pg.state != "starting" {
		return false
	}
	p.n.pg.set("running", primary)
	return true
}

// demote stops a primary and starts it as a replica (ha.py, demote). The modes are Patroni's own
// words.
func (p *patroni) demote(life context.Context, mode string) {
	if !p.stopPostgres(life, mode == "graceful") {
		return
	}
	p.lock()
	role := "primary"
	if mode == "graceful" {
		role = "demoted"
	}
	p.leaderUntil = time.Time{}
	p.call("on_stop", role)
	p.unlock()
	if !p.sleep(life, 2*time.Second) || !p.startPostgres(life, false) {
		return
	}
	p.lock()
	defer p.unlock()
	p.role = "replica"
	p.call("on_role_change", "replica")
}

// stopPostgres stops it fast. A stop that gives the lock away does so as soon as the checkpoint is
// written, while the archiver may go on.
func (p *patroni) stopPostgres(life context.Context, giveAway bool) bool {
	p.lock()
	hook := p.hookHolds
	p.inHook = hook > 0
	p.unlock()
	ended := hook == 0 || p.sleep(life, hook)
	p.lock()
	if p.inHook = false; !ended {
		p.unlock()
		return false
	}
	if p.n.pg.state != "running" {
		p.unlock()
		return false
	}
	p.n.pg.set("stopping", p.n.pg.primary)
	p.unlock()
	if !p.stopped(life, giveAway) {
		p.lock()
		defer p.unlock()
		if p.n.pg.state == "stopping" { // PostgreSQL goes on with what it was told, without its Patroni
			p.n.pg.set("", p.n.pg.primary)
		}
		return false
	}
	p.lock()
	if giveAway {
		p.role, p.leaderUntil = "demoted", time.Time{}
		if p.n.w.dcs.reachable(p.n) == nil {
			p.n.w.dcs.release(p.n)
		}
	}
	archiver := p.archives
	p.unlock()
	alive := archiver == 0 || p.sleep(life, archiver)
	p.lock()
	defer p.unlock()
	if p.n.pg.state == "stopping" {
		p.n.pg.set("", p.n.pg.primary)
	}
	return alive
}

// stopped waits until the checkpoint of a stop is written and the replicas have it. A replica that
// is connected and cannot be reached is waited for (wal_sender_timeout). Whether a stop that gives
// the lock away has come so far is looked at once a second (patroni/postgresql/__init__.py,
// STOP_POLLING_INTERVAL).
func (p *patroni) stopped(life context.Context, giveAway bool) bool {
	const walSenderTimeout = 60 * time.Second
	least, most := stopLeast, stopMost
	if giveAway {
		least, most = 700*time.Millisecond, 1200*time.Millisecond
	}
	if !p.pause(life, least, most) || giveAway && p.v.secondBefore && !p.sleep(life, time.Second) {
		return false
	}
	for limit := p.n.w.now() + walSenderTimeout; p.n.w.now() < limit; {
		p.lock()
		waits := p.n.pg.primary && p.replicasAway()
		p.unlock()
		if !waits {
			break
		}
		if !p.sleep(life, 100*time.Millisecond) {
			return false
		}
	}
	return true
}

// replicasAway reports whether a replica runs that cannot be reached. The world is locked.
func (p *patroni) replicasAway() bool {
	for _, m := range p.n.w.nodes {
		streams := m.pg.running() && !m.pg.primary && m.pg.timeline == p.n.pg.timeline
		if m != p.n && streams && (!p.n.w.net.reaches(p.n.name, m.name) || m.frozen.isShut()) {
			return true
		}
	}
	return false
}

// stop is SIGTERM: the REST API hangs, PostgreSQL stops, the lock goes, and Patroni ends.
func (p *patroni) stop() {
	p.lock()
	life := p.life
	if life == nil || p.busy {
		p.unlock()
		return
	}
	p.n.tell("Patroni is told to stop")
	p.serves, p.busy = false, true
	paused, role, leads := p.known.paused, p.role, p.n.w.dcs.holder() == p.n.name
	p.unlock()
	if !paused && p.stopPostgres(life, leads) {
		p.lock()
		p.call("on_stop", role)
		p.unlock()
	}
	p.lock()
	defer p.unlock()
	if p.life == life {
		p.kill()
		p.life = nil
		p.n.tell("Patroni has ended")
	}
}

// restart is patronictl restart.
func (p *patroni) restart() {
	p.lock()
	life := p.life
	ok := life != nil && p.n.pg.running()
	p.unlock()
	if !ok {
		return
	}
	p.beside(life, func() {
		p.lock()
		primary, role := p.n.pg.primary, p.role
		p.n.pg.set("restarting", primary)
		p.unlock()
		if p.pause(life, stopLeast, stopMost) && p.startPostgres(life, primary) {
			p.lock()
			defer p.unlock()
			p.call("on_restart", role)
		}
	})
}
