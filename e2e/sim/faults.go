package sim

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// fault is one kind of what can happen. begin and end are called with the world unlocked.
type fault struct {
	longest time.Duration // 0: it has no length
	by      time.Duration // how large it may be, either way; 0: it has no size
	begin   func(n *node, f Fault)
	end     func(n *node, f Fault)
}

// locked calls f with the world locked.
func locked(f func(n *node)) func(*node, Fault) {
	return func(n *node, _ Fault) {
		n.w.mu.Lock()
		defer n.w.mu.Unlock()
		f(n)
		n.w.dcs.watch()
		n.w.checks.look()
	}
}

func startPatroni(n *node, _ Fault) { n.patroni.start() }

// faults are all that can happen, by name. What has an end is healed then.
var faults = map[string]fault{
	"freeze the node": {longest: time.Minute,
		begin: locked(func(n *node) { n.frozen.shut() }), end: locked(func(n *node) { n.frozen.open() })},
	"freeze the node for a moment": {longest: 5 * time.Second,
		begin: locked(func(n *node) { n.frozen.shut() }), end: locked(func(n *node) { n.frozen.open() })},
	"freeze Patroni": {longest: time.Minute,
		begin: locked(func(n *node) { n.patroni.frozen.shut() }), end: locked(func(n *node) { n.patroni.frozen.open() })},
	"kill Patroni":         {longest: time.Minute, begin: locked(func(n *node) { n.patroni.die() }), end: startPatroni},
	"stop Patroni":         {longest: time.Minute, begin: stopPatroni, end: startPatroni},
	"restart PostgreSQL":   {begin: func(n *node, _ Fault) { n.patroni.restart() }},
	"kill the postmaster":  {begin: locked(func(n *node) { n.pg.crash() })},
	"power cut":            {longest: time.Minute, begin: locked(cutPower), end: powerOn},
	"pull the cable":       {longest: time.Minute, begin: locked(func(n *node) { n.w.net.pulled[n.name] = true }), end: locked(func(n *node) { delete(n.w.net.pulled, n.name) })},
	"cut off from members": {longest: time.Minute, begin: locked(cutOff(true)), end: locked(cutOff(false))},
	"drop etcd's packets":  {longest: time.Minute, begin: locked(func(n *node) { n.w.net.noEtcd[n.name] = true }), end: locked(func(n *node) { delete(n.w.net.noEtcd, n.name) })},
	"drop etcd everywhere": {longest: time.Minute, begin: locked(etcdEverywhere(true)), end: locked(etcdEverywhere(false))},
	"drop the REST API's":  {longest: time.Minute, begin: locked(func(n *node) { n.w.net.noREST[n.name] = true }), end: locked(func(n *node) { delete(n.w.net.noREST, n.name) })},
	"kill etcd":            {longest: time.Minute, begin: locked(func(n *node) { n.etcd = false }), end: locked(func(n *node) { n.etcd = true })},
	"switchover":           {begin: locked(switchover)},
	"pause":                {longest: time.Minute, begin: locked(setPaused(true)), end: locked(setPaused(false))},
	"lower ttl":            {longest: time.Minute, begin: locked(lowerTTL), end: locked(restoreTTL)},
	"set the clock":        {by: 400 * time.Second, begin: setClock},
	"set the clock far back": {by: 100 * time.Second,
		begin: func(n *node, f Fault) { setClock(n, Fault{By: f.By - 250*time.Second}) }},
	"set the clock a bit":  {by: 20 * time.Second, begin: setClock},
	"clock drifts":         {longest: time.Minute, begin: locked(func(n *node) { n.clock.run(0.01) }), end: locked(func(n *node) { n.clock.run(0) })},
	"stop the timer":       {longest: 50 * time.Second, begin: locked(func(n *node) { n.timer.on = false }), end: locked(func(n *node) { n.timer.on = true })},
	"kill vipctl at times": {longest: time.Minute, begin: locked(func(n *node) { n.killEvery = 2 }), end: locked(func(n *node) { n.killEvery = 0 })},
	"/run full":            {longest: time.Minute, begin: locked(func(n *node) { n.store.full = true }), end: locked(func(n *node) { n.store.full = false })},
	"/run wiped":           {begin: locked(func(n *node) { n.store.wipe() })},
	"slow disk":            {longest: time.Minute, begin: locked(func(n *node) { n.store.slow = 3 * time.Second }), end: locked(func(n *node) { n.store.slow = 0 })},
	"slow REST API":        {longest: time.Minute, begin: locked(func(n *node) { n.slowREST = 900 * time.Millisecond }), end: locked(func(n *node) { n.slowREST = 0 })},
	"REST API too slow":    {longest: time.Minute, begin: locked(func(n *node) { n.slowREST = 2500 * time.Millisecond }), end: locked(func(n *node) { n.slowREST = 0 })},
	"a stranger has it":    {longest: time.Minute, begin: locked(func(n *node) { n.w.checks.stranger = true }), end: locked(func(n *node) { n.w.checks.stranger = false })},
	"hold":                 {longest: time.Minute, begin: hold, end: unhold},
	"slow before_stop":     {longest: time.Minute, begin: slowHook, end: locked(func(n *node) { n.patroni.hookHolds = 0 })},
	"slow archiver":        {longest: time.Minute, begin: locked(func(n *node) { n.patroni.archives = 6 * time.Second }), end: locked(func(n *node) { n.patroni.archives = 0 })},
	"a monitor asks":       {longest: time.Minute, begin: monitor},
}

