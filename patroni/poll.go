package patroni

import (
	"context"
	"sync"
	"time"

	"github.com/vipctl/vipctl/patroni/conf"
	"github.com/vipctl/vipctl/reconcile/policy"
)

// pollWithin bounds a poll, whatever the timeout. A peer that is cut off is waited for to the end,
// often when the local Patroni has been too. And a tick that takes longer comes too late to roll a
// lease because of what the peers said, which counts for interval + 3 s.
const pollWithin = time.Second

// rivalsWithin is what a tick gives its peers to say that they lead. A host that is down must not
// hold each tick up.
const rivalsWithin = 200 * time.Millisecond

// each asks the peers side by side. The answers are in the order of peers.
func each(peers []policy.Peer, ask func(policy.Peer) policy.PeerReply) []policy.PeerReply {
	replies := make([]policy.PeerReply, len(peers))
	var all sync.WaitGroup
	for i, p := range peers {
		all.Go(func() { replies[i] = ask(p) })
	}
	all.Wait()
	return replies
}

// peerPoll asks peers by the settings of the endpoint in use.
type peerPoll struct {
	use func() (*endpoint, error)
	now func() policy.Moment
}

// leads asks a peer whether it leads, GET /leader. asked is nil where nobody could be asked, and
// else what it was asked by, at base.
func (p peerPoll) leads(ctx context.Context, peer policy.Peer) (reply policy.PeerReply, asked *endpoint, base string) {
	unable := func(err error) (policy.PeerReply, *endpoint, string) {
		return policy.PeerReply{Peer: peer, Reply: unasked(err, p.now())}, nil, ""
	}
	e, err := p.use()
	if err != nil {
		return unable(err)
	}
	u, err := conf.BaseURL(peer.URL)
	if err != nil {
		return unable(err)
	}
	base = u.String()
	return policy.PeerReply{Peer: peer, Reply: e.peerLeader(ctx, peer.Name, base, p.now)}, e, base
}

// ask asks a peer whether it leads, and one that does not lead and sees a lock who does.
func (p peerPoll) ask(ctx context.Context, peer policy.Peer) policy.PeerReply {
	reply, asked, base := p.leads(ctx, peer)
	if reply.Reply.Kind != policy.NotLeader || reply.Reply.Unlocked {
		return reply
	}
	var why string
	if reply.Names, why = asked.peerNamesLeader(ctx, base); why != "" {
		reply.Reply.Why = "who leads is unknown: " + why
	}
	return reply
}
