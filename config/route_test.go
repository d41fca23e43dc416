package config

import (
	"fmt"
	"net/netip"
	"reflect"
	"slices"
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

// TestRoutesRefused puts one wrong thing into a right file.
func TestRoutesRefused(t *testing.T) {
	const cloudKeys = "want one of alias_ip, floating_ip, network, server, token_file, endpoint, address"
	const robotKeys = "want one of user, password_file, server_ip, failover_ip, endpoint"
	cloud := func(text string) string { return routed("203.0.113.5", "hetzner_cloud: {"+text+"}") }
	cloud6 := func(text string) string { return routed("2001:db8::10", "hetzner_cloud: {"+text+"}") }
	robot := func(text string) string { return routed("198.51.100.7", "hetzner_robot: {"+text+"}") }
	robot6 := func(text string) string { return routed("2001:db8:fff1::10", "hetzner_robot: {"+text+"}") }
	route := func(text string) string {
		return "patroni: {config: /etc/p.yml}\nvips:\n- address: 203.0.113.5\n  interface: eth0\n  route:" + text + "\n"
	}
	for _, c := range []struct{ text, want string }{
		// which provider
		{route(""), "5: vips[0].route: got nothing, want one of hetzner_cloud, hetzner_robot (without a route, leave it out)"},
		{route(" {}"), "5: vips[0].route: got nothing, want one of hetzner_cloud, hetzner_robot (without a route, leave it out)"},
		{route(" hetzner_cloud"), "5: vips[0].route: got hetzner_cloud, want the settings hetzner_cloud, hetzner_robot"},
		{route(" [hetzner_cloud]"), "5: vips[0].route: got a list, want the settings hetzner_cloud, hetzner_robot"},
		{route(" &r {hetzner_cloud: {}}"), "5: vips[0].route: got the anchor &r, want plain YAML (write the value itself)"},
		{route(" {aws: {}}"), "5: vips[0].route.aws: got an unknown setting, want one of hetzner_cloud, hetzner_robot"},
		{route(" {hetzner-cloud: {}}"), "5: vips[0].route.hetzner-cloud: got an unknown setting, want one of hetzner_cloud, hetzner_robot (did you mean hetzner_cloud?)"},
		{route(" {hetzner_cloud: {}, hetzner_robot: {user: u, server_ip: 192.0.2.1}}"), "5: vips[0].route: got two providers, want one of hetzner_cloud, hetzner_robot"},
		{route(" {floating_ip: 4711}"), "5: vips[0].route.floating_ip: got an unknown setting, want one of hetzner_cloud, hetzner_robot (it belongs under hetzner_cloud)"},
		{route(" {hetzner_cloud: pg-vip}"), "5: vips[0].route.hetzner_cloud: got pg-vip, want the settings alias_ip, floating_ip, network, server, token_file, endpoint, address"},
		{strings.Replace(route(" {hetzner_cloud: {}}"), "  route: {hetzner_cloud: {}}", "  hetzner_cloud: {}", 1), "5: vips[0].hetzner_cloud: got an unknown setting, want one of address, interface, name, follow, lease, handover, route (it belongs under route)"},
		{minimal + "route: {hetzner_cloud: {}}\n", "7: route: got an unknown setting, want one of patroni, vips, interval, announce, paths, history, log (it belongs under vips)"},
		{minimal + "password_file: /p\n", "7: password_file: got an unknown setting, want one of patroni, vips, interval, announce, paths, history, log"}, // of what?
		// floating IPs
		{cloud("floatingip: pg-vip"), "7: vips[0].route.hetzner_cloud.floatingip: got an unknown setting, " + cloudKeys + " (did you mean floating_ip?)"},
		{cloud("user: u"), "7: vips[0].route.hetzner_cloud.user: got an unknown setting, " + cloudKeys + " (it belongs under hetzner_robot)"},
		{cloud("floating_ip: "), "7: vips[0].route.hetzner_cloud.floating_ip: got nothing, want the floating IP's id, name or address"},
		{cloud("floating_ip: ' pg-vip'"), `7: vips[0].route.hetzner_cloud.floating_ip: got " pg-vip", want the floating IP's id, name or address`},
		{cloud(`floating_ip: "pg\tvip"`), `7: vips[0].route.hetzner_cloud.floating_ip: got "pg\tvip", want the floating IP's id, name or address`},
		{cloud("floating_ip: 0"), "7: vips[0].route.hetzner_cloud.floating_ip: got 0, want the floating IP's id, name or address (an id is above 0)"},
		{cloud("floating_ip: -5"), "7: vips[0].route.hetzner_cloud.floating_ip: got -5, want the floating IP's id, name or address (an id is above 0)"},
		{cloud("floating_ip: 203.0.113.6"), "7: vips[0].route.hetzner_cloud.floating_ip: got 203.0.113.6, want the floating IP of 203.0.113.5 (leave it out, and it is that)"},
		{cloud("floating_ip: 203.0.113.0/24"), "7: vips[0].route.hetzner_cloud.floating_ip: got 203.0.113.0/24, want the floating IP of 203.0.113.5 (leave it out, and it is that)"},
		{cloud("floating_ip: '2001:db8::'"), "7: vips[0].route.hetzner_cloud.floating_ip: got 2001:db8::, want the floating IP of 203.0.113.5 (leave it out, and it is that)"},
		{cloud("floating_ip: '::ffff:203.0.113.5'"), "7: vips[0].route.hetzner_cloud.floating_ip: got ::ffff:203.0.113.5, want the floating IP of 203.0.113.5 (leave it out, and it is that)"},
		{cloud6("floating_ip: '2001:db8:0:1::/64'"), "7: vips[0].route.hetzner_cloud.floating_ip: got 2001:db8:0:1::/64, want the floating IP of 2001:db8::10 (leave it out, and it is that)"},
		{cloud6("floating_ip: '2001:db8::/48'"), "7: vips[0].route.hetzner_cloud.floating_ip: got 2001:db8::/48, want the floating IP of 2001:db8::10 (leave it out, and it is that)"},
		{cloud6("floating_ip: 203.0.113.5"), "7: vips[0].route.hetzner_cloud.floating_ip: got 203.0.113.5, want the floating IP of 2001:db8::10 (leave it out, and it is that)"},
		{cloud("network: pg-net"), "7: vips[0].route.hetzner_cloud.network: got a network without an alias IP, want alias_ip: true with it (a floating IP is in no network)"},
		{cloud("network: pg-net, alias_ip: false"), "7: vips[0].route.hetzner_cloud.network: got a network without an alias IP, want alias_ip: true with it (a floating IP is in no network)"},
		{cloud("network: pg-net, alias_pi: true"), "7: vips[0].route.hetzner_cloud.alias_pi: got an unknown setting, " + cloudKeys + " (did you mean alias_ip?)"},
		{cloud("server: pg1"), "7: vips[0].route.hetzner_cloud.server: got pg1, want this server's id, a whole number above 0 (leave it out to ask the metadata service)"},
		{cloud("server: 0"), "7: vips[0].route.hetzner_cloud.server: got 0, want this server's id, a whole number above 0 (leave it out to ask the metadata service)"},
		{cloud("server: 9223372036854775808"), "7: vips[0].route.hetzner_cloud.server: got 9223372036854775808, want this server's id, a whole number above 0 (leave it out to ask the metadata service)"},
		{cloud("address: dynamic"), "7: vips[0].route.hetzner_cloud.address: got dynamic, want one of managed, static"},
		{cloud("address: statc"), "7: vips[0].route.hetzner_cloud.address: got statc, want one of managed, static (did you mean static?)"},
		// alias IPs
		{cloud("alias_ip: true"), "7: vips[0].route.hetzner_cloud.network: got nothing, want the private network of the alias IP (its id or name)"},
		{cloud("alias_ip: yes, network: 1"), "7: vips[0].route.hetzner_cloud.alias_ip: got yes, want one of true, false (write true)"},
		{cloud("alias_ip: 10.0.1.100, network: 1"), "7: vips[0].route.hetzner_cloud.alias_ip: got 10.0.1.100, want one of true, false"},
		{cloud("alias_ip: true, netwrok: 1"), "7: vips[0].route.hetzner_cloud.netwrok: got an unknown setting, " + cloudKeys + " (did you mean network?)"},
		{cloud("alias_ip: true, network: 0"), "7: vips[0].route.hetzner_cloud.network: got 0, want the network's id or name (an id is above 0)"},
		{cloud("alias_ip: true, network: [1]"), "7: vips[0].route.hetzner_cloud.network: got a list, want the network's id or name"},
		{cloud("alias_ip: true, network: 1, floating_ip: 2"), "7: vips[0].route.hetzner_cloud.floating_ip: got a floating IP beside an alias IP, want one of the two"},
		{cloud("alias_ip: true, network: 1, address: static"), "7: vips[0].route.hetzner_cloud.address: got static with an alias IP, want managed with it (static is for floating IPs)"},
		{cloud6("alias_ip: true, network: 1"), "7: vips[0].route.hetzner_cloud.alias_ip: got an alias IP for 2001:db8::10, want a floating IP for an IPv6 address (Hetzner's private networks have no IPv6)"},
		// failover IPs
		{robot(""), "7: vips[0].route.hetzner_robot.user: got nothing, want the webservice user (in quotes, since it begins with a #)\n" +
			"vipctl.yml:7: vips[0].route.hetzner_robot.server_ip: got nothing, want this server's main address (it differs from node to node)"},
		{robot("server_ip: 192.0.2.1"), "7: vips[0].route.hetzner_robot.user: got nothing, want the webservice user (in quotes, since it begins with a #)"},
		{robot("user: u"), "7: vips[0].route.hetzner_robot.server_ip: got nothing, want this server's main address (it differs from node to node)"},
		{routed("198.51.100.7", "hetzner_robot:\n  user: #ws+Abcdefgh\n  server_ip: 192.0.2.1"), `8: vips[0].route.hetzner_robot.user: got nothing, want the webservice user in quotes, such as "#ws+Abcdefgh"`},
		{robot("user: u, server_ip: 192.0.2.1, password: p"), "7: vips[0].route.hetzner_robot.password: got an unknown setting, " + robotKeys + " (did you mean password_file?)"},
		{robot("user: u, server_ip: 192.0.2.1, token_file: /t"), "7: vips[0].route.hetzner_robot.token_file: got an unknown setting, " + robotKeys + " (it belongs under hetzner_cloud)"},
		{robot("user: u, server_ip: pg1"), "7: vips[0].route.hetzner_robot.server_ip: got pg1, want an IP address of the VIP's family"},
		{robot("user: u, server_ip: 127.0.0.1"), "7: vips[0].route.hetzner_robot.server_ip: got 127.0.0.1, want an IP address of the VIP's family (this is a loopback address)"},
		{robot("user: u, server_ip: '2001:db8::1'"), "7: vips[0].route.hetzner_robot.server_ip: got 2001:db8::1, want an IP address of the VIP's family (the VIP is 198.51.100.7)"},
		{robot("user: u, server_ip: '::ffff:192.0.2.1'"), "7: vips[0].route.hetzner_robot.server_ip: got ::ffff:192.0.2.1, want an IP address of the VIP's family (write 192.0.2.1)"},
		{robot("user: u, server_ip: 198.51.100.7"), "7: vips[0].route.hetzner_robot.server_ip: got the address that moves, want this server's main address (it differs from node to node)"},
		{robot("user: u, server_ip: 198.51.100.0, failover_ip: 198.51.100.0"), "7: vips[0].route.hetzner_robot.server_ip: got the address that moves, want this server's main address (it differs from node to node)"},
		{robot("user: u, server_ip: 192.0.2.1, failover_ip: 198.51.100.0/29"), "7: vips[0].route.hetzner_robot.failover_ip: got 198.51.100.0/29, want an IP address of the VIP's family (write 198.51.100.0)"},
		{robot("user: u, server_ip: 192.0.2.1, failover_ip: "), "7: vips[0].route.hetzner_robot.failover_ip: got nothing, want an IP address of the VIP's family"},
		{robot6("user: u, server_ip: 192.0.2.1"), "7: vips[0].route.hetzner_robot.server_ip: got 192.0.2.1, want an IP address of the VIP's family (the VIP is 2001:db8:fff1::10)"},
		{robot6("user: u, server_ip: '2001:db8:fff1::1'"), "7: vips[0].route.hetzner_robot.server_ip: got the address that moves, want this server's main address (it differs from node to node)"},
		{robot6("user: u, server_ip: 'fe80::1%eth0'"), "7: vips[0].route.hetzner_robot.server_ip: got fe80::1%eth0, want an IP address of the VIP's family (without a zone)"},
		{robot6("user: u, server_ip: '2001:db8::1', failover_ip: 198.51.100.7"), "7: vips[0].route.hetzner_robot.failover_ip: got 198.51.100.7, want an IP address of the VIP's family (the VIP is 2001:db8:fff1::10)"},
		// endpoints
		{cloud("endpoint: api.hetzner.cloud"), "7: vips[0].route.hetzner_cloud.endpoint: got api.hetzner.cloud, want a URL such as https://api.example.com/v1 (it begins with https://)"},
		{cloud("endpoint: 'http://api.example.com/v1'"), "7: vips[0].route.hetzner_cloud.endpoint: got http://api.example.com/v1, want a URL such as https://api.example.com/v1 (http only on a loopback address: the secret would be readable)"},
		{cloud("endpoint: 'http://10.0.0.1'"), "7: vips[0].route.hetzner_cloud.endpoint: got http://10.0.0.1, want a URL such as https://api.example.com/v1 (http only on a loopback address: the secret would be readable)"},
		{cloud("endpoint: 'https://'"), "7: vips[0].route.hetzner_cloud.endpoint: got https://, want a URL such as https://api.example.com/v1 (it has no host)"},
		{cloud("endpoint: 'https://x:0'"), "7: vips[0].route.hetzner_cloud.endpoint: got https://x:0, want a URL such as https://api.example.com/v1 (its port is not one)"},
		{cloud("endpoint: 'https://x y'"), "7: vips[0].route.hetzner_cloud.endpoint: got https://x y, want a URL such as https://api.example.com/v1"},
		{robot("user: u, server_ip: 192.0.2.1, endpoint: 'ftp://127.0.0.1'"), "7: vips[0].route.hetzner_robot.endpoint: got ftp://127.0.0.1, want a URL such as https://api.example.com/v1 (it begins with https://)"},
	} {
		if got := problems(t, c.text); got != "vipctl.yml:"+c.want {
			t.Errorf("%s\ngot  %s\nwant vipctl.yml:%s", c.text, got, c.want)
		}
	}
}

// TestNoSecretIsShown: what stands where a path, a user or a URL belongs may be a secret.
func TestNoSecretIsShown(t *testing.T) {
	const cloud, robot = "7: vips[0].route.hetzner_cloud.", "7: vips[0].route.hetzner_robot."
	const url, user = "want a URL such as https://api.example.com/v1", "{user: u, server_ip: 192.0.2.1, "
	for _, c := range []struct{ route, want string }{
		{"hetzner_cloud: {token_file: geheim}", cloud + "token_file: got something else, want an absolute path of a file with the token"},
		{"hetzner_cloud: {token_file: ~/geheim}", cloud + "token_file: got something else, want an absolute path of a file with the token (~ is not expanded)"},
		{"hetzner_cloud: {token_file: [geheim]}", cloud + "token_file: got a list, want an absolute path of a file with the token"},
		{"hetzner_robot: " + user + "password_file: geheim}", robot + "password_file: got something else, want an absolute path of a file with the password"},
		{"hetzner_robot: {user: 'u:geheim', server_ip: 192.0.2.1}", robot + `user: got a user with a colon in it, want the webservice user in quotes, such as "#ws+Abcdefgh" (the password belongs into password_file)`},
		{"hetzner_robot: " + user + "endpoint: 'https://u:geheim@x'}", robot + "endpoint: got a URL with a user in it, " + url + " (the secret has a file of its own)"},
		{"hetzner_cloud: {endpoint: 'https://x/?token=geheim'}", cloud + "endpoint: got a URL with a query or a fragment, " + url + " (without anything behind the path)"},
		{"hetzner_cloud: {endpoint: 'https://x/#geheim'}", cloud + "endpoint: got a URL with a query or a fragment, " + url + " (without anything behind the path)"},
	} {
		got := problems(t, routed("198.51.100.7", c.route))
		if got != "vipctl.yml:"+c.want || strings.Contains(got, "geheim") {
			t.Errorf("%s\ngot  %s\nwant vipctl.yml:%s", c.route, got, c.want)
		}
	}
}

// TestRouteOfABadAddress: what can only be held against the VIP is not, where the VIP itself is wrong.
func TestRouteOfABadAddress(t *testing.T) {
	const want = "vipctl.yml:4: vips[0].address: got 203.0.113, want an IP address such as 192.0.2.10 or 192.0.2.10/24"
	for _, route := range []string{
		"hetzner_cloud:",
		"hetzner_cloud: {floating_ip: '2001:db8::1'}",
		"hetzner_cloud: {alias_ip: true, network: 1}",
		"hetzner_robot: {user: u, server_ip: '2001:db8::1'}",
		"hetzner_robot: {user: u, server_ip: '2001:db8::1', failover_ip: 198.51.100.7}",
	} {
		if got := problems(t, routed("203.0.113", route)); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", route, got, want)
		}
	}
}

