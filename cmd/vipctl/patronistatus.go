package main

import (
	"context"
	"errors"
	"time"

	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/reconcile/policy"
)

// patroniStatus is the local Patroni's word.
type patroniStatus struct {
	URL         string           `json:"url"`
	Reachable   bool             `json:"reachable"`
	Leader      bool             `json:"leader"`
	LeaderName  *string          `json:"leader_name"`
	Role        policy.Role      `json:"role"`
	State       string           `json:"state"`
	Timeline    int              `json:"timeline"`
	Paused      bool             `json:"paused"`
	Failsafe    bool             `json:"failsafe"`
	DCSLastSeen *reconcile.Stamp `json:"dcs_last_seen"`

	why string // why it is not reachable
}

// patroniStatus is the word as people see it. Where we do not lead, the peers are asked who does.
func (a *app) patroniStatus(h *host, f policy.Facts, peers []policy.Peer) patroniStatus {
	w := f.Reply
	p := patroniStatus{
		Reachable: w.Counts(), Leader: w.Kind == policy.Leader,
		Role: w.Role, State: w.State, Timeline: w.Timeline, Paused: w.Paused, Failsafe: w.Failsafe, why: w.Why,
	}
	p.URL, _ = h.patroni.URL() // an error is in the word as well
	if w.LastSeen != 0 {
		p.DCSLastSeen = &reconcile.Stamp{Time: time.Unix(w.LastSeen, 0)}
	}
	name := h.patroni.Name()
	if !p.Leader {
		name = a.leaderAmong(h, peers)
	}
	if name != "" {
		p.LeaderName = &name
	}
	return p
}

// leaderAmong asks the peers who leads; "" when nobody says so.
func (a *app) leaderAmong(h *host, peers []policy.Peer) string {
	ctx, cancel := context.WithTimeout(a.ctx, 2*time.Second)
	defer cancel()
	return policy.ClusterState{}.Summarize(h.patroni.Poll(ctx, peers), h.patroni.Name(), 0).Name
}

// unreached is the error where Patroni was not reached: patroni.yml does not say where it is, or it does not answer.
func (p patroniStatus) unreached(h *host) error {
	if p.Reachable {
		return nil
	}
	if err := h.patroni.Check(); err != nil {
		return configError{err}
	}
	return unreachableError{errors.New("Patroni unreachable: " + p.why)}
}
