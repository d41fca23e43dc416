package main

import (
	"cmp"
	"os"
	"slices"
	"sync"

	"github.com/urfave/cli/v2"

	"github.com/vipctl/vipctl/config"
	"github.com/vipctl/vipctl/patroni"
	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/state"
	"github.com/vipctl/vipctl/state/history"
	"github.com/vipctl/vipctl/vip"
)

// host is what a configuration comes to: everything a command works with.
type host struct {
	path    string // of the configuration
	config  *config.Config
	patroni *patroni.Client
	notes   *state.Store
	history *history.Log
	engine  *reconcile.Engine
	routes  *routes
	late    []*lateRoute // of each VIP of the configuration, nil where it has no route
	odd     oddities
	budget  *vip.Budget // of the frames that links are sent

	saidAhead        bool       // that patroni.yml is ahead of Patroni: once a process is enough
	saidCertificates bool       // what is wrong with certificates, likewise
	looking          sync.Mutex // locked while somebody looks at what surrounds vipctl
}

// load reads the configuration and applies what it says of the log. It returns the path as well.
func (a *app) load(c *cli.Context) (cfg *config.Config, path string, err error) {
	path = cmp.Or(global(c, "config"), os.Getenv("VIPCTL_CONFIG"), defaultConfig)
	if cfg, err = readConfig(path); err != nil {
		return nil, path, configError{err}
	}
	level := cmp.Or(global(c, "log-level"), cfg.Log.Level)
	return cfg, path, a.setLog(level, cmp.Or(global(c, "log-format"), cfg.Log.Format))
}

// open reads the configuration and wires the engine.
func (a *app) open(c *cli.Context) (*host, error) {
	cfg, path, err := a.load(c)
	if err != nil {
		return nil, err
	}
	h := &host{path: path, config: cfg, patroni: openPatroni(cfg, path)}
	a.warnOfFallback(h)
	if err := h.refuseOwn(); err != nil {
		return nil, err
	}
	h.openState()
	h.budget = vip.NewBudget(hostClock{}.Now, h.notes.Frames())
	h.engine = &reconcile.Engine{
		Patroni: h.patroni, Notes: h.notes, Journal: h.history, Clock: hostClock{},
		Interval: cfg.Interval, Refresh: cfg.Announce.Refresh, Movers: moverNames, Tell: a.tell,
	}
	h.routes = a.newRoutes()
	for _, v := range cfg.VIPs {
		h.wire(v)
	}
	return h, nil
}

// openPatroni makes the client of the local Patroni. What an earlier run kept of patroni.yml is read before the owner of the
// store is known, who stands in patroni.yml: this store is only read.
func openPatroni(cfg *config.Config, path string) *patroni.Client {
	kept := state.OpenStore(state.StoreOptions{Dir: cfg.Paths.Run, Now: hostClock{}.Now})
	return patroni.New(patroni.Options{
		Config: cfg.Patroni.Config, URL: cfg.Patroni.URL, Timeout: cfg.Patroni.Timeout,
		CAFile: cfg.Patroni.CAFile, CertFile: cfg.Patroni.CertFile, KeyFile: cfg.Patroni.KeyFile,
		EnvironmentFile: cfg.Patroni.EnvironmentFile, Scope: cfg.Patroni.Scope, Name: cfg.Patroni.Name,
		Where: func(setting string) (string, int) { return path, lineOf(cfg, setting) },
		Now:   hostClock{}.Now, Kept: kept.PatroniSettings,
	})
}

// openState opens the store and the history. A folder that root has to make must not lock PostgreSQL's user out.
func (h *host) openState() {
	owner, dirs := "", h.config.Paths
	if os.Geteuid() == 0 {
		owner = h.patroni.DataDir()
	}
	h.notes = state.OpenStore(state.StoreOptions{Dir: dirs.Run, Now: hostClock{}.Now, OwnerOf: owner})
	h.history = history.Open(history.Options{
		Dir: dirs.State, Run: dirs.Run, Now: hostClock{}.Now, Keep: h.config.History.Keep, OwnerOf: owner,
	})
}

// wire adds a VIP, with its address and its route, to those of the engine.
func (h *host) wire(v config.VIP) {
	wired := reconcile.VIP{
		Name: v.Name, Address: h.address(v), Follow: reconcile.Follow(v.Follow), Leased: v.Lease, HandOver: v.HandOver,
	}
	late := h.routes.of(v)
	if late != nil { // a nil in the interface would not be nil
		wired.Route = late
	}
	h.late = append(h.late, late)
	h.engine.VIPs = append(h.engine.VIPs, wired)
}

// address is a VIP's on this host's link.
func (h *host) address(v config.VIP) reconcile.Address {
	if r := v.Route; r != nil && r.HetznerCloud != nil && r.HetznerCloud.Static {
		return vip.NewStatic(vip.StaticOptions{Prefix: v.Prefix, Held: h.noted(v), Clock: hostClock{}.Now, Warn: h.odd.add(v.Name)})
	}
	return vip.New(vip.Options{
		Prefix: v.Prefix, Interface: v.Interface, Routed: v.Route != nil, Noted: h.ours(v), Budget: h.budget,
		Clock: hostClock{}.Now, Warn: h.odd.add(v.Name),
	})
}

// routed reports whether any VIP has a route.
func (h *host) routed() bool {
	return slices.ContainsFunc(h.engine.VIPs, func(v reconcile.VIP) bool { return v.Route != nil })
}

// noted returns what says until when a VIP is held by its note. Without a readable note it is not held; whoever leads then
// holds it again, which costs a static address nothing.
func (h *host) noted(v config.VIP) func() (until reconcile.Moment, held bool) {
	return func() (reconcile.Moment, bool) {
		n, err := h.notes.Note(v.Name)
		held := err == nil && n.LeaseEnd != 0
		if held && n.Forever {
			return reconcile.Forever, true
		}
		return n.LeaseEnd, held
	}
}

// ours returns what says whether a claim has put a VIP's address on its link, or a renewal has taken it over. Notes of an
// older vipctl tell only of claims that were finished.
func (h *host) ours(v config.VIP) func() bool {
	return func() bool {
		n, err := h.notes.Note(v.Name)
		return err == nil && (n.Ours || n.Claimed != 0)
	}
}
