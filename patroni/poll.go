package patroni

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/vipctl/vipctl/reconcile/policy"
)

// pollWithin bounds a poll, whatever the timeout. A peer that is cut off is waited for to the end, often when the local
// Patroni has been too; and ticks that take longer come too late to roll a lease by the peers' word, which lasts
// interval + 3 s.
const pollWithin = time.Second

// Poll asks the peers side by side, all of them within one deadline: GET /leader of each, and GET /cluster of those
// that do not lead and see a lock. The answers are in the order of peers.
//
// Names is empty where that second answer is missing, too. The peer's word then has a Why: who leads is unknown, which
// is not the same as nobody.
func (c *Client) Poll(ctx context.Context, peers []policy.Peer) []policy.PeerReply {
	ctx, cancel := context.WithTimeout(ctx, min(c.opts.Timeout, pollWithin))
	defer cancel()
	return each(peers, func(p policy.Peer) policy.PeerReply { return c.pollOne(ctx, p) })
}

// each asks the peers side by side.
func each(peers []policy.Peer, ask func(policy.Peer) policy.PeerReply) []policy.PeerReply {
	said := make([]policy.PeerReply, len(peers))
	var all sync.WaitGroup
	for i, p := range peers {
		all.Go(func() { said[i] = ask(p) })
	}
	all.Wait()
	return said
}

// rivalsWithin is what a tick gives its peers to say that they lead. A host that is down must not hold each tick up.
const rivalsWithin = 200 * time.Millisecond

// Rivals asks the peers side by side whether they lead: GET /leader of each, all of them within 200 ms. The answers are in the
// order of peers, and silence is no news.
func (c *Client) Rivals(ctx context.Context, peers []policy.Peer) []policy.PeerReply {
	ctx, cancel := context.WithTimeout(ctx, min(c.opts.Timeout, rivalsWithin))
	defer cancel()
	return each(peers, func(p policy.Peer) policy.PeerReply {
		w, _ := c.peerWord(ctx, p)
		return policy.PeerReply{Peer: p, Reply: w}
	})
}

func (c *Client) pollOne(ctx context.Context, p policy.Peer) policy.PeerReply {
	w, base := c.peerWord(ctx, p)
	said := policy.PeerReply{Peer: p, Reply: w}
	if w.Kind != policy.NotLeader || w.Unlocked {
		return said
	}
	s, _ := c.settings() // by which it has answered
	var why string
	if said.Names, why = leaderNamed(ctx, s, base); why != "" {
		said.Reply.Why = "who leads is unknown: " + why
	}
	return said
}

// peerWord is a peer's answer to GET /leader, and where it was asked.
func (c *Client) peerWord(ctx context.Context, p policy.Peer) (w policy.PatroniReply, base string) {
	s, err := c.settings()
	if err != nil {
		return c.unasked(err), ""
	}
	u, err := baseURL(p.URL)
	if err != nil {
		return c.unasked(err), ""
	}
	base = u.String()
	return c.word(ctx, s.peers, base, identity{s.scope, s.from.scope.said(), p.Name, "the cluster's member list"}), base
}

// leaderNamed asks a peer whom it takes for the leader. Where that cannot be told, why says so.
func leaderNamed(ctx context.Context, s *way, base string) (name, why string) {
	hc, err := s.peers()
	if err != nil {
		return "", err.Error()
	}
	a, fault := get(ctx, hc, base+"/cluster")
	if fault != nil {
		return "", fault.why
	}
	if a.status != http.StatusOK {
		return "", a.refusal()
	}
	cl, err := parseCluster(a.body, s.ofCluster())
	if err != nil {
		return "", err.Error()
	}
	return cl.leader(), ""
}
