package config

import (
	"net/netip"
	"reflect"
	"strings"
	"testing"
)

// routed is a file with one VIP and its route. Lines: the address is line 4, the provider line 7.
func routed(address, route string) string {
	text := "patroni: {config: /etc/p.yml}\nvips:\n  -\n    address: " + address + "\n    interface: eth0\n    route:\n"
	for line := range strings.Lines(route) {
		text += "      " + line
	}
	return text + "\n"
}

func TestRoutes(t *testing.T) {
	cloud := func(c HetznerCloud) Route { return Route{HetznerCloud: &c} }
	robot := func(r HetznerRobot) Route { return Route{HetznerRobot: &r} }
	addr := netip.MustParseAddr
	for _, c := range []struct {
		address, route string
		want           Route
	}{
		{"203.0.113.5", "hetzner_cloud: {token_file: /etc/vipctl/hcloud.token}",
			cloud(HetznerCloud{FloatingIP: "203.0.113.5", TokenFile: "/etc/vipctl/hcloud.token"})},
		{"203.0.113.5", "hetzner_cloud:", cloud(HetznerCloud{FloatingIP: "203.0.113.5"})},
		{"203.0.113.5/24", "hetzner_cloud: {floating_ip: 203.0.113.5}", cloud(HetznerCloud{FloatingIP: "203.0.113.5"})},
		{"203.0.113.5", "hetzner_cloud: {floating_ip: 4711, server: 42, address: static}",
			cloud(HetznerCloud{FloatingIP: "4711", Server: 42, Static: true})},
		{"2001:db8::10", "hetzner_cloud: {floating_ip: '2001:db8::/64', address: managed}",
			cloud(HetznerCloud{FloatingIP: "2001:db8::/64"})},
		{"2001:db8::10", "hetzner_cloud: {floating_ip: '2001:db8::1'}", cloud(HetznerCloud{FloatingIP: "2001:db8::1"})},
		{"203.0.113.5", "hetzner_cloud: {floating_ip: the VIP, alias_ip: false}", cloud(HetznerCloud{FloatingIP: "the VIP"})},
		{"203.0.113.5", "hetzner_cloud: {endpoint: 'https://api.example.com/v1/'}",
			cloud(HetznerCloud{FloatingIP: "203.0.113.5", Endpoint: "https://api.example.com/v1"})},
		{"203.0.113.5", "hetzner_cloud: {endpoint: 'http://localhost:8080'}",
			cloud(HetznerCloud{FloatingIP: "203.0.113.5", Endpoint: "http://localhost:8080"})},
		{"10.0.1.100", "hetzner_cloud: {alias_ip: true, network: pg-net}", cloud(HetznerCloud{AliasIP: true, Network: "pg-net"})},
		{"10.0.1.100", "hetzner_cloud: {alias_ip: true, network: 4711, address: managed}", cloud(HetznerCloud{AliasIP: true, Network: "4711"})},
		{"198.51.100.7", "hetzner_robot: {user: '#ws+A', password_file: /p/../robot, server_ip: 192.0.2.1}",
			robot(HetznerRobot{User: "#ws+A", PasswordFile: "/robot", ServerIP: addr("192.0.2.1"), FailoverIP: addr("198.51.100.7")})},
		{"198.51.100.7", "hetzner_robot: {user: u, server_ip: 192.0.2.1, failover_ip: 198.51.100.0, endpoint: 'http://[::1]:80'}",
			robot(HetznerRobot{User: "u", ServerIP: addr("192.0.2.1"), FailoverIP: addr("198.51.100.0"), Endpoint: "http://[::1]:80"})},
		{"2001:db8:fff1::10", "hetzner_robot: {user: u, server_ip: '2001:db8:1:1::1'}",
			robot(HetznerRobot{User: "u", ServerIP: addr("2001:db8:1:1::1"), FailoverIP: addr("2001:db8:fff1::")})},
	} {
		got := load(t, routed(c.address, c.route)).VIPs[0].Route
		if got == nil || !reflect.DeepEqual(*got, c.want) {
			t.Errorf("%s, %s: got %+v, want %+v", c.address, c.route, got, c.want)
		}
	}
}
