package hetzner

import (
	"bytes"
	"context"
	"sync"
	"time"

	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/reconcile/policy"
)

// proofAge is how long one check that this member leads counts. It is half of EvidenceAge, because
// the caller's own proof may have used up the other half before the Take began.
const proofAge = policy.EvidenceAge / 2

// guard stands before every mutating attempt of one Take. Its methods may be called concurrently:
// the last check is made by the HTTP transport.
type guard struct {
	stillLeader func(context.Context) bool // nil: an operator's call, which needs no leader
	now         func() policy.Moment

	mu    sync.Mutex
	proof policy.Moment // when this member was last known to lead
	first policy.Moment // of the first mutating attempt; 0 before
	lost  bool
}

func newGuard(stillLeader func(context.Context) bool, now func() policy.Moment) *guard {
	return &guard{stillLeader: stillLeader, now: now, proof: now()}
}

// attempt is called before each mutating attempt.
func (g *guard) attempt(ctx context.Context) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if again := !g.first.IsZero(); again {
		return g.check(ctx)
	}
	g.first = g.now()
	return g.refresh(ctx)
}

// leaving is called when the attempt's bytes are about to leave: a connection may have taken
// seconds to come about.
func (g *guard) leaving(ctx context.Context) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.refresh(ctx)
}

// took is how long the switch has taken since its first mutating attempt; false where there was
// none.
func (g *guard) took() (time.Duration, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.now().Sub(g.first), !g.first.IsZero()
}

func (g *guard) isLost() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.lost
}

func (g *guard) refresh(ctx context.Context) error {
	if g.now().Sub(g.proof) <= proofAge && !g.lost {
		return nil
	}
	return g.check(ctx)
}

// check asks whether this member leads. The proof is as old as the question, not as its answer.
func (g *guard) check(ctx context.Context) error {
	at := g.now()
	if g.lost || g.stillLeader != nil && !g.stillLeader(ctx) {
		g.lost = true
		return reconcile.ErrNoLongerLeader
	}
	g.proof = at
	return nil
}

// guarded is a request's body that asks the guard when it is first read: HTTP/1 has written nothing
// to the connection by then.
type guarded struct {
	*bytes.Reader
	leave func() error
	asked bool
}

func (g *guarded) Read(p []byte) (int, error) {
	if !g.asked {
		if err := g.leave(); err != nil {
			return 0, err
		}
		g.asked = true
	}
	return g.Reader.Read(p)
}
