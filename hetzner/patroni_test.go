package hetzner_test

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/reconcile/routetest"
)

// What a process hears of the cluster.

func (p *process) Word(ctx context.Context) reconcile.Word {
	w := p.says(p.id)
	if err := p.Wait(ctx, p.answers(p.id)); err != nil || p.do(func() {}) != nil || w.Answer == reconcile.Silent {
		return reconcile.Word{Answer: reconcile.Silent, Why: "no answer", At: w.At}
	}
	return w
}

func (p *process) Poll(ctx context.Context, peers []reconcile.Peer) (words []reconcile.PeerWord) {
	slowest := time.Duration(0)
	for id := range p.hosts {
		if name := nodeName(id); slices.ContainsFunc(peers, func(m reconcile.Peer) bool { return m.Name == name }) {
			words = append(words, reconcile.PeerWord{Peer: reconcile.Peer{Name: name}, Word: p.says(id), Names: nodeName(p.leader())})
			slowest = max(slowest, p.answers(id))
		}
	}
	if p.Wait(ctx, slowest) != nil {
		return nil
	}
	return words
}

func (p *process) Rivals(context.Context, []reconcile.Peer) []reconcile.PeerWord { return nil }

func (p *process) Timing(context.Context) (reconcile.Timing, error) {
	return reconcile.Timing{TTL: 30 * time.Second, LoopWait: 10 * time.Second, RetryTimeout: 10 * time.Second}, nil
}

func (p *process) Members(context.Context) (all reconcile.Members, err error) {
	for id := range p.hosts {
		if id != p.id {
			all.Peers = append(all.Peers, reconcile.Peer{Name: nodeName(id)})
		}
	}
	return all, nil
}

func (p *process) Name() string { return nodeName(p.id) }

func (p *process) Postmaster(context.Context) reconcile.PG {
	p.cluster.mu.Lock()
	defer p.cluster.mu.Unlock()
	if p.down[p.id].After(time.Now()) {
		return reconcile.PGDown
	}
	return reconcile.PGAlive
}

// says is what a node's Patroni says now.
func (c *cluster) says(id int64) reconcile.Word {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	w := reconcile.Word{At: routetest.Now(), Answer: reconcile.NotLeader, Role: reconcile.RoleReplica, State: "running", Timeline: 1}
	leader := c.reigns[len(c.reigns)-1].leader
	switch {
	case c.silent[id].After(now):
		return reconcile.Word{At: w.At, Answer: reconcile.Silent, Why: "no answer"}
	case leader == id:
		w.Answer, w.Role = reconcile.Leader, reconcile.RolePrimary
	case c.down[id].After(now):
		w.State = "stopped"
	}
	w.Name, w.LastSeen, w.Unlocked = nodeName(id), now.Unix(), leader == 0
	return w
}

// answers is how long that takes.
func (c *cluster) answers(id int64) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.silent[id].After(time.Now()):
		return time.Second
	case c.hard:
		return time.Duration(c.random.Int64N(int64(300 * time.Millisecond)))
	}
	return 3 * time.Millisecond
}

// nodeName is a member's name, empty for nobody's.
func nodeName(id int64) string {
	if id == 0 {
		return ""
	}
	return fmt.Sprintf("pg%d", id)
}
