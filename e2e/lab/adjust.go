package lab

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"time"
)

// Configure changes the cluster's dynamic configuration, as `patronictl edit-config` does: a JSON object that is merged
// into it. Every Patroni applies it in its next loop.
func (l *Lab) Configure(ctx context.Context, patch string) error {
	return l.waitFor(ctx, "somebody takes the configuration", func() (problem error) {
		for _, n := range l.Nodes {
			code, answer, err := n.http(ctx, http.MethodPatch, 8008, "/config", patch)
			switch {
			case err == nil && code == http.StatusOK:
				return nil
			case err == nil:
				err = fmt.Errorf("configure the cluster: %d %s", code, answer)
			}
			problem = err
		}
		return problem
	})
}

// Wake has the node's Patroni run its next loop now, as every change of the dynamic configuration that is asked of it does. It is
// asked for what it has.
func (n *Node) Wake(ctx context.Context) error {
	patch := fmt.Sprintf(`{"loop_wait": %d}`, n.lab.opts.LoopWait)
	code, answer, err := n.http(ctx, http.MethodPatch, 8008, "/config", patch)
	if err == nil && code != http.StatusOK {
		err = fmt.Errorf("wake Patroni on %s: %d %s", n.Name, code, answer)
	}
	return err
}

// Restart restarts the node's PostgreSQL, as `patronictl restart` does, and returns when it runs again.
func (n *Node) Restart(ctx context.Context) error { return n.order(ctx, "/restart") }

// Reload makes the node's Patroni read its configuration again, as `patronictl reload` does.
func (n *Node) Reload(ctx context.Context) error { return n.order(ctx, "/reload") }

// StopPostgres stops the node's PostgreSQL by hand, past its Patroni, and returns when it is down.
func (n *Node) StopPostgres() error { return n.pgCtl("stop", "-m", "fast") }

// StartPostgres starts it by hand, with what Patroni has written into postgresql.conf, and returns when it runs.
func (n *Node) StartPostgres() error { return n.pgCtl("start", "-l", "/dev/null") }

func (n *Node) pgCtl(args ...string) error {
	var out strings.Builder
	argv := append([]string{filepath.Join(n.lab.pgBin, "pg_ctl"), "-w", "-D", n.path("data", "pg")}, args...)
	if err := children.run(n.NS, n.command(&out, argv...)); err != nil {
		return fmt.Errorf("pg_ctl %s on %s: %w: %s", args[0], n.Name, err, strings.TrimSpace(out.String()))
	}
	return nil
}

func (n *Node) order(ctx context.Context, path string) error {
	code, answer, err := n.http(ctx, http.MethodPost, 8008, path, "{}")
	if err == nil && code >= 300 {
		err = fmt.Errorf("%s on %s: %d %s", path, n.Name, code, answer)
	}
	return err
}

// Failover tells the cluster that the node shall lead, as `patronictl failover` does, and returns when it does, or Patroni has given
// it up. Where the lock is still another's, the node takes it as soon as that has ended.
func (n *Node) Failover(ctx context.Context) error {
	body := fmt.Sprintf(`{"candidate": %q}`, n.Name)
	code, answer, err := n.http(ctx, http.MethodPost, 8008, "/failover", body)
	if err == nil && code >= 300 {
		err = fmt.Errorf("fail over to %s: %d %s", n.Name, code, answer)
	}
	return err
}

// Failsafe reports whether the node's Patroni knows of the failsafe mode and of every member that it asks then.
func (n *Node) Failsafe(ctx context.Context) (bool, error) {
	code, _, err := n.http(ctx, http.MethodGet, 8008, "/failsafe", "")
	return code == http.StatusOK, err
}

// Query runs a statement on the node's own PostgreSQL, from the node itself, and returns its rows.
func (n *Node) Query(ctx context.Context, sql string) ([][]string, error) { return n.query(ctx, sql) }

// Settings are what a lab's Patroni was given.
type Settings struct{ TTL, LoopWait, RetryTimeout time.Duration }

// Settings returns the cluster's.
func (l *Lab) Settings() Settings {
	o := l.opts
	return Settings{
		TTL: time.Duration(o.TTL) * time.Second, LoopWait: time.Duration(o.LoopWait) * time.Second,
		RetryTimeout: time.Duration(o.RetryTimeout) * time.Second,
	}
}
