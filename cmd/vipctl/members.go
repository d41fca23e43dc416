package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/vipctl/vipctl/reconcile/policy"
)

// memberStatus is what one member's Patroni says of itself.
type memberStatus struct {
	Name      string      `json:"name"`
	URL       string      `json:"url"`
	Reachable bool        `json:"reachable"`
	Leader    bool        `json:"leader"`
	Role      policy.Role `json:"role"`
	State     string      `json:"state"`
	Timeline  int         `json:"timeline"`
	Paused    bool        `json:"paused"`
	Reason    string      `json:"reason,omitempty"` // why it is not reachable
}

// members asks every member of the cluster, this one first.
func (a *app) members(h *host, r statusReport) []memberStatus {
	ctx, cancel := context.WithTimeout(a.ctx, 2*time.Second)
	defer cancel()
	p := r.Patroni
	all := []memberStatus{{
		Name: r.Node, URL: p.URL, Reachable: p.Reachable, Leader: p.Leader, Role: p.Role, State: p.State,
		Timeline: p.Timeline, Paused: p.Paused, Reason: p.why,
	}}
	memory, err := h.notes.ClusterState()
	if err != nil {
		a.log.Warnf("continuing without the other members: %v", err)
	}
	for _, w := range h.patroni.Poll(ctx, memory.Peers) {
		all = append(all, memberStatus{
			Name: w.Peer.Name, URL: w.Peer.URL, Reachable: w.Reply.Counts(), Leader: w.Reply.Kind == policy.Leader,
			Role: w.Reply.Role, State: w.Reply.State, Timeline: w.Reply.Timeline, Paused: w.Reply.Paused, Reason: w.Reply.Why,
		})
	}
	return all
}

// writeMembers writes the table of the members, where --all asked for it.
func writeMembers(w io.Writer, members []memberStatus) error {
	if len(members) == 0 {
		return nil
	}
	fmt.Fprintln(w)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "MEMBER\tLEADER\tROLE\tSTATE\tTIMELINE\tREST API")
	for _, m := range members {
		leader, state := "no", m.State
		if m.Leader {
			leader = "yes"
		}
		if !m.Reachable {
			leader, state = "?", m.Reason
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%d\t%s\n", orDash(m.Name), leader, orDash(string(m.Role)), orDash(state), m.Timeline, m.URL)
	}
	return table.Flush()
}
