package sim

import (
	"context"
	"errors"
	"time"

	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/reconcile/policy"
)

// How long the product's client of the REST API waits (package patroni).
const (
	replyWithin  = 1800 * time.Millisecond
	pollWithin   = time.Second
	rivalsWithin = 200 * time.Millisecond
)

const never = time.Hour

// rest is a vipctl process's way to the REST APIs.
type rest struct{ p *process }

var _ reconcile.Patroni = rest{}

func (c rest) Reply(ctx context.Context) policy.PatroniReply {
	ctx, cancel := context.WithTimeout(ctx, replyWithin)
	defer cancel()
	return c.leader(ctx, c.p.n)
}

func (c rest) Poll(ctx context.Context, peers []policy.Peer) []policy.PeerReply {
	ctx, cancel := context.WithTimeout(ctx, pollWithin)
	defer cancel()
	return c.each(peers, func(m *node) (policy.PatroniReply, string) {
		r := c.leader(ctx, m)
		if r.Kind != policy.NotLeader || r.Unlocked {
			return r, ""
		}
		leader, _ := c.cluster(ctx, m)
		return r, leader
	})
}

func (c rest) Rivals(ctx context.Context, peers []policy.Peer) []policy.PeerReply {
	ctx, cancel := context.WithTimeout(ctx, rivalsWithin)
	defer cancel()
	return c.each(peers, func(m *node) (policy.PatroniReply, string) { return c.leader(ctx, m), "" })
}

// each asks the peers side by side.
func (c rest) each(peers []policy.Peer, ask func(*node) (policy.PatroniReply, string)) []policy.PeerReply {
	replies := make([]policy.PeerReply, len(peers))
	done := make(chan int, len(peers))
	for i, peer := range peers {
		go func() {
			replies[i].Peer = peer
			replies[i].Reply, replies[i].Names = ask(c.p.n.w.byName(peer.Name))
			done <- i
		}()
	}
	for range peers {
		<-done
	}
	return replies
}

func (c rest) Timing(ctx context.Context) (policy.Timing, error) {
	ctx, cancel := context.WithTimeout(ctx, replyWithin)
	defer cancel()
	if err := c.ask(ctx, c.p.n); err != nil {
		return policy.Timing{}, err
	}
	c.p.n.w.mu.Lock()
	defer c.p.n.w.mu.Unlock()
	s := c.p.n.patroni.known
	if seen := c.p.n.patroni.seen; seen != nil { // what was read counts for GET /config at once
		s = seen.settings
	}
	return policy.Timing{TTL: s.ttl, LoopWait: s.loopWait, RetryTimeout: s.retryTimeout}, nil
}

func (c rest) Members(ctx context.Context) (reconcile.Members, error) {
	ctx, cancel := context.WithTimeout(ctx, policy.MembersWithin)
	defer cancel()
	leader, err := c.cluster(ctx, c.p.n)
	if err != nil {
		return reconcile.Members{}, err
	}
	members := reconcile.Members{Leader: leader}
	for _, m := range c.p.n.w.nodes {
		if m != c.p.n {
			members.Peers = append(members.Peers, policy.Peer{Name: m.name, URL: "http://" + m.name + ":8008"})
		}
	}
	return members, nil
}

func (c rest) Name() string { return c.p.n.name }

func (c rest) Postmaster(context.Context) policy.PG {
	c.p.step(callPG, 20*time.Microsecond, 200*time.Microsecond)
	c.p.n.w.mu.Lock()
	defer c.p.n.w.mu.Unlock()
	return c.p.n.pg.postmaster()
}

// ask has a question reach a member's REST API, half of the time that it takes to answer.
func (c rest) ask(ctx context.Context, m *node) error {
	w := c.p.n.w
	w.mu.Lock()
	d := m.patroni.delay(c.p.n)
	w.mu.Unlock()
	if err := c.p.wait(ctx, d); err != nil {
		if c.p.isDead() {
			return errKilled
		}
		return errors.New("no answer in time")
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	switch d := m.patroni.delay(c.p.n); {
	case m.patroni.life == nil:
		return errors.New("connection refused")
	case d == never:
		return errors.New("no answer in time")
	}
	return nil
}

// leader is GET /leader.
func (c rest) leader(ctx context.Context, m *node) policy.PatroniReply {
	at := c.p.n.clock.bootNow()
	if err := c.ask(ctx, m); err != nil {
		return policy.PatroniReply{Kind: policy.Silent, Why: err.Error(), At: at}
	}
	c.p.n.w.mu.Lock()
	r := m.patroni.reply()
	c.p.n.w.mu.Unlock()
	r.At = at
	return r
}

// cluster is GET /cluster: Patroni reads the DCS for whoever asks.
func (c rest) cluster(ctx context.Context, m *node) (leader string, err error) {
	if err := c.ask(ctx, m); err != nil {
		return "", err
	}
	w := c.p.n.w
	w.mu.Lock()
	defer w.mu.Unlock()
	return m.patroni.cluster()
}
