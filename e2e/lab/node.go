package lab

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Node is one host of the cluster with its programs. Its own methods are what happens to all of it
// at once; what happens to one part is that part's. They must not be called concurrently.
type Node struct {
	*Host
	Link      *Link
	Addresses *Addresses
	Clock     *Clock
	Etcd      *Etcd
	Postgres  *Postgres
	Patroni   *Patroni
	REST      *REST
	Vipctl    *Vipctl
	Timer     *Timer
}

// newNode makes a node of one of all the hosts of a lab. It is not furnished, and nothing on it runs.
func newNode(l *Lab, host *Host, all []*Host) *Node {
	o := l.opts
	n := &Node{
		Host: host,
		Link: &Link{host: host, sw: l.Switch, all: all}, Addresses: &Addresses{host: host, vip: o.Hetzner.address()},
		Etcd:     &Etcd{host: host, members: all, dir: l.home.path("mem", host.Name, "etcd"), v2: o.EtcdV2},
		Postgres: &Postgres{host: host, bin: findPostgres(), data: host.path("data", "pg")},
		REST:     &REST{host: host, loopWait: o.LoopWait},
		Vipctl: &Vipctl{
			host: host, program: host.path("bin", "vipctl"), address: o.Hetzner.address(), interval: o.Interval,
			route: o.Hetzner.routeYAML(host), more: o.VipctlYAML,
		},
	}
	n.Clock = &Clock{file: n.Vipctl.program + ".clock"}
	n.Timer = &Timer{host: host, interval: o.Interval}
	n.Patroni = &Patroni{host: host, members: all, opts: o, release: l.Release, bin: n.Postgres.bin, clock: n.Clock}
	if o.Binary != "" {
		n.Timer.argv = n.Vipctl.command("reconcile")
		n.Patroni.call = n.Vipctl.command("callback")
	}
	return n
}

// furnish makes the node's folders and configuration. What postgres must not change is root's.
func (n *Node) furnish(h *home, p Product) error {
	for _, dir := range []string{n.path("data"), n.path("state"), h.path("mem", n.Name)} {
		if err := h.postgresDir(dir); err != nil {
			return err
		}
	}
	if err := os.Mkdir(n.path("run"), 0o755); err != nil {
		return err
	}
	if err := h.tmpfs(n.path("run"), "16m"); err != nil {
		return err
	}
	return errors.Join(n.Patroni.writeYAML(), n.Vipctl.SetPrefix(""), p.writeSecret(n.Host))
}

// Start starts what does not run on the node: its etcd, its Patroni, its timer.
func (n *Node) Start() error {
	if err := n.Etcd.Start(); err != nil {
		return err
	}
	if err := n.Patroni.Start(); err != nil {
		return err
	}
	n.Timer.Start()
	return nil
}

// Crash kills every process of the node at once. Its kernel lives on, with the VIP, and so does its
// timer.
func (n *Node) Crash() (err error) {
	n.Timer.quietly(func() { err = n.NS.kill(n.Timer.owns) })
	return err
}

// PowerOff ends the node as a power failure does: its processes, its timer, its address, its /run.
func (n *Node) PowerOff() error {
	if err := n.Link.Pull(); err != nil {
		return err
	}
	n.Timer.Stop()
	if err := n.NS.kill(nobody); err != nil {
		return err
	}
	if err := n.Addresses.DeleteVIP(); err != nil {
		return err
	}
	return n.Vipctl.WipeRun()
}

// Freeze stops every process of the node, not its timer and not its kernel: that goes on answering
// ARP, and accepts connections for programs that will never serve them.
func (n *Node) Freeze() {
	n.Timer.quietly(func() { n.NS.signalAll(unix.SIGSTOP, n.Timer.owns) })
}

// FreezeAll stops the node's timer too.
func (n *Node) FreezeAll() {
	n.Timer.Stop()
	n.NS.signalAll(unix.SIGSTOP, nobody)
}

// Thaw lets every process of the node go on.
func (n *Node) Thaw() { n.NS.signalAll(unix.SIGCONT, nobody) }

// startAnew starts the node without its PostgreSQL's files, so that Patroni copies the leader's, in
// whatever state it is.
func (n *Node) startAnew() error {
	if err := errors.Join(n.Crash(), os.RemoveAll(n.Postgres.data), n.Start()); err != nil {
		return fmt.Errorf("start %s anew: %w", n.Name, err)
	}
	return nil
}
