package main

import (
	"net/netip"
	"os"
	"testing"

	"github.com/vipctl/vipctl/config"
	"github.com/vipctl/vipctl/hetzner"
	"github.com/vipctl/vipctl/reconcile"
)

func testRoutes() *routes { return newRoutes(newLogger(os.Stderr)) }

func TestRouteKinds(t *testing.T) {
	vip := func(address string, r *config.Route) config.VIP {
		return config.VIP{Prefix: netip.MustParsePrefix(address), Route: r}
	}
	own := netip.MustParseAddr("198.51.100.1")
	for _, c := range []struct {
		kind string
		vip  config.VIP
		made func(reconcile.Route) bool
	}{
		{"floating_ip", vip("203.0.113.5/32", &config.Route{HetznerCloud: &config.HetznerCloud{}}), is[*hetzner.FloatingIP]},
		{"alias_ip", vip("10.0.1.100/32", &config.Route{HetznerCloud: &config.HetznerCloud{AliasIP: true, Network: "n"}}), is[*hetzner.AliasIP]},
		{"failover_ip", vip("198.51.100.7/32", &config.Route{HetznerRobot: &config.HetznerRobot{User: "u", ServerIP: own}}), is[*hetzner.Failover]},
	} {
		route := testRoutes().of(c.vip)
		if got := c.vip.Route.Kind(); got != c.kind || !c.made(route) {
			t.Errorf("%s: got %s, %T", c.kind, got, route)
		}
	}
	if route := testRoutes().of(vip("192.0.2.10/32", nil)); route != nil {
		t.Errorf("got a route for a VIP without one: %+v", route)
	}
}

func is[T reconcile.Route](r reconcile.Route) bool {
	_, ok := r.(T)
	return ok
}

// The environment is for processes whose user has set it, and so is what it says of secrets.
func TestEnvironmentIsTrusted(t *testing.T) {
	t.Setenv("HCLOUD_TOKEN", "")
	r := testRoutes()
	r.of(config.VIP{Prefix: netip.MustParsePrefix("203.0.113.5/32"), Route: &config.Route{HetznerCloud: &config.HetznerCloud{}}})
	t.Setenv("HCLOUD_TOKEN", "token")
	if err := r.providers[0].ReadSecrets(); err != nil {
		t.Errorf("a process without file capabilities must use the environment's secrets: %v", err)
	}
}
