package sim

import (
	"errors"
	"hash/fnv"
	"time"

	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/reconcile/policy"
)

// store is a host's /run, and its history.
type store struct {
	n       *node
	vips    map[string]policy.VIPState
	cluster policy.ClusterState
	locks   map[string]heldLock
	full    bool          // /run cannot be written
	slow    time.Duration // what the disk below the history takes more
}

type heldLock struct {
	by    *process
	since time.Duration
}

// heldTooLong is when a lock is that of a stopped process (package state).
const heldTooLong = 2 * time.Second

func newStore(n *node) *store {
	return &store{n: n, vips: map[string]policy.VIPState{}, locks: map[string]heldLock{}}
}

// wipe empties /run. The world is locked.
func (s *store) wipe() {
	s.vips, s.cluster = map[string]policy.VIPState{}, policy.ClusterState{}
}

// unlock gives a lock back that p has. The world is locked.
func (s *store) unlock(name string, p *process) {
	if s.locks[name].by == p {
		delete(s.locks, name)
	}
	delete(p.locks, name)
}

const clusterLock = "cluster"

// kindOf is the kind of call that reads or writes a document of /run.
func kindOf(name string) string {
	if name == clusterLock {
		return callCluster
	}
	return callVIP + " " + name
}

var errNoSpace = errors.New("no space left on device")

// storePort is a process's way to the store.
type storePort struct{ p *process }

var (
	_ reconcile.Store   = storePort{}
	_ reconcile.History = storePort{}
)

// Lock implements [reconcile.Store].
func (s storePort) Lock(vip string, patience time.Duration) (func(), error) {
	limit := s.p.n.w.now() + patience
	for {
		if !s.p.step(kindOf(vip), 20*time.Microsecond, 100*time.Microsecond) {
			return nil, errKilled
		}
		if unlock, ok := s.try(vip); ok {
			return unlock, nil
		}
		if s.p.n.w.now() >= limit {
			return nil, reconcile.ErrBusy
		}
		if s.p.wait(s.p.n.w.ctx, 2*time.Millisecond) != nil {
			return nil, errKilled
		}
	}
}

func (s storePort) try(name string) (unlock func(), ok bool) {
	w, st := s.p.n.w, s.p.n.store
	w.mu.Lock()
	defer w.mu.Unlock()
	held, taken := st.locks[name]
	if taken && w.now()-held.since <= heldTooLong {
		return nil, false
	}
	if taken {
		return func() {}, true
	}
	st.locks[name] = heldLock{s.p, w.now()}
	s.p.locks[name] = true
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		st.unlock(name, s.p)
	}, true
}

// VIPState implements [reconcile.Store].
func (s storePort) VIPState(vip string) (policy.VIPState, error) {
	if !s.p.step(kindOf(vip), 10*time.Microsecond, 80*time.Microsecond) {
		return policy.VIPState{}, errKilled
	}
	s.p.n.w.mu.Lock()
	defer s.p.n.w.mu.Unlock()
	return s.p.n.store.vips[vip], nil
}

// SaveVIPState implements [reconcile.Store].
func (s storePort) SaveVIPState(vip string, n policy.VIPState) error {
	return s.write(kindOf(vip), func(st *store) { st.vips[vip] = n })
}

// ClusterState implements [reconcile.Store].
func (s storePort) ClusterState() (policy.ClusterState, error) {
	if !s.p.step(callCluster, 10*time.Microsecond, 80*time.Microsecond) {
		return policy.ClusterState{}, errKilled
	}
	s.p.n.w.mu.Lock()
	defer s.p.n.w.mu.Unlock()
	return s.p.n.store.cluster, nil
}

// UpdateClusterState implements [reconcile.Store].
func (s storePort) UpdateClusterState(change func(*policy.ClusterState)) error {
	unlock, err := s.Lock(clusterLock, 200*time.Millisecond)
	if err != nil {
		return err
	}
	defer unlock()
	state, err := s.ClusterState()
	if err != nil {
		return err
	}
	change(&state)
	return s.write(callCluster, func(st *store) { st.cluster = state })
}

// write changes /run between two calls at which the process may be killed.
func (s storePort) write(kind string, change func(*store)) error {
	if !s.p.step(kind, 20*time.Microsecond, 200*time.Microsecond) {
		return errKilled
	}
	s.p.n.w.mu.Lock()
	full := s.p.n.store.full
	if !full {
		change(s.p.n.store)
	}
	s.p.n.w.mu.Unlock()
	if !s.p.step(kind, 10*time.Microsecond, 50*time.Microsecond) {
		return errKilled
	}
	if full {
		return errNoSpace
	}
	return nil
}

// LockRoute implements [reconcile.Store].
func (s storePort) LockRoute(vip string) (func(), error) { return s.Lock(vip+"@route", 0) }

// RouteMemo implements [reconcile.Store].
func (s storePort) RouteMemo(string) (reconcile.RouteMemo, error) { return reconcile.RouteMemo{}, nil }

// SaveRouteMemo implements [reconcile.Store].
func (s storePort) SaveRouteMemo(string, reconcile.RouteMemo) error { return nil }

// Append implements [reconcile.History].
func (s storePort) Append(r reconcile.Record) error {
	w := s.p.n.w
	w.mu.Lock()
	s.p.n.tell("%s did %s on %s by %s, %s: %s%s", r.VIP, r.Do, r.Trigger, r.By, r.Code, r.Reason, failed(r.Error))
	w.checks.recorded(s.p.n, r)
	slow := s.p.n.store.slow
	w.mu.Unlock()
	if !s.p.step(callHistory, time.Millisecond+slow, 4*time.Millisecond+slow) {
		return errKilled
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	s.p.wrote++
	return nil
}

func failed(text string) string {
	if text == "" {
		return ""
	}
	return ", failed: " + text
}

func hashOf(s string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(s))
	return h.Sum64()
}
