package hetzner_test

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/reconcile/policy"
	"github.com/vipctl/vipctl/reconcile/routetest"
)

// What a process hears of the cluster.

func (p *process) Reply(ctx context.Context) policy.PatroniReply {
	w := p.says(p.id)
	if err := p.Wait(ctx, p.answers(p.id)); err != nil || p.do(func() {}) != nil || w.Kind == policy.Silent {
		return policy.PatroniReply{Kind: policy.Silent, Why: "no answer", At: w.At}
	}
	return w
}

func (p *process) Poll(ctx context.Context, peers []policy.Peer) (words []policy.PeerReply) {
	slowest := time.Duration(0)
	for id := range p.hosts {
		if name := nodeName(id); slices.ContainsFunc(peers, func(m policy.Peer) bool { return m.Name == name }) {
			words = append(words, policy.PeerReply{Peer: policy.Peer{Name: name}, Reply: p.says(id), Names: nodeName(p.leader())})
			slowest = max(slowest, p.answers(id))
		}
	}
	if p.Wait(ctx, slowest) != nil {
		return nil
	}
	return words
}

func (p *process) Rivals(context.Context, []policy.Peer) []policy.PeerReply { return nil }

func (p *process) Timing(context.Context) (policy.Timing, error) {
	return policy.Timing{TTL: 30 * time.Second, LoopWait: 10 * time.Second, RetryTimeout: 10 * time.Second}, nil
}

func (p *process) Members(context.Context) (all reconcile.Members, err error) {
	for id := range p.hosts {
		if id != p.id {
			all.Peers = append(all.Peers, policy.Peer{Name: nodeName(id)})
		}
	}
	return all, nil
}

func (p *process) Name() string { return nodeName(p.id) }

func (p *process) Postmaster(context.Context) policy.PG {
	p.cluster.mu.Lock()
	defer p.cluster.mu.Unlock()
	if p.down[p.id].After(time.Now()) {
		return policy.PGDown
	}
	return policy.PGAlive
}

// says is what a node's Patroni says now.
func (c *cluster) says(id int64) policy.PatroniReply {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	w := policy.PatroniReply{At: routetest.Now(), Kind: policy.NotLeader, Role: policy.Role("replica"), State: "running", Timeline: 1}
	leader := c.reigns[len(c.reigns)-1].leader
	switch {
	case c.silent[id].After(now):
		return policy.PatroniReply{At: w.At, Kind: policy.Silent, Why: "no answer"}
	case leader == id:
		w.Kind, w.Role = policy.Leader, policy.Role("primary")
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
