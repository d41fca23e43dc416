package faults_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/vipctl/vipctl/e2e/lab"
)

// cluster is a lab that several tests use, one after the other. It is brought up by the first that asks.
type cluster struct {
	settings string // ttl/loop_wait/retry_timeout
	opts     lab.Options

	mu    sync.Mutex
	lab   *lab.Lab
	err   error
	asked bool
}

// binary builds vipctl once.
var binary = sync.OnceValues(build)

// up is called with the cluster's lock held.
func (c *cluster) up() (*lab.Lab, error) {
	if c.asked {
		return c.lab, c.err
	}
	c.asked = true
	if c.opts.Binary, c.err = binary(); c.err != nil {
		return nil, c.err
	}
	c.opts.Interval = interval
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	c.lab, c.err = lab.Up(ctx, c.opts)
	return c.lab, c.err
}

// down does not wait for a test that has the cluster: it may be called on a signal.
func (c *cluster) down() error {
	if c.lab == nil {
		return nil
	}
	return c.lab.Down()
}

// begin gives the cluster, whole, to the test for a trial of the named fault. The trial's line is printed, and the
// cluster given back, when the test is over.
func (c *cluster) begin(t *testing.T, fault string) *trial {
	t.Helper()
	if err := lab.Lacks(); err != nil {
		t.Skip(err)
	}
	c.mu.Lock()
	t.Cleanup(c.mu.Unlock)
	l, err := c.up()
	if err != nil {
		t.Fatal("bring the lab up:", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	t.Cleanup(cancel)
	tr := &trial{T: t, ctx: ctx, lab: l, Fault: fault, Settings: c.settings}
	tr.settle()
	tr.started = time.Now()
	t.Cleanup(func() {
		tr.Holds = !t.Failed()
		tr.Seconds = int(time.Since(tr.started).Seconds())
		t.Log(tr)
		if t.Failed() || *story {
			tr.story()
		}
		results.add(tr)
	})
	return tr
}

// settle puts the cluster right, so that exactly the leader has the VIP.
func (tr *trial) settle() {
	tr.Helper()
	ctx, cancel := context.WithTimeout(tr.ctx, 2*time.Minute)
	defer cancel()
	if err := tr.lab.Settle(ctx); err != nil {
		tr.Fatal("put the cluster right:", err)
	}
	leader, err := tr.lab.Leader(ctx)
	tr.must(err)
	tr.leader = leader
}
