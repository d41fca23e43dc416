package main

import (
	"context"
	"net/http"
	"net/netip"
	"os"

	"github.com/sirupsen/logrus"

	"github.com/vipctl/vipctl/config"
	"github.com/vipctl/vipctl/hetzner"
	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/trust"
)

// provider is what a command needs of a provider beside its routes.
type provider interface {
	// ReadSecrets reads the secrets of all routes, and returns what is in the way of that.
	ReadSecrets() error
	// CheckWithoutRoute looks at a VIP that should perhaps have a route, and has none.
	CheckWithoutRoute(ctx context.Context, vip netip.Addr) []reconcile.Finding
}

// routes makes the routes of a configuration.
type routes struct {
	providers []provider
	of        func(v config.VIP) reconcile.Route // nil where the VIP has no route
}

// newRoutes connects to nothing, and reads no secret.
func newRoutes(log *logrus.Logger) *routes {
	h := newHetzner(log)
	return &routes{providers: []provider{h}, of: func(v config.VIP) reconcile.Route { return hetznerRoute(h, v) }}
}

// newHetzner makes what all routes through Hetzner's networks share.
func newHetzner(log *logrus.Logger) *hetzner.Provider {
	o := hetzner.Options{UserAgent: "vipctl/" + version, Now: hostClock{}.Now, Trace: trace(log), Explain: trust.ExplainUnreadable}
	if !trust.SecureMode() {
		o.Proxy, o.Getenv = http.ProxyFromEnvironment, os.Getenv
	}
	return hetzner.New(o)
}

// hetznerRoute is a VIP's route through one of Hetzner's networks.
func hetznerRoute(p *hetzner.Provider, v config.VIP) reconcile.Route {
	switch r := v.Route; {
	case r == nil:
		return nil
	case r.HetznerCloud != nil:
		c := r.HetznerCloud
		return p.CloudRoute(hetzner.CloudOptions{
			Address: v.Prefix.Addr(), Alias: c.AliasIP, FloatingIP: c.FloatingIP, Network: c.Network, Server: c.Server,
			TokenFile: c.TokenFile, Endpoint: c.Endpoint,
		})
	default:
		c := r.HetznerRobot
		return p.RobotRoute(hetzner.RobotOptions{
			FailoverOptions: hetzner.FailoverOptions{Address: v.Prefix.Addr(), FailoverIP: c.FailoverIP, Server: c.ServerIP},
			User:            c.User, PasswordFile: c.PasswordFile, Endpoint: c.Endpoint,
		})
	}
}