func TestEveryProblemOfARouteAtOnce(t *testing.T) {
	_, err := parse("vipctl.yml", []byte(`patroni: {config: /etc/p.yml}
vips:
  - address: 2001:db8::10
    interface: eth0
    route:
      hetzner_cloud:
        alias_ip: true
        floating_ip: 4711
        server: fsn1
        adress: static
      hetzner_robot:
        user: u
        server_ip: 192.0.2.1
`))
	var got []string
	problems, _ := err.(Problems)
	for _, p := range problems {
		got = append(got, fmt.Sprintf("%d:%d %s", p.Line, p.Column, strings.TrimPrefix(p.Setting, "vips[0].")))
	}
	want := []string{
		"6:7 route", "7:9 route.hetzner_cloud.network", "7:19 route.hetzner_cloud.alias_ip", "8:22 route.hetzner_cloud.floating_ip",
		"9:17 route.hetzner_cloud.server", "10:9 route.hetzner_cloud.adress", "13:20 route.hetzner_robot.server_ip",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
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
vips[2].route.hetzner_robot.user = #ws+A # vipctl.yml:17
vips[2].route.hetzner_robot.password_file =  # default
vips[2].route.hetzner_robot.server_ip = 2001:db8:1:: # vipctl.yml:18
vips[2].route.hetzner_robot.failover_ip = 2001:db8:fff1:: # default
vips[2].route.hetzner_robot.endpoint =  # default
`
	if got.String() != want {
		t.Errorf("got:\n%s\nwant:\n%s", got.String(), want)
	}
}
