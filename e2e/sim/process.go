package sim

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/vipctl/vipctl/callbacks"
	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/reconcile/policy"
)

const (
	scope    = "sim"
	interval = 2 * time.Second
	refresh  = time.Minute
	handover = 5 * time.Second
)

var errKilled = errors.New("killed")

// process is a vipctl. Its engine reaches the world through calls that take time. A process that
// was killed goes on, in a way, but its calls fail at once and do nothing.
type process struct {
	n     *node
	what  string
	dead  chan struct{}  // closed by SIGKILL
	done  chan struct{}  // closed when it has ended
	calls map[string]int // so far, of each kind
	fatal call           // at which it is killed
	locks map[string]bool
	moved int // addresses that it put on the link, or took away
	wrote int // records that it has written
}

// call is the nth call of a kind. Kinds that run side by side are counted apart, so that a seed
// gives each call its own time whatever the order of goroutines.
type call struct {
	kind string
	n    int
}

// The kinds of calls.
const (
	callExec    = "exec"
	callCluster = "cluster state"
	callVIP     = "VIP state of" // one
	callLink    = "link, for"    // one VIP
	callPG      = "postmaster.pid"
	callHistory = "history"
)

var callKinds = []string{callExec, callCluster, callVIP + " " + vipName(0), callLink + " " + vipName(0), callVIP + " " + vipName(0), callLink + " " + vipName(0), callHistory}

// spawn starts a vipctl.
func (n *node) spawn(what string, run func(p *process)) *process {
	n.w.mu.Lock()
	defer n.w.mu.Unlock()
	n.count++
	p := &process{n: n, what: fmt.Sprintf("%s %d", what, n.count), dead: make(chan struct{}), done: make(chan struct{}), locks: map[string]bool{}, calls: map[string]int{}}
	if r := n.rand(p.what + " fate"); n.killEvery > 0 && r.IntN(n.killEvery) == 0 {
		p.fatal = call{callKinds[r.IntN(len(callKinds))], 1 + r.IntN(12)}
	}
	n.processes[p] = true
	n.w.spawn(func() {
		defer close(p.done)
		if p.step(callExec, 2*time.Millisecond, 8*time.Millisecond) { // exec, and what Go takes to start
			run(p)
		}
		n.w.mu.Lock()
		defer n.w.mu.Unlock()
		if !p.isDead() {
			n.w.checks.ended(p)
		}
		p.end()
	})
	return p
}

// end gives back what the kernel gives back when a process is gone. The world is locked.
func (p *process) end() {
	delete(p.n.processes, p)
	for name := range p.locks {
		p.n.store.unlock(name, p)
	}
}

// kill is SIGKILL. The world is locked.
func (p *process) kill() {
	if !p.isDead() {
		p.n.tell("%s is killed", p.what)
		close(p.dead)
		p.end()
	}
}

func (p *process) isDead() bool {
	select {
	case <-p.dead:
		return true
	default:
		return false
	}
}

// step lets a call take its time, and reports false for a process that is dead by then. It may be
// killed at each.
func (p *process) step(kind string, least, most time.Duration) (alive bool) {
	p.n.w.mu.Lock()
	p.calls[kind]++
	n := p.calls[kind]
	r := rand.New(rand.NewPCG(p.n.w.scenario.Seed^uint64(n)<<40, hashOf(p.n.name+p.what+kind)))
	d := between(r, least, most)
	if p.fatal == (call{kind, n}) {
		p.n.w.after(d/2, p.kill)
	}
	p.n.w.mu.Unlock()
	return p.wait(context.Background(), d) == nil
}

// wait lets time pass, until ctx ends.
func (p *process) wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	var err error
	select {
	case <-t.C:
	case <-ctx.Done():
		err = ctx.Err()
	case <-p.dead:
		return errKilled
	case <-p.n.w.ctx.Done():
		return errKilled
	}
	if !p.n.frozen.pass(&p.n.w.mu, p.dead) || p.isDead() {
		return errKilled
	}
	return err
}

// Now implements [reconcile.Clock].
func (p *process) Now() policy.Moment { return p.n.clock.bootNow() }

// Wall implements [reconcile.Clock].
func (p *process) Wall() time.Time {
	p.n.w.mu.Lock()
	defer p.n.w.mu.Unlock()
	return p.n.clock.wall()
}

// Wait implements [reconcile.Clock].
func (p *process) Wait(ctx context.Context, d time.Duration) error { return p.wait(ctx, d) }

// engine is the real one, with the world behind its ports.
func (p *process) engine() *reconcile.Engine {
	e := &reconcile.Engine{Ports: reconcile.Ports{
		Patroni: rest{p}, Store: storePort{p}, History: storePort{p}, Clock: p, Interval: interval, Refresh: refresh,
	}}
	for i := range p.n.w.scenario.VIPs {
		name := vipName(i)
		e.VIPs = append(e.VIPs, reconcile.VIP{
			Name: name, Address: &addressPort{p: p, vip: name}, Follow: policy.Follow("primary"), Leased: true, HandOver: handover,
		})
	}
	return e
}

func vipName(i int) string { return fmt.Sprintf("10.0.0.%d", 100+i) }

// tick is `vipctl reconcile`.
func (n *node) tick() *process {
	return n.spawn("tick", func(p *process) {
		p.engine().Run(n.w.ctx, policy.Trigger{Event: policy.EventTick, By: "timer", At: p.Now()})
	})
}

// callback is `vipctl callback`.
func (n *node) callback(action, role string) *process {
	return n.spawn(action, func(p *process) {
		trigger, err := callbacks.Parse([]string{action, role, scope}, p.Now())
		if err != nil {
			panic(err)
		}
		p.engine().Run(n.w.ctx, trigger)
	})
}