var faultNames = slices.Sorted(maps.Keys(faults))

// happen lets the fault happen, and heals it.
func (f Fault) happen(w *world) {
	if !w.sleep(f.At) {
		return
	}
	w.mu.Lock()
	n := w.nodes[max(0, f.Node)]
	if leader := w.dcs.holder(); f.Node == theLeader && leader != "" {
		n = w.byName(leader)
	}
	n.tell("FAULT: %s%s", f.What, map[bool]string{true: " by " + f.By.String(), false: ""}[f.By != 0])
	w.checks.happened(n, f)
	w.mu.Unlock()
	kind := faults[f.What]
	kind.begin(n, f)
	if !w.sleep(f.For) || kind.end == nil {
		return
	}
	w.mu.Lock()
	n.tell("HEALED: %s", f.What)
	w.mu.Unlock()
	kind.end(n, f)
}

// stopPatroni is systemctl stop: with vipctl's drop-in a tick follows.
func stopPatroni(n *node, _ Fault) {
	n.w.spawn(func() {
		n.patroni.stop()
		if n.w.sleep(10 * time.Millisecond) {
			n.tick()
		}
	})
}

func cutPower(n *node) {
	n.patroni.die()
	for p := range n.processes {
		p.kill()
	}
	n.executor.next = nil
	clear(n.link.vips)
	n.pg.set("", n.pg.primary)
	n.etcd, n.timer.on = false, false
	n.w.net.pulled[n.name] = true
	n.store.wipe()
}

func powerOn(n *node, f Fault) {
	locked(func(n *node) {
		delete(n.w.net.pulled, n.name)
		n.etcd, n.timer.on = true, true
	})(n, f)
	n.patroni.start()
}

// slowHook has a before_stop hook that takes 8 s, or as long as the fault says.
func slowHook(n *node, f Fault) {
	locked(func(n *node) { n.patroni.hookHolds = cmp.Or(f.By, 8*time.Second) })(n, f)
}

func cutOff(on bool) func(*node) {
	return func(n *node) {
		for _, m := range n.w.nodes {
			if m != n && on {
				n.w.net.cut[pair(n.name, m.name)] = true
			} else {
				delete(n.w.net.cut, pair(n.name, m.name))
			}
		}
	}
}

func etcdEverywhere(on bool) func(*node) {
	return func(n *node) {
		for _, m := range n.w.nodes {
			n.w.net.noEtcd[m.name] = on
		}
	}
}

func switchover(n *node) {
	leader := n.w.dcs.holder()
	for _, m := range n.w.nodes {
		if leader != "" && m.name != leader && m.pg.running() && m.patroni.life != nil {
			n.w.dcs.order(m.name)
			n.w.byName(leader).patroni.wake() // patronictl asks the leader's REST API
			return
		}
	}
}

func setPaused(on bool) func(*node) {
	return func(n *node) { n.w.dcs.settings.paused = on }
}

func lowerTTL(n *node) { n.w.dcs.settings.ttl = seconds(max(20, n.w.scenario.TTL/2)) }

func restoreTTL(n *node) { n.w.dcs.settings.ttl = seconds(n.w.scenario.TTL) }

func setClock(n *node, f Fault) { locked(func(n *node) { n.clock.step(f.By) })(n, f) }

func hold(n *node, f Fault) {
	n.spawn("hold", func(p *process) { p.engine().SetHold("ann", p.Now(), f.For+time.Hour) })
}

func unhold(n *node, _ Fault) {
	n.spawn("unhold", func(p *process) { p.engine().SetHold("ann", p.Now(), 0) })
}

// monitor asks a member for the cluster twice a second.
func monitor(n *node, f Fault) {
	n.w.spawn(func() {
		for end := n.w.now() + f.For; n.w.now() < end && n.w.sleep(500*time.Millisecond); {
			n.w.mu.Lock()
			if n.patroni.answers(n) {
				_, _ = n.patroni.cluster()
			}
			n.w.mu.Unlock()
		}
	})
}
