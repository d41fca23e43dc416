package main

import (
	"cmp"
	"os"

	"github.com/urfave/cli/v2"

	"github.com/vipctl/vipctl/config"
	"github.com/vipctl/vipctl/patroni"
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
	odd     oddities
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
	h := &host{
		path:   path,
		config: cfg,
		patroni: patroni.New(patroni.Options{
			Config: cfg.Patroni.Config, URL: cfg.Patroni.URL, Timeout: cfg.Patroni.Timeout,
			CAFile: cfg.Patroni.CAFile, CertFile: cfg.Patroni.CertFile, KeyFile: cfg.Patroni.KeyFile,
			EnvironmentFile: cfg.Patroni.EnvironmentFile,
		}),
	}
	owner := ""
	if os.Geteuid() == 0 { // a folder that root has to make must not lock PostgreSQL's user out
		owner = h.patroni.DataDir()
	}
	h.notes = state.OpenNotes(state.NotesOptions{Dir: cfg.Paths.Run, OwnerOf: owner})
	h.history = state.OpenHistory(state.Options{Dir: cfg.Paths.State, Run: cfg.Paths.Run, Keep: cfg.History.Keep, OwnerOf: owner})
	h.engine = &reconcile.Engine{
		Patroni: h.patroni, Notes: h.notes, Journal: h.history, Clock: hostClock{},
		Interval: cfg.Interval, Refresh: cfg.Announce.Refresh, Tell: a.tell,
	}
	for _, v := range cfg.VIPs {
		h.engine.VIPs = append(h.engine.VIPs, reconcile.VIP{
			Name:    v.Name,
			Address: vip.New(vip.Options{Prefix: v.Prefix, Interface: v.Interface, Clock: hostClock{}.Now, Warn: h.odd.add(v.Name)}),
			Follow:  reconcile.Follow(v.Follow), Leased: v.Lease, HandOver: v.HandOver,
		})
	}
	return h, nil
}
