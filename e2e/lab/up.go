package lab

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Up brings a lab up: a leader, streaming replicas and, with a binary, the VIP on the leader. When
// it fails, or ctx ends before it is done, nothing is left behind.
func Up(ctx context.Context, opts Options) (*Lab, error) {
	if err := Lacks(); err != nil {
		return nil, err
	}
	l := newLab(opts)
	var err error
	if l.Release, err = FindPatroni(opts.Patroni); err != nil {
		return nil, err
	}
	for _, s := range l.steps() {
		if err := s.take(ctx, l.opts.Progress); err != nil {
			return nil, errors.Join(fmt.Errorf("%s: %w", s.what, err), l.Down())
		}
	}
	return l, nil
}

// step is one thing to do on the way up.
type step struct {
	what string
	do   func(context.Context) error
}

func (s step) take(ctx context.Context, progress func(Step)) error {
	progress(Step{What: s.what})
	began := time.Now()
	if err := s.do(ctx); err != nil {
		return err
	}
	progress(Step{What: s.what, Took: time.Since(began)})
	return ctx.Err()
}

func (l *Lab) steps() []step {
	hosts := []step{
		{"sweep up after dead labs, make a folder", l.makeHome},
		{"connect the hosts", l.connect},
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

func (l *Lab) makeHome(context.Context) error {
	err := l.home.make()
	l.Dir = l.home.dir
	if err != nil {
		return err
	}
	return l.Release.copyTo(l.home.path("patroni"))
}

// connect makes the switch, the nodes, the clients, and what writes down what happens between them.
func (l *Lab) connect(context.Context) error {
	ns, err := newNamespace(l.home.prefix + "sw")
	if err != nil {
		return err
	}
	if l.Switch, err = newSwitch(ns, l.home.prefix); err != nil {
		return err
	}
	hosts, err := l.connectNodes()
	if err != nil {
		return err
	}
	plain, flushing, err := l.connectClients(hosts)
	if err != nil {
		return err
	}
	if l.Holders, err = watchHolders(l.VIP, hosts, l.stop); err != nil {
		return err
	}
	if l.Wire, err = watchWire(plain, l.VIP, hosts, l.stop); err != nil {
		return err
	}
	l.Clients = &Clients{Plain: plain, Flushing: flushing, vip: l.VIP, cluster: l.Cluster, holders: l.Holders, wire: l.Wire}
	return nil
}

func (l *Lab) connectNodes() (hosts []*Host, err error) {
	for i := range l.opts.Nodes {
		name := fmt.Sprintf("n%d", i+1)
		hosts = append(hosts, &Host{Name: name, Addr: fmt.Sprintf(inside, 11+i), Dir: l.home.path(name), postgres: l.home.postgres})
	}
	for _, host := range hosts {
		l.Nodes = append(l.Nodes, newNode(l, host, hosts))
	}
	l.Cluster = &Cluster{nodes: l.Nodes}
	for _, n := range l.Nodes {
		if n.NS, err = l.Switch.plug(n.Name, n.Addr); err != nil {
			return nil, err
		}
		if err := n.furnish(&l.home, l.opts.Hetzner); err != nil {
			return nil, err
		}
	}
	return hosts, nil
}

// connectClients joins the clients to the nodes' switch. Where the VIP is Hetzner's, it joins them
// to a router, and makes the provider that tells the router where the VIP is.
func (l *Lab) connectClients(hosts []*Host) (plain, flushing *Namespace, err error) {
	if l.opts.Hetzner == "" {
		return plugClients(l.Switch, inside)
	}
	if l.Router, err = newRouter(l.Switch, l.VIP, hosts); err != nil {
		return nil, nil, err
	}
	if plain, flushing, err = plugClients(l.Router.outside, outside); err != nil {
		return nil, nil, err
	}
	if err := l.Router.serve(plain, flushing); err != nil {
		return nil, nil, err
	}
	l.Hetzner, err = newHetzner(l.opts.Hetzner, l.Router, hosts)
	return plain, flushing, err
}

// install gives every node its vipctl. All have one file, each by a name of its own.
func (l *Lab) install() error {
	if l.opts.Binary == "" {
		return nil
	}
	installed := l.home.path("bin", "vipctl")
	if err := installVipctl(l.opts.Binary, installed, l.home.postgres.Gid); err != nil {
		return err
	}
	for _, n := range l.Nodes {
		if err := n.Vipctl.link(installed); err != nil {
			return err
		}
		if l.opts.Clocks {
			if err := n.Clock.Set(0); err != nil {
				return err
			}
		}
	}
	return nil
}

// upStandIns makes nodes on which a handler of [Options.StandIn] answers in Patroni's place: there
// is no etcd, no PostgreSQL and nobody who calls back, but a postmaster.pid of a server that runs.
// What vipctl does is all its timers' work.
func (l *Lab) upStandIns(context.Context) error {
	if err := l.install(); err != nil {
		return err
	}
	for _, n := range l.Nodes {
		e := &endpoint{ns: n.NS, address: "0.0.0.0:8008", handler: l.opts.StandIn(n.Name, l.Release)}
		if err := l.home.postgresDir(n.Postgres.data); err != nil {
			return err
		}
		if err := errors.Join(n.Postgres.pretend(), e.up()); err != nil {
			return err
		}
		l.standIns = append(l.standIns, e)
		n.Timer.Start()
	}
	return nil
}

func (l *Lab) upEtcd(ctx context.Context) error {
	var hosts []*Host
	for _, n := range l.Nodes {
		if err := n.Etcd.Start(); err != nil {
			return err
		}
		hosts = append(hosts, n.Host)
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	err := waitFor(ctx, "etcd is healthy", func() error {
		var problems []error
		for _, n := range l.Nodes {
			problems = append(problems, n.Etcd.ready(ctx))
		}
		return errors.Join(problems...)
	})
	l.Lock.watch(hosts, l.opts.EtcdV2, l.stop)
	return err
}

func (l *Lab) upFirst(ctx context.Context) error {
	if err := l.install(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 90*time.Second)
	defer cancel()
	first := l.Nodes[0]
	if err := first.Patroni.Start(); err != nil {
		return err
	}
	first.Timer.Start()
	return waitFor(ctx, first.Name+" leads", func() error { return first.REST.leads(ctx) })
}

func (l *Lab) upRest(ctx context.Context) error {
	for _, n := range l.Nodes[1:] {
		if err := n.Patroni.Start(); err != nil {
			return err
		}
		n.Timer.Start()
	}
	ctx, cancel := context.WithTimeout(ctx, 90*time.Second)
	defer cancel()
	return waitFor(ctx, "the replicas stream", func() error { return l.Cluster.whole(ctx) })
}

func (l *Lab) upVIP(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	return l.waitForVIP(ctx)
}
