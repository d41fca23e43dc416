package main

import (
	"context"
	"net/http"
	"os"
	"sync"

	"github.com/sirupsen/logrus"

	"github.com/vipctl/vipctl/config"
	"github.com/vipctl/vipctl/hetzner"
	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/trust"
)

// provider is a route that can also be looked at without a change to it.
type provider interface {
	reconcile.Route
	// Check looks at everything that a switch depends on.
	Check(ctx context.Context) []reconcile.Finding
}

// account is a credential and where it is good. Refused logins and calls are counted by account, and so all of its VIPs
// share one client.
type account struct{ endpoint, user, file string }

// routes makes the routes of a configuration. No secret is read, and no client made, before a route is used.
type routes struct {
	access   hetzner.Access           // without an endpoint
	getenv   func(string) string      // nil where the environment is not to be trusted
	metadata func() *hetzner.Metadata // one for all
	clouds   map[account]opener[hetzner.Cloud]
	robots   map[account]opener[hetzner.Robot]
}

// opener makes a client at its first call, and returns the same, or the same error, ever after.
type opener[T any] func() (*T, error)

// newRoutes connects to nothing.
func newRoutes(log *logrus.Logger) *routes {
	r := &routes{
		access: hetzner.Access{UserAgent: "vipctl/" + version, Now: hostClock{}.Now, Trace: func(t hetzner.Attempt) { trace(log, t) }},
		clouds: map[account]opener[hetzner.Cloud]{}, robots: map[account]opener[hetzner.Robot]{},
	}
	if !trust.SecureMode() {
		r.access.Proxy, r.getenv = http.ProxyFromEnvironment, os.Getenv
	}
	r.metadata = sync.OnceValue(func() *hetzner.Metadata { return hetzner.NewMetadata(r.access) })
	return r
}

// of returns a VIP's route, nil where it has none.
func (r *routes) of(v config.VIP) *lateRoute {
	switch {
	case v.Route == nil:
		return nil
	case v.Route.HetznerCloud != nil:
		return &lateRoute{open: r.openCloud(v), now: r.access.Now}
	}
	return &lateRoute{open: r.openRobot(v), now: r.access.Now}
}

func (r *routes) openCloud(v config.VIP) func() (provider, error) {
	c, addr := v.Route.HetznerCloud, v.Prefix.Addr()
	client := r.cloud(c)
	return func() (provider, error) {
		cloud, err := client()
		if err != nil {
			return nil, err
		}
		if c.AliasIP {
			return hetzner.NewAliasIP(cloud, r.metadata(), hetzner.AliasIPOptions{Address: addr, Network: c.Network, Server: c.Server}), nil
		}
		return hetzner.NewFloatingIP(cloud, r.metadata(), hetzner.FloatingIPOptions{Address: addr, FloatingIP: c.FloatingIP, Server: c.Server}), nil
	}
}

func (r *routes) openRobot(v config.VIP) func() (provider, error) {
	c, addr := v.Route.HetznerRobot, v.Prefix.Addr()
	client := r.robot(c)
	return func() (provider, error) {
		robot, err := client()
		if err != nil {
			return nil, err
		}
		return hetzner.NewFailover(robot, hetzner.FailoverOptions{Address: addr, FailoverIP: c.FailoverIP, Server: c.ServerIP})
	}
}

// cloud returns what makes the client of a token.
func (r *routes) cloud(c *config.HetznerCloud) opener[hetzner.Cloud] {
	who := account{endpoint: c.Endpoint, file: c.TokenFile}
	if r.clouds[who] == nil {
		r.clouds[who] = sync.OnceValues(func() (*hetzner.Cloud, error) {
			token, err := r.secret("token of the Cloud API", c.TokenFile, "hcloud.token", "HCLOUD_TOKEN")
			if err != nil {
				return nil, err
			}
			return hetzner.NewCloud(r.at(c.Endpoint), token)
		})
	}
	return r.clouds[who]
}

// robot returns what makes the client of a user of the Robot webservice.
func (r *routes) robot(c *config.HetznerRobot) opener[hetzner.Robot] {
	who := account{endpoint: c.Endpoint, user: c.User, file: c.PasswordFile}
	if r.robots[who] == nil {
		r.robots[who] = sync.OnceValues(func() (*hetzner.Robot, error) {
			password, err := r.secret("password of the Robot webservice", c.PasswordFile, "robot.password", "ROBOT_PASSWORD")
			if err != nil {
				return nil, err
			}
			return hetzner.NewRobot(r.at(c.Endpoint), c.User, password)
		})
	}
	return r.robots[who]
}

func (r *routes) at(endpoint string) hetzner.Access {
	a := r.access
	a.Endpoint = endpoint
	return a
}

// via names the kind of a route; "" for none.
func via(r *config.Route) string {
	switch {
	case r == nil:
		return ""
	case r.HetznerRobot != nil:
		return "failover_ip"
	case r.HetznerCloud.AliasIP:
		return "alias_ip"
	}
	return "floating_ip"
}
