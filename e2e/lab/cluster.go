package lab

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Cluster is what the nodes' Patronis and PostgreSQLs are together. Its methods ask every node
// until ctx ends.
type Cluster struct {
	nodes []*Node
}

// Leader returns the node that says it leads, or nil when none does. Two that say so are an error.
func (c *Cluster) Leader(ctx context.Context) (leader *Node, err error) {
	for _, n := range c.nodes {
		if m, e := n.REST.Member(ctx); e != nil || !m.Leads {
			continue
		}
		if leader != nil {
			return nil, fmt.Errorf("%s and %s both lead", leader.Name, n.Name)
		}
		leader = n
	}
	return leader, nil
}

// running returns the leader whose PostgreSQL runs.
func (c *Cluster) running(ctx context.Context) (*Node, error) {
	leader, err := c.Leader(ctx)
	if err != nil {
		return nil, err
	}
	if leader == nil {
		return nil, errors.New("nobody leads")
	}
	return leader, leader.REST.leads(ctx)
}

// Switchover asks Patroni to make the node the leader, and returns when the node says that it is.
func (c *Cluster) Switchover(ctx context.Context, to *Node) error {
	from, err := c.Leader(ctx)
	if err != nil {
		return err
	}
	if from == nil || from == to {
		return fmt.Errorf("switch over to %s: it leads already, or nobody does", to.Name)
	}
	if err := from.REST.switchover(ctx, to.Name); err != nil {
		return fmt.Errorf("switch over to %s: %w", to.Name, err)
	}
	return waitFor(ctx, to.Name+" leads", func() error { return to.REST.leads(ctx) })
}

// Elected waits until a node other than the one given leads and takes writes.
func (c *Cluster) Elected(ctx context.Context, not *Node) error {
	return waitFor(ctx, "another node than "+not.Name+" leads", func() error {
		leader, err := c.running(ctx)
		if err == nil && leader == not {
			err = errors.New("nobody does yet")
		}
		return err
	})
}

// Pause pauses the cluster, or resumes it, and returns when every running Patroni knows.
func (c *Cluster) Pause(ctx context.Context, on bool) error {
	var asked bool
	return waitFor(ctx, fmt.Sprintf("pause is %t", on), func() error {
		for _, n := range c.nodes {
			if !n.Patroni.service.running() {
				continue
			}
			if !asked {
				if err := n.REST.configure(ctx, fmt.Sprintf(`{"pause": %t}`, on)); err != nil {
					return err
				}
				asked = true
			}
			if m, err := n.REST.Member(ctx); err != nil || m.Pause != on {
				return fmt.Errorf("%s does not know yet (%v)", n.Name, err)
			}
		}
		return nil
	})
}

// Configure changes the cluster's dynamic configuration, as `patronictl edit-config` does: a JSON
// object that is merged into it. Every Patroni applies it in its next loop.
func (c *Cluster) Configure(ctx context.Context, patch string) error {
	return waitFor(ctx, "somebody takes the configuration", func() (problem error) {
		for _, n := range c.nodes {
			if problem = n.REST.configure(ctx, patch); problem == nil {
				return nil
			}
		}
		return problem
	})
}

// whole says what keeps the cluster from being whole, or returns nil: one leader, and every other
// node streams from it.
func (c *Cluster) whole(ctx context.Context) error {
	leader, err := c.running(ctx)
	if err != nil {
		return err
	}
	for _, n := range c.nodes {
		if n == leader {
			continue
		}
		if err := c.streaming(ctx, leader, n); err != nil {
			return err
		}
	}
	return nil
}

// streaming returns nil when the replica streams from the leader, and else the end of its Patroni's
// log.
func (c *Cluster) streaming(ctx context.Context, leader, replica *Node) error {
	// Patroni names a replica's stream after the node; pg_basebackup's stream has another name.
	const question = "SELECT 1 FROM pg_stat_replication WHERE state = 'streaming' AND application_name = '%s'"
	rows, err := leader.Postgres.Query(ctx, fmt.Sprintf(question, replica.Name))
	if err == nil && len(rows) == 0 {
		err = fmt.Errorf("%s does not stream from %s: %s", replica.Name, leader.Name, replica.logEnd("patroni"))
	}
	return err
}

// mend waits until the cluster is whole. A replica that has not come by itself in half a minute is
// made anew: after a leader that ran on without its lock, Patroni may leave a replica that followed
// it too far. Where the leader's own PostgreSQL does not come up, another node has to lead first.
func (c *Cluster) mend(ctx context.Context) error {
	whole := func() error { return c.whole(ctx) }
	patience, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if waitFor(patience, "the cluster is whole", whole) == nil {
		return nil
	}
	leader, err := c.Leader(ctx)
	if err == nil && leader != nil && stuck(ctx, leader) {
		if err = errors.Join(leader.Crash(), c.Elected(ctx, leader), leader.Start()); err == nil {
			leader, err = c.Leader(ctx)
		}
	}
	if err != nil {
		return err
	}
	for _, n := range c.nodes {
		if leader != nil && n != leader && c.streaming(ctx, leader, n) != nil {
			if err := n.startAnew(); err != nil {
				return err
			}
		}
	}
	if err := waitFor(ctx, "the cluster is whole", whole); err != nil {
		return fmt.Errorf("%w\n%s", err, c.members())
	}
	return nil
}

// stuck reports whether the node leads with a PostgreSQL that does not come up.
func stuck(ctx context.Context, n *Node) bool {
	m, err := n.REST.Member(ctx)
	return err == nil && m.Leads && m.State != "running"
}

// members says what every node's Patroni replies, what its PostgreSQL says of replication, and what
// Patroni logged last.
func (c *Cluster) members() string {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	var b strings.Builder
	for _, n := range c.nodes {
		m, err := n.REST.Member(ctx)
		fmt.Fprintf(&b, "%s: %+v %v\n", n.Name, m, err)
		for _, question := range []string{
			"SELECT 'sender', application_name, client_addr, state, sent_lsn, replay_lsn FROM pg_stat_replication",
			"SELECT 'slot', slot_name, active, active_pid, restart_lsn FROM pg_replication_slots",
			"SELECT 'receiver', status, sender_host, received_tli, flushed_lsn FROM pg_stat_wal_receiver",
		} {
			rows, err := n.Postgres.Query(ctx, question)
			if err != nil {
				rows = [][]string{{err.Error()}}
			}
			for _, row := range rows {
				fmt.Fprintln(&b, strings.Join(row, " "))
			}
		}
		fmt.Fprintln(&b, n.logEnd("patroni"))
	}
	return b.String()
}
