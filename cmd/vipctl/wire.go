package main

import (
	"cmp"
	"os"

	"github.com/urfave/cli/v2"

	"github.com/vipctl/vipctl/config"
	"github.com/vipctl/vipctl/patroni"
	"github.com/vipctl/vipctl/patroni/conf"
	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/reconcile/policy"
	"github.com/vipctl/vipctl/state"
	"github.com/vipctl/vipctl/state/history"
	"github.com/vipctl/vipctl/status"
	"github.com/vipctl/vipctl/surroundings"
	"github.com/vipctl/vipctl/vip"
)

// load reads the configuration and applies what it says of the log. It returns the path as well.
func load(in *invocation, c *cli.Context) (cfg *config.Config, path string, err error) {
	path = cmp.Or(global(c, "config"), os.Getenv("VIPCTL_CONFIG"), defaultConfig)
	if cfg, err = readConfig(path); err != nil {
		return nil, path, configError{err}
	}
	level := cmp.Or(global(c, "log-level"), cfg.Log.Level)
	return cfg, path, setLog(in.log, level, cmp.Or(global(c, "log-format"), cfg.Log.Format))
}

// open reads the configuration, and wires what it comes to.
func open(in *invocation, c *cli.Context) (*host, error) {
	cfg, path, err := load(in, c)
	if err != nil {
		return nil, err
	}
	h := &host{path: path, config: cfg, patroni: openPatroni(cfg, path), warnings: &warnings{}}
	h.patroniLog = &patroniLog{log: in.log, client: h.patroni}
	h.patroniLog.fallback()
	if err := refuseOwn(h); err != nil {
		return nil, err
	}
	openState(h)
	wireVIPs(h, newRoutes(in.log))
	h.engine = newEngine(h, tell(in.log))
	h.surroundings = newSurroundings(h)
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

// openPatroni makes the client of the local Patroni. The endpoint that an earlier run saved is read
// before the owner of the store is known, who stands in patroni.yml: this store is only read.
func openPatroni(cfg *config.Config, path string) *patroni.Client {
	saved := state.OpenStore(state.StoreOptions{Dir: cfg.Paths.Run, Now: hostClock{}.Now})
	return patroni.New(patroni.Options{
		Source: patroniSource(cfg), Timeout: cfg.Patroni.Timeout,
		Where: func(setting string) (string, int) { return path, lineOf(cfg, setting) },
		Now:   hostClock{}.Now, SavedEndpoint: saved.PatroniSettings,
	})
}

// openState opens the store and the history. A folder that root has to make must not lock
// PostgreSQL's user out.
func openState(h *host) {
	owner, dirs := "", h.config.Paths
	if os.Geteuid() == 0 {
		owner = h.patroni.DataDir()
	}
	h.store = state.OpenStore(state.StoreOptions{Dir: dirs.Run, Now: hostClock{}.Now, OwnerOf: owner})
	h.history = history.Open(history.Options{
		Dir: dirs.State, Run: dirs.Run, Now: hostClock{}.Now, Keep: h.config.History.Keep, OwnerOf: owner,
	})
	h.given = given{h.store}
}

// wireVIPs gives each VIP of the configuration its address and its route.
func wireVIPs(h *host, routes *routes) {
	h.routes = routes
	budget := vip.NewBudget(hostClock{}.Now, h.store.Frames()) // of the frames that links are sent
	for _, v := range h.config.VIPs {
		h.vips = append(h.vips, hostVIP{VIP: v, address: addressOf(h, v, budget), route: routes.of(v)})
	}
}

// newEngine is the engine of all VIPs.
func newEngine(h *host, tell func(reconcile.Record)) *reconcile.Engine {
	e := &reconcile.Engine{
		Ports: reconcile.Ports{
			Patroni: h.patroni, Store: h.store, History: h.history, Clock: hostClock{},
			Interval: h.config.Interval, Refresh: h.config.Announce.Refresh, Movers: surroundings.MoverNames, Tell: tell,
		},
	}
	for _, v := range h.vips {
		e.VIPs = append(e.VIPs, v.forEngine())
	}
	return e
}

// newSurroundings is the host as package surroundings looks at it.
func newSurroundings(h *host) *surroundings.Host {
	s := &surroundings.Host{
		Patroni: h.patroni, Source: patroniSource(h.config), Notes: h.store, Now: hostClock{}.Now,
		Interval: h.config.Interval, Overdue: status.MissedTicks * h.config.Interval,
	}
	for _, v := range h.vips {
		s.VIPs = append(s.VIPs, surroundings.VIP{Name: v.Name, Addr: v.Prefix.Addr(), Address: v.address, Leased: v.Lease})
	}
	return s
}

// addressOf is a VIP's address on this host's link.
func addressOf(h *host, v config.VIP, budget *vip.Budget) reconcile.Address {
	if v.Route.Static() {
		return vip.NewStatic(vip.StaticOptions{Prefix: v.Prefix, Held: vouchedFor(h, v), Clock: hostClock{}.Now, Warn: h.warnings.of(v.Name)})
	}
	return vip.New(vip.Options{
		Prefix: v.Prefix, Interface: v.Interface, Routed: v.Route != nil, Noted: ours(h, v), Budget: budget,
		Clock: hostClock{}.Now, Warn: h.warnings.of(v.Name),
	})
}

// vouchedFor returns what says until when the VIP state vouches for a VIP. Where the state cannot be
// read, nothing does; whoever leads then claims it again, which costs a static address nothing.
func vouchedFor(h *host, v config.VIP) func() (until policy.Moment, held bool) {
	return func() (policy.Moment, bool) {
		n, err := h.store.VIPState(v.Name)
		held := err == nil && !n.LeaseEnd.IsZero()
		if held && n.Forever {
			return policy.Forever, true
		}
		return n.LeaseEnd, held
	}
}

// ours returns what says whether a claim has put a VIP's address on its link, or a renewal has
// taken it over.
func ours(h *host, v config.VIP) func() bool {
	return func() bool {
		n, err := h.store.VIPState(v.Name)
		return err == nil && n.Ours
	}
}
