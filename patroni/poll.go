package patroni

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/vipctl/vipctl/reconcile"
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
func (c *Client) Poll(ctx context.Context, peers []reconcile.Peer) []reconcile.PeerWord {
	ctx, cancel := context.WithTimeout(ctx, min(c.opts.Timeout, pollWithin))
	defer cancel()
	said := make([]reconcile.PeerWord, len(peers))
	var all sync.WaitGroup
	for i, p := range peers {
		all.Go(func() { said[i] = c.pollOne(ctx, p) })
	}
	all.Wait()
	return said
}

func (c *Client) pollOne(ctx context.Context, p reconcile.Peer) reconcile.PeerWord {
	s, err := c.settings()
	if err != nil {
		return reconcile.PeerWord{Peer: p, Word: c.unasked(err)}
	}
	base, err := baseURL(p.URL)
	if err != nil {
		return reconcile.PeerWord{Peer: p, Word: c.unasked(err)}
	}
	w := c.word(ctx, s.peers, base.String(), identity{scope: s.scope, name: p.Name, namedBy: "the cluster's member list"})
	said := reconcile.PeerWord{Peer: p, Word: w}
	if w.Answer != reconcile.NotLeader || w.Unlocked {
		return said
	}
	var why string
	if said.Names, why = leaderNamed(ctx, s, base.String()); why != "" {
		said.Word.Why = "who leads is unknown: " + why
	}
	return said
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
	cl, err := parseCluster(a.body, s.scope)
	if err != nil {
		return "", err.Error()
	}
	return cl.leader(), ""
}
