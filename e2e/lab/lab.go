package lab

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// Options say what lab to bring up. The zero value of each is its default.
type Options struct {
	Binary       string        // vipctl, as `make build` writes it; without it the cluster has no VIP
	Nodes        int           // 3
	Interval     time.Duration // of the timers, 2 s
	TTL          int           // Patroni's, in seconds: 20, the least it takes
	LoopWait     int           // 2
	RetryTimeout int           // 3
	Synchronous  bool          // synchronous_mode
	Archive      bool          // archive_mode, with an archive_command that Configure may change
	StopHook     bool          // Patroni heeds HoldStop
	Clocks       bool          // SetClock works; takes a Binary that is built with the tag labclock
	WallWaits    bool          // Patroni waits by the wall clock, as with Python before 3.11
	EtcdV2       bool          // Patroni uses etcd's API of version 2
	VipctlYAML   string        // more lines for every vipctl.yml
	Hetzner      Product       // whose the VIP is; without it neighbours ask each other for it
	Progress     func(Step)    // told what Up is doing

	// StandIn answers on a node in the place of its Patroni; the lab has no cluster then.
	StandIn func(*Node) http.Handler
}

// Step is one thing that [Up] does or waits for. It is reported twice: as it begins, and with its time when it is done.
type Step struct {
	What string
	Took time.Duration // 0 as it begins
}

// Lab is a running cluster.
type Lab struct {
	ID     string // of this run; part of the name of everything it owns
	Dir    string
	VIP    string // an address
	Nodes  []*Node
	Client *Namespace // where writers run
	Flush  *Namespace // a second client, whose writer forgets its neighbours every second

	// Hetzner moves the VIP where Options.Hetzner says so; nil elsewhere.
	Hetzner *Hetzner

	opts     Options
	prefix   string
	pgBin    string
	postgres *syscall.Credential
	sw       *Namespace
	router   *Namespace // between the clients and the switch; nil where there is none
	standIns []*endpoint
	lock     *os.File
	watch    *watch
	sessions int // writers started so far
	down     sync.Once
}

func (o Options) withDefaults() Options {
	set := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	set(&o.Nodes, 3)
	set(&o.TTL, 20)
	set(&o.LoopWait, 2)
	set(&o.RetryTimeout, 3)
	if o.Interval == 0 {
		o.Interval = 2 * time.Second
	}
	if o.Progress == nil {
		o.Progress = func(Step) {}
	}
	return o
}

// Up brings a lab up: a leader, streaming replicas and, with a binary, the VIP on the leader. When it fails, or ctx
// ends before it is done, nothing is left behind.
func Up(ctx context.Context, opts Options) (*Lab, error) {
	if err := Lacks(); err != nil {
		return nil, err
	}
	l := &Lab{opts: opts.withDefaults(), pgBin: findPostgres()}
	l.VIP = l.opts.Hetzner.address()
	for _, s := range l.steps() {
		if err := l.step(ctx, s.what, s.do); err != nil {
			return nil, errors.Join(fmt.Errorf("%s: %w", s.what, err), l.Down())
		}
	}
	return l, nil
}

type step struct {
	what string
	do   func(context.Context) error
}

func (l *Lab) steps() []step {
	hosts := []step{
		{"sweep up after dead labs, make a folder", func(context.Context) error { return l.makeDir() }},
		{"connect the hosts", func(context.Context) error { return l.connect() }},
	}
	if l.opts.StandIn != nil {
		return append(hosts, step{"something answers as Patroni", l.upStandIns})
	}
	return append(hosts,
		step{"etcd elects a leader", l.upEtcd},
		step{"Patroni bootstraps PostgreSQL on n1", l.upFirst},
		step{"the replicas copy it and stream", l.upRest},
		step{"the leader has the VIP", l.upVIP})
}

func (l *Lab) step(ctx context.Context, what string, do func(context.Context) error) error {
	l.opts.Progress(Step{What: what})
	began := time.Now()
	if err := do(ctx); err != nil {
		return err
	}
	l.opts.Progress(Step{What: what, Took: time.Since(began)})
	return ctx.Err()
}

func (l *Lab) path(name ...string) string { return filepath.Join(append([]string{l.Dir}, name...)...) }
