package hetzner_test

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/reconcile/policy"
)

// What the processes of a host leave to each other.

func load[T any](p *process, name string) (v T, err error) {
	var bad error
	err = p.do(func() {
		if data, there := p.files[name]; there {
			bad = json.Unmarshal(data, &v)
		}
	})
	return v, errors.Join(err, bad)
}

func save(p *process, name string, v any) error {
	data, err := json.Marshal(v)
	return errors.Join(err, p.do(func() { p.files[name] = data }))
}

func (p *process) VIPState(vip string) (policy.VIPState, error)     { return load[policy.VIPState](p, vip) }
func (p *process) SaveVIPState(vip string, n policy.VIPState) error { return save(p, vip, n) }
func (p *process) ClusterState() (policy.ClusterState, error) {
	return load[policy.ClusterState](p, "patroni")
}

func (p *process) RouteMemo(vip string) (reconcile.RouteMemo, error) {
	return load[reconcile.RouteMemo](p, vip+"@route")
}

func (p *process) SaveRouteMemo(vip string, m reconcile.RouteMemo) error {
	return save(p, vip+"@route", m)
}

func (p *process) UpdateClusterState(change func(*policy.ClusterState)) error {
	unlock, err := p.Lock("patroni", 200*time.Millisecond)
	if err != nil {
		return err
	}
	defer unlock()
	m, err := p.ClusterState()
	if err != nil {
		return err
	}
	change(&m)
	return save(p, "patroni", m)
}

func (p *process) Lock(vip string, patience time.Duration) (unlock func(), err error) {
	return p.lock(vip, patience, 2*time.Second)
}

func (p *process) LockRoute(vip string) (func(), error) {
	return p.lock(vip+"@route", 0, reconcile.RouteLockAge)
}

// lock takes a lock, or passes over one that has been held for longer than tooLong.
func (p *process) lock(name string, patience, tooLong time.Duration) (unlock func(), err error) {
	for until := p.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		var got, pass bool
		err := p.do(func() {
			had := p.locks[name]
			got, pass = had.by == nil, p.Now().Sub(had.since) > tooLong
			if got {
				p.locks[name] = lock{p, p.Now()}
			}
		})
		switch {
		case err != nil:
			return nil, err
		case got:
			return func() { p.unlock(name) }, nil
		case pass:
			return func() {}, nil
		case !p.Now().Before(until):
			return nil, reconcile.ErrBusy
		}
	}
}

func (p *process) unlock(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.locks[name].by == p {
		delete(p.locks, name)
	}
}
