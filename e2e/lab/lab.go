package lab

import (
	"context"
	"fmt"
	"sync"
)

// Lab is a running cluster: its nodes, its clients, the network between them, and what writes down
// what happens there.
type Lab struct {
	Dir      string
	VIP      string // an address
	Settings Settings
	Release  Release // of Patroni; Up finds it

	Nodes   []*Node
	Cluster *Cluster
	Clients *Clients
	Switch  *Switch
	Router  *Router  // between the clients and the switch; nil where there is none
	Hetzner *Hetzner // moves the VIP where Options.Hetzner says so; nil elsewhere

	Holders *Holders
	Lock    *LeaderLock
	Wire    *Wire

	opts     Options
	home     home
	standIns []*endpoint
	stop     chan struct{} // closed when nothing is to be written down any more
	down     sync.Once
}

// newLab returns a lab of which nothing is up.
func newLab(opts Options) *Lab {
	opts = opts.withDefaults()
	return &Lab{VIP: opts.Hetzner.address(), Settings: opts.settings(), Lock: new(LeaderLock), opts: opts, stop: make(chan struct{})}
}

// Down takes the lab away, as far as it is up: processes, namespaces, mounts, files. It may be
// called again.
func (l *Lab) Down() (err error) {
	l.down.Do(func() {
		for _, n := range l.Nodes {
			n.Timer.Stop()
		}
		close(l.stop)
		if l.Hetzner != nil {
			l.Hetzner.close()
		}
		for _, e := range l.standIns {
			e.down()
		}
		err = l.home.remove()
	})
	return err
}

// Heal plugs every cable in and forgets every packet filter.
func (l *Lab) Heal() error {
	for _, n := range l.Nodes {
		if err := n.Link.heal(); err != nil {
			return err
		}
	}
	return forgetRules(l.Switch.ns)
}

// Settle puts the lab right after whatever was done to it: everything healed, thawed and started,
// one leader, every other node streaming from it, the VIP on the leader.
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
	if err := l.Cluster.mend(ctx); err != nil {
		return err
	}
	return l.waitForVIP(ctx)
}

func (l *Lab) waitForVIP(ctx context.Context) error {
	return waitFor(ctx, "the VIP is where it belongs", func() error { return l.vipAtLeader(ctx) })
}

// vipAtLeader returns nil when the leader and nobody else has the VIP, or when nobody is there to
// move it.
func (l *Lab) vipAtLeader(ctx context.Context) error {
	if l.opts.Binary == "" {
		return nil
	}
	leader, err := l.Cluster.Leader(ctx)
	if err != nil {
		return err
	}
	holders, err := l.Holders.Now()
	if err != nil {
		return err
	}
	if leader == nil || len(holders) != 1 || holders[0] != leader.Name {
		return fmt.Errorf("the VIP is on %v", holders)
	}
	if l.Hetzner != nil {
		return l.Hetzner.routesTo(leader.Name)
	}
	return nil
}
