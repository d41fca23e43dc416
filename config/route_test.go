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

func TestSettingsOfRoutes(t *testing.T) {
	text := routed("2001:db8::10", "hetzner_cloud:\n  token_file: /t/../hcloud.token\n  address: static") +
		"  - address: 10.0.1.100\n    interface: eth1\n    route: {hetzner_cloud: {alias_ip: true, network: pg-net, server: 42}}\n" +
		"  - address: 2001:db8:fff1::10\n    interface: eth0\n    route:\n      hetzner_robot:\n        user: '#ws+A'\n        server_ip: '2001:DB8:1::'\n"
	var got strings.Builder
	for _, s := range load(t, text).Settings() {
		if strings.Contains(s.Name, ".route") {
			got.WriteString(s.Name + " = " + s.Value + " # " + s.Source + "\n")
		}
	}
	const want = `vips[0].route.hetzner_cloud.alias_ip = false # default
vips[0].route.hetzner_cloud.floating_ip = 2001:db8::10 # default
vips[0].route.hetzner_cloud.network =  # default
vips[0].route.hetzner_cloud.server =  # default
vips[0].route.hetzner_cloud.token_file = /hcloud.token # vipctl.yml:8
vips[0].route.hetzner_cloud.endpoint =  # default
vips[0].route.hetzner_cloud.address = static # vipctl.yml:9
vips[1].route.hetzner_cloud.alias_ip = true # vipctl.yml:12
vips[1].route.hetzner_cloud.floating_ip =  # default
vips[1].route.hetzner_cloud.network = pg-net # vipctl.yml:12
vips[1].route.hetzner_cloud.server = 42 # vipctl.yml:12
vips[1].route.hetzner_cloud.token_file =  # default
vips[1].route.hetzner_cloud.endpoint =  # default
vips[1].route.hetzner_cloud.address = managed # default
vips[2].route.hetzner_robot.user = "#ws+A" # vipctl.yml:17
vips[2].route.hetzner_robot.password_file =  # default
vips[2].route.hetzner_robot.server_ip = 2001:db8:1:: # vipctl.yml:18
vips[2].route.hetzner_robot.failover_ip = 2001:db8:fff1:: # default
vips[2].route.hetzner_robot.endpoint =  # default
`
	if got.String() != want {
		t.Errorf("got:\n%s\nwant:\n%s", got.String(), want)
	}
}
