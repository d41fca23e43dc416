package main

import (
	"context"
	"fmt"
	"time"

	"github.com/vipctl/vipctl/e2e/lab"
)

// scene is one thing that happens to the cluster while clients write.
type scene struct {
	title string
	do    func(ctx context.Context, l *lab.Lab, leader *lab.Node) error
}

var scenes = []scene{
	{"A switchover", func(ctx context.Context, l *lab.Lab, leader *lab.Node) error {
		to := other(l, leader)
		fmt.Printf("  %s leads and has the VIP; then what `patronictl switchover --candidate %s` does\n", leader.Name, to.Name)
		return l.Cluster.Switchover(ctx, to)
	}},
	{"A crash of the leader", func(ctx context.Context, l *lab.Lab, leader *lab.Node) error {
		fmt.Printf("  %s leads and has the VIP; then every process on it is killed at once, and nobody starts them again\n", leader.Name)
		if err := leader.Crash(); err != nil {
			return err
		}
		fmt.Println("  waiting until its leader lock has run out and another node leads (ttl is 20 s)")
		return l.Cluster.Elected(ctx, leader)
	}},
}

// play lets clients write while the scene happens, and prints what they saw.
func (s scene) play(ctx context.Context, l *lab.Lab) error {
	fmt.Printf("\n%s, while clients open a new connection and INSERT every 10 ms.\n", s.title)
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	leader, err := l.Cluster.Leader(ctx)
	if err != nil || leader == nil {
		return fmt.Errorf("nobody leads: %w", err)
	}
	w, err := l.Clients.Write(ctx, lab.WriterOptions{})
	if err != nil {
		return err
	}
	err = func() error {
		if err := pause(ctx, 2*time.Second); err != nil {
			return err
		}
		if err := s.do(ctx, l, leader); err != nil {
			return err
		}
		return pause(ctx, 3*time.Second)
	}()
	r, failed := w.Stop()
	if err != nil {
		return err
	}
	if failed != nil {
		return failed
	}
	show(r)
	fmt.Println("  putting the cluster right again")
	if err := l.Settle(ctx); err != nil {
		return err
	}
	lost, err := l.Clients.Lost(ctx, r)
	if err != nil {
		return err
	}
	if len(lost) > 0 {
		fmt.Printf("  %d of %d acknowledged writes are lost\n", len(lost), len(r.Acks))
	} else {
		fmt.Printf("  no acknowledged write is lost (%d writes)\n", len(r.Acks))
	}
	return nil
}

func other(l *lab.Lab, n *lab.Node) *lab.Node {
	for _, o := range l.Nodes {
		if o != n {
			return o
		}
	}
	return nil
}

// pause waits, or returns early with ctx's error.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
