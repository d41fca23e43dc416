package main

import (
	"fmt"
	"slices"

	"github.com/vipctl/vipctl/config"
	"github.com/vipctl/vipctl/patroni"
	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/reconcile/policy"
	"github.com/vipctl/vipctl/state"
	"github.com/vipctl/vipctl/state/history"
	"github.com/vipctl/vipctl/surroundings"
)

// host is what a configuration comes to: what the commands work with.
type host struct {
	path         string // of the configuration
	config       *config.Config
	patroni      *patroni.Client
	store        *state.Store
	history      *history.Log
	vips         []hostVIP // those of the configuration
	engine       *reconcile.Engine
	surroundings *surroundings.Host

	routes     *routes
	warnings   *warnings
	given      given
	patroniLog *patroniLog
}

// hostVIP is one VIP of the configuration, and what it came to.
type hostVIP struct {
	config.VIP
	address reconcile.Address
	route   reconcile.Route // nil where it has none
}

// forEngine is the VIP as the engine wants it.
func (v hostVIP) forEngine() reconcile.VIP {
	return reconcile.VIP{
		Name: v.Name, Address: v.address, Follow: policy.Follow(v.Follow), Leased: v.Lease, HandOver: v.HandOver, Route: v.route,
	}
}

// routed reports whether any VIP that the engine has got has a route.
func (h *host) routed() bool {
	return slices.ContainsFunc(h.engine.VIPs, func(v reconcile.VIP) bool { return v.Route != nil })
}

// knows refuses the name of a VIP that the configuration does not have.
func (h *host) knows(name string) error {
	var names []string
	for _, v := range h.config.VIPs {
		if name == "" || v.Name == name {
			return nil
		}
		names = append(names, v.Name)
	}
	return usageError{fmt.Errorf("got --vip %q, want one of %q", name, names)}
}
