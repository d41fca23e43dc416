package reconcile

import (
	"testing"
	"time"

	"github.com/vipctl/vipctl/reconcile/policy"
)

// stepped is a leader whose wall clock was set back by 300 s: Patroni goes on saying 200, reads the
// DCS only where somebody asks for the cluster, and refreshes nothing (patroni/__main__.py,
// schedule_next_run; patroni/ha.py, is_leader).
func stepped(t *testing.T) *world {
	w := newWorld(t)
	w.peers = naming("n1")
	for range 12 { // a healthy minute, with loops
		w.leads()
		w.tick()
		w.pass(5 * time.Second)
	}
	w.leads()
	w.wantCode(w.tick(), policy.Code("leader"))
	w.wall = w.wall.Add(-300 * time.Second)
	return w
}

// naming is the peer n2, a replica that takes that member for the leader.
func naming(leader string) []policy.PeerReply {
	word := policy.PatroniReply{Kind: policy.NotLeader, Role: policy.Role("replica"), State: "running", Name: "n2", Timeline: 1}
	return []policy.PeerReply{{Peer: policy.Peer{Name: "n2"}, Reply: word, Names: leader}}
}

// promotedPeer is the same peer, which leads since.
func promotedPeer() []policy.PeerReply {
	return []policy.PeerReply{{Peer: policy.Peer{Name: "n2"}, Reply: policy.PatroniReply{
		Kind: policy.Leader, Role: policy.Role("primary"), State: "running", Name: "n2", Timeline: 2, LastSeen: 1_790_000_100,
	}}}
}

// TestClockStepsBack: whatever moves S, the VIP is not here once the lock has run out and another
// member leads.
func TestClockStepsBack(t *testing.T) {
	for name, c := range map[string]struct{ step, monitor time.Duration }{
		"nobody asks for the cluster":         {-300 * time.Second, time.Hour},
		"a monitor does every 10 s":           {-300 * time.Second, 10 * time.Second},
		"a monitor does every 2 s":            {-300 * time.Second, 2 * time.Second},
		"a monitor does, and no step is seen": {0, 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			w, monitor := stepped(t), c.monitor
			w.wall = w.wall.Add(300*time.Second + c.step)
			const ttl = 30 * time.Second
			locked, asked := w.now.Add(ttl), w.now
			w.onWait = func() {
				if w.now.Sub(asked) >= monitor {
					w.word.LastSeen, asked = w.wall.Unix(), w.now
				}
				if w.now.After(locked) {
					w.peers = promotedPeer()
				}
			}
			for until := w.now.Add(280 * time.Second); w.now.Before(until); {
				next := w.now.Add(2 * time.Second)
				w.tick()
				if w.now.After(locked) {
					w.want(false)
				}
				_ = w.Wait(t.Context(), next.Sub(w.now))
			}
		})
	}
}

// TestClockStepsBackAndTheLockEnds: while only others vouch for the address, it goes when they no
// longer do, and not when a lease that was rolled before ends.
func TestClockStepsBackAndTheLockEnds(t *testing.T) {
	for name, c := range map[string]struct {
		peers bool   // they answer
		dcs   string // who leads by the DCS
	}{
		"the peers see no leader":   {peers: true},
		"the DCS names nobody":      {},
		"the DCS names another one": {dcs: "n3"},
	} {
		t.Run(name, func(t *testing.T) {
			w := stepped(t)
			locked := w.now.Add(30 * time.Second)
			w.onWait = func() {
				if w.now.After(locked) {
					w.peers, w.dcsLeader = nil, c.dcs
				}
				if w.now.After(locked) && c.peers {
					w.peers = naming("")
					w.peers[0].Reply.Unlocked, w.peers[0].Reply.LastSeen = true, w.wall.Unix()
				}
			}
			for w.now.Before(locked.Add(10 * time.Second)) {
				next := w.now.Add(2 * time.Second)
				w.tick()
				w.want(!w.now.After(locked))
				_ = w.Wait(t.Context(), next.Sub(w.now))
			}
		})
	}
}

// TestClockStepsBackAndTheLeaderStays: where Patroni's loops go on, the VIP does too, and what was
// doubted is over when the peers have named this member for longer than a lock lives.
func TestClockStepsBackAndTheLeaderStays(t *testing.T) {
	w := stepped(t)
	for until := w.now.Add(42 * time.Second); w.now.Before(until); { // loop_wait, ttl and 2 s
		next := w.now.Add(2 * time.Second)
		w.leads()
		w.wantCode(w.tick(), policy.Code("leader_unproven"))
		w.want(true)
		w.pass(next.Sub(w.now))
	}
	for range 2 {
		w.pass(2 * time.Second)
		w.leads()
		w.tick()
	}
	w.wantCode(w.tick(), policy.Code("leader"))
}

// TestClockStepsForward: Patroni takes its lock for expired until its next loop, and says 503 for
// as long. The VIP of a running primary stays, also where its only peer is down.
func TestClockStepsForward(t *testing.T) {
	for name, dcs := range map[string]struct {
		leader string
		stays  bool
	}{"the DCS names us": {"n1", true}, "the DCS names another": {"n2", false}, "nobody leads": {"", false}} {
		t.Run(name, func(t *testing.T) {
			w := stepped(t)
			w.wall = w.wall.Add(600 * time.Second)
			w.word.Kind = policy.NotLeader
			w.peers, w.dcsLeader = nil, dcs.leader
			for range 4 {
				w.pass(2 * time.Second)
				w.tick()
				w.want(dcs.stays)
			}
		})
	}
}
