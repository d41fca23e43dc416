package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
)

// waitFor asks until ready returns nil, and otherwise says what it was still waiting for when ctx ended.
func (l *Lab) waitFor(ctx context.Context, what string, ready func() error) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	var last error
	for {
		err := ready()
		if err == nil {
			return nil
		}
		if ctx.Err() == nil {
			last = err // later ones only say that ctx has ended
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait until %s: %w: %v", what, ctx.Err(), last)
		case <-tick.C:
		}
	}
}

func (l *Lab) upEtcd(ctx context.Context) error {
	for _, n := range l.Nodes {
		if err := n.startEtcd(); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	err := l.waitFor(ctx, "etcd is healthy", func() error {
		var problems []error
		for _, n := range l.Nodes {
			problems = append(problems, n.etcdReady(ctx))
		}
		return errors.Join(problems...)
	})
	l.watchLock()
	return err
}

func (l *Lab) upFirst(ctx context.Context) error {
	if err := l.installVipctl(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 90*time.Second)
	defer cancel()
	if err := l.Nodes[0].StartPatroni(); err != nil {
		return err
	}
	l.Nodes[0].StartTimer()
	return l.waitFor(ctx, "n1 leads", func() error { return l.Nodes[0].leads(ctx) })
}

func (l *Lab) upRest(ctx context.Context) error {
	for _, n := range l.Nodes[1:] {
		if err := n.StartPatroni(); err != nil {
			return err
		}
		n.StartTimer()
	}
	ctx, cancel := context.WithTimeout(ctx, 90*time.Second)
	defer cancel()
	return l.waitFor(ctx, "the replicas stream", func() error { return l.whole(ctx) })
}

func (l *Lab) upVIP(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	return l.waitFor(ctx, "the VIP is where it belongs", func() error { return l.vipAtLeader(ctx) })
}

// Settle puts the lab right after whatever was done to it: everything healed, thawed and started, one leader, every
// other node streaming from it, the VIP on the leader.
func (l *Lab) Settle(ctx context.Context) error {
	if err := l.Heal(); err != nil {
		return err
	}
	for _, n := range l.Nodes {
		n.Thaw()
		if err := n.Start(); err != nil {
			return err
		}
	}
	if err := l.mend(ctx); err != nil {
		return err
	}
	return l.waitFor(ctx, "the VIP is where it belongs", func() error { return l.vipAtLeader(ctx) })
}

// mend waits until the cluster is whole. A replica that has not come by itself in half a minute is made anew: after a
// leader that ran on without its lock, Patroni may leave one that followed it too far. Where that one leads, it would be
// waited for for ever: another has to succeed it first.
func (l *Lab) mend(ctx context.Context) error {
	whole := func() error { return l.whole(ctx) }
	patience, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if l.waitFor(patience, "the cluster is whole", whole) == nil {
		return nil
	}
	leader, err := l.Leader(ctx)
	if err == nil && leader != nil && leader.stuck(ctx) {
		if err = errors.Join(leader.Crash(), l.Elected(ctx, leader), leader.Start()); err == nil {
			leader, err = l.Leader(ctx)
		}
	}
	if err != nil {
		return err
	}
	for _, n := range l.Nodes {
		if leader != nil && n != leader && l.streaming(ctx, leader, n) != nil {
			if err := n.anew(); err != nil {
				return err
			}
		}
	}
	if err := l.waitFor(ctx, "the cluster is whole", whole); err != nil {
		return fmt.Errorf("%w\n%s", err, l.members())
	}
	return nil
}

// anew starts the node without its PostgreSQL's files, so that Patroni copies the leader's, in whatever state it is.
func (n *Node) anew() error {
	return errors.Join(n.Crash(), os.RemoveAll(n.path("data", "pg")), n.Start())
}

// members says what every node's Patroni answers, what its PostgreSQL says of replication, and Patroni's last words.
func (l *Lab) members() string {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	var b strings.Builder
	for _, n := range l.Nodes {
		m, err := n.Member(ctx)
		fmt.Fprintf(&b, "%s: %+v %v\n", n.Name, m, err)
		for _, question := range []string{
			"SELECT 'sender', application_name, client_addr, state, sent_lsn, replay_lsn FROM pg_stat_replication",
			"SELECT 'slot', slot_name, active, active_pid, restart_lsn FROM pg_replication_slots",
			"SELECT 'receiver', status, sender_host, received_tli, flushed_lsn FROM pg_stat_wal_receiver",
		} {
			rows, err := n.query(ctx, question)
			if err != nil {
				rows = [][]string{{err.Error()}}
			}
			for _, row := range rows {
				fmt.Fprintln(&b, strings.Join(row, " "))
			}
		}
		fmt.Fprintln(&b, n.lastWords("patroni"))
	}
	return b.String()
}

// stuck reports whether the node leads with a PostgreSQL that does not come up.
func (n *Node) stuck(ctx context.Context) bool {
	m, err := n.Member(ctx)
	return err == nil && m.Leads && m.State != "running"
}

// Elected waits until a node other than the one given leads and takes writes.
func (l *Lab) Elected(ctx context.Context, not *Node) error {
	return l.waitFor(ctx, "another node than "+not.Name+" leads", func() error {
		leader, err := l.Leader(ctx)
		if err != nil {
			return err
		}
		if leader == nil || leader == not {
			return errors.New("nobody does yet")
		}
		return leader.leads(ctx)
	})
}

// whole says what keeps the cluster from being whole, or returns nil.
func (l *Lab) whole(ctx context.Context) error {
	leader, err := l.Leader(ctx)
	if err != nil {
		return err
	}
	if leader == nil {
		return errors.New("nobody leads")
	}
	if err := leader.leads(ctx); err != nil {
		return err
	}
	for _, n := range l.Nodes {
		if n == leader {
			continue
		}
		if err := l.streaming(ctx, leader, n); err != nil {
			return err
		}
	}
	return nil
}

// streaming returns nil when the replica streams from the leader, and else the last that its Patroni said.
func (l *Lab) streaming(ctx context.Context, leader, replica *Node) error {
	// Patroni names a replica's stream after the node; pg_basebackup's stream has another name.
	const question = "SELECT 1 FROM pg_stat_replication WHERE state = 'streaming' AND application_name = '%s'"
	rows, err := leader.query(ctx, fmt.Sprintf(question, replica.Name))
	if err == nil && len(rows) == 0 {
		err = fmt.Errorf("%s does not stream from %s: %s", replica.Name, leader.Name, replica.lastWords("patroni"))
	}
	return err
}

// vipAtLeader returns nil when the leader and nobody else has the VIP, or when nobody is there to move it.
func (l *Lab) vipAtLeader(ctx context.Context) error {
	if l.opts.Binary == "" {
		return nil
	}
	leader, err := l.Leader(ctx)
	if err != nil {
		return err
	}
	holders, err := l.Holders()
	if err != nil {
		return err
	}
	if leader == nil || len(holders) != 1 || holders[0] != leader.Name {
		return fmt.Errorf("the VIP is on %v", holders)
	}
	if l.Hetzner != nil {
		return l.Hetzner.routesTo(leader)
	}
	return nil
}
