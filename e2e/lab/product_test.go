package lab

import (
	"net/netip"
	"testing"

	"github.com/vipctl/vipctl/config"
	"github.com/vipctl/vipctl/hetzner/hetznertest"
)

// A vipctl.yml of a lab says to vipctl what the lab means by it.
func TestRouteYAML(t *testing.T) {
	for p, check := range map[Product]func(config.Route, *Node) bool{
		FloatingIP: func(r config.Route, n *Node) bool {
			c := r.HetznerCloud
			return c != nil && c.FloatingIP == floatingName && !c.AliasIP && c.TokenFile == secretFile(n.Host) && c.Endpoint == "http://"+apiAddress
		},
		AliasIP: func(r config.Route, n *Node) bool {
			c := r.HetznerCloud
			return c != nil && c.AliasIP && c.Network == networkName && c.TokenFile == secretFile(n.Host) && c.Endpoint == "http://"+apiAddress
		},
		FailoverIP: func(r config.Route, n *Node) bool {
			h := r.HetznerRobot
			return h != nil && h.User == hetznertest.User && h.PasswordFile == secretFile(n.Host) && h.Endpoint == "http://"+apiAddress &&
				h.ServerIP == netip.MustParseAddr(n.Addr)
		},
	} {
		host := &Host{Name: "n1", Addr: "10.77.0.11", Dir: t.TempDir()}
		n := newNode(newLab(Options{Hetzner: p}), host, []*Host{host})
		if err := n.Vipctl.SetPrefix(""); err != nil {
			t.Fatal(err)
		}
		c, err := config.Load(n.path("vipctl.yml"))
		if err != nil {
			t.Errorf("%s: %v", p, err)
			continue
		}
		if v := c.VIPs[0]; v.Route == nil || !check(*v.Route, n) || v.Prefix.Addr().String() != p.address() {
			t.Errorf("%s: got %+v with the route %+v", p, v, v.Route)
		}
	}
}
