package main

import (
	"cmp"
	"os"
	"slices"
	"sync"

	"github.com/urfave/cli/v2"

	"github.com/vipctl/vipctl/config"
	"github.com/vipctl/vipctl/patroni"
	"github.com/vipctl/vipctl/patroni/conf"
	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/state"
	"github.com/vipctl/vipctl/vip"
)

// host is what a configuration comes to: everything a command works with.
type host struct {
	path    string // of the configuration
	config  *config.Config
	patroni *patroni.Client
	notes   *state.Notes
	history *state.History
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

// patroniSource says where Patroni's settings come from.
func patroniSource(cfg *config.Config) conf.Source {
	p := cfg.Patroni
	return conf.Source{
		Config: p.Config, EnvironmentFile: p.EnvironmentFile, Scope: p.Scope, Name: p.Name,
		URL: p.URL, CAFile: p.CAFile, CertFile: p.CertFile, KeyFile: p.KeyFile,
	}
}

// openPatroni makes the client of the local Patroni. The endpoint that an earlier run saved is read before the owner of the
// notes is known, who stands in patroni.yml: these notes write nothing.
func openPatroni(cfg *config.Config, path string) *patroni.Client {
	saved := state.OpenNotes(state.NotesOptions{Dir: cfg.Paths.Run, Now: hostClock{}.Now})
	return patroni.New(patroni.Options{
		Source: patroniSource(cfg), Timeout: cfg.Patroni.Timeout,
		Where: func(setting string) (string, int) { return path, lineOf(cfg, setting) },
		Now:   hostClock{}.Now, SavedEndpoint: saved.PatroniSettings,
	})
}

// openState opens the notes and the history. A folder that root has to make must not lock PostgreSQL's user out.
func (h *host) openState() {
	owner, dirs := "", h.config.Paths
	if os.Geteuid() == 0 {
		owner = h.patroni.DataDir()
	}
	h.notes = state.OpenNotes(state.NotesOptions{Dir: dirs.Run, Now: hostClock{}.Now, OwnerOf: owner})
	h.history = state.OpenHistory(state.Options{
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
