package faults_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/vipctl/vipctl/e2e/lab"
)

// cluster is a lab that several tests use, one after the other. It is brought up by the first that
// asks.
type cluster struct {
	settings string // ttl/loop_wait/retry_timeout
	opts     lab.Options

	mu    sync.Mutex
	lab   *lab.Lab
	err   error
	asked bool
}

// binary builds vipctl once, and clockBinary the one whose wall clock can be set.
var (
	binary      = sync.OnceValues(func() (string, error) { return build("") })
	clockBinary = sync.OnceValues(func() (string, error) { return build(",labclock") })
)

// up is called with the cluster's lock held.
func (c *cluster) up() (*lab.Lab, error) {
	if c.asked {
		return c.lab, c.err
	}
	c.asked = true
	program := binary
	if c.opts.Clocks {
		program = clockBinary
	}
	if c.opts.Binary, c.err = program(); c.err != nil {
		return nil, c.err
	}
	c.opts.Interval, c.opts.Patroni = interval, *patroni
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	if c.lab, c.err = lab.Up(ctx, c.opts); c.err == nil {
		raised.add(c.down)
	}
	return c.lab, c.err
}

// raised is what has to be taken away in the end.
var raised remains

type remains struct {
	mu    sync.Mutex
	takes []func() error
}

func (r *remains) add(takeAway func() error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.takes = append(r.takes, takeAway)
}

// down takes away every cluster that was brought up, and every binary.
func (r *remains) down() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	var problems []error
	for _, takeAway := range r.takes {
		problems = append(problems, takeAway())
	}
	return errors.Join(problems...)
}

// down does not wait for a test that has the cluster: it may be called on a signal.
func (c *cluster) down() error { return c.lab.Down() }

// begin gives the cluster, whole, to the test for a trial of the named fault, which the table of
// all figures will have. The trial's line is printed, and the cluster given back, when the test is
// over.
func (c *cluster) begin(t *testing.T, fault string) *trial {
	t.Helper()
	tr := c.take(t, fault, 8*time.Minute) // twice what the longest took
	results.add(tr)
	tr.settle()
	tr.started = time.Now()
	return tr
}

// take is begin with a cluster that is as it is, and a limit for the trial, which no table has.
func (c *cluster) take(t *testing.T, fault string, limit time.Duration) *trial {
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
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	tr := &trial{T: t, ctx: ctx, lab: l, Fault: fault, Settings: c.settings, started: time.Now()}
	t.Cleanup(func() {
		tr.Holds = !t.Failed()
		tr.Seconds = int(time.Since(tr.started).Seconds())
		t.Log(tr)
		if t.Failed() || *story {
			tr.story()
		}
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
	leader, err := tr.lab.Cluster.Leader(ctx)
	tr.must(err)
	tr.leader = leader
}
