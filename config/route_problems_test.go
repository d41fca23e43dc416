package config

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestProvidersRefused(t *testing.T) {
	const providers = "want one of hetzner_cloud, hetzner_robot"
	top := "want one of " + list(keysOf(""))
	route := func(text string) string {
		return "patroni: {config: /etc/p.yml}\nvips:\n- address: 203.0.113.5\n  interface: eth0\n  route:" + text + "\n"
	}
	for _, c := range []struct{ text, want string }{
		{route(""), "5: vips[0].route: got nothing, " + providers + " (without a route, leave it out)"},
		{route(" {}"), "5: vips[0].route: got nothing, " + providers + " (without a route, leave it out)"},
		{route(" hetzner_cloud"), "5: vips[0].route: got hetzner_cloud, want the settings hetzner_cloud, hetzner_robot"},
		{route(" [hetzner_cloud]"), "5: vips[0].route: got a list, want the settings hetzner_cloud, hetzner_robot"},
		{route(" &r {hetzner_cloud: {}}"), "5: vips[0].route: got the anchor &r, want plain YAML (write the value itself)"},
		{route(" {aws: {}}"), "5: vips[0].route.aws: got an unknown setting, " + providers},
		{route(" {hetzner-cloud: {}}"), "5: vips[0].route.hetzner-cloud: got an unknown setting, " + providers + " (did you mean hetzner_cloud?)"},
		{route(" {hetzner_cloud: {}, hetzner_robot: {user: u, server_ip: 192.0.2.1}}"), "5: vips[0].route: got two providers, " + providers},
		{route(" {floating_ip: 4711}"), "5: vips[0].route.floating_ip: got an unknown setting, " + providers + " (it belongs under hetzner_cloud)"},
		{route(" {hetzner_cloud: pg-vip}"), "5: vips[0].route.hetzner_cloud: got pg-vip, want the settings " + list(keysOf("hetzner_cloud"))},
		{minimal + "    hetzner_cloud: {}\n", "7: vips[0].hetzner_cloud: got an unknown setting, want one of " + list(keysOf("vips")) + " (it belongs under route)"},
		{minimal + "route: {hetzner_cloud: {}}\n", "7: route: got an unknown setting, " + top + " (it belongs under vips)"},
		{minimal + "password_file: /p\n", "7: password_file: got an unknown setting, " + top}, // not of a VIP
	} {
		if got := problems(t, c.text); got != "vipctl.yml:"+c.want {
			t.Errorf("%s\ngot  %s\nwant vipctl.yml:%s", c.text, got, c.want)
		}
	}
}

// refusedRoute is a VIP's address, a provider's settings with something wrong in them, and the
// problem without its place.
type refusedRoute struct{ address, settings, want string }

func (c refusedRoute) check(t *testing.T, provider string) {
	t.Helper()
	want := "vipctl.yml:7: vips[0].route." + provider + "." + c.want
	if got := problems(t, routed(c.address, provider+": {"+c.settings+"}")); got != want {
		t.Errorf("%s: %s\ngot  %s\nwant %s", c.address, c.settings, got, want)
	}
}

const aURL = "want a URL such as https://api.example.com/v1"

func TestCloudRefused(t *testing.T) {
	const (
		v4, v6    = "203.0.113.5", "2001:db8::10"
		cloudKeys = "want one of alias_ip, floating_ip, network, server, token_file, endpoint, address"
		anyOf     = "want the floating IP's id, name or address"
		leave     = " (leave it out, and it is that)"
		alone     = "got a network without an alias IP, want alias_ip: true with it (a floating IP is in no network)"
		id        = "want this server's id, a whole number above 0 (leave it out to ask the metadata service)"
		inClear   = " (http only on a loopback address: the secret would be readable)"
	)
	for _, c := range []refusedRoute{
		{v4, "floatingip: pg-vip", "floatingip: got an unknown setting, " + cloudKeys + " (did you mean floating_ip?)"},
		{v4, "user: u", "user: got an unknown setting, " + cloudKeys + " (it belongs under hetzner_robot)"},
		{v4, "floating_ip: ", "floating_ip: got nothing, " + anyOf},
		{v4, "floating_ip: ' pg-vip'", "floating_ip: got \" pg-vip\", " + anyOf},
		{v4, `floating_ip: "pg\tvip"`, `floating_ip: got "pg\tvip", ` + anyOf},
		{v4, "floating_ip: 0", "floating_ip: got 0, " + anyOf + " (an id is above 0)"},
		{v4, "floating_ip: -5", "floating_ip: got -5, " + anyOf + " (an id is above 0)"},
		{v4, "floating_ip: 203.0.113.6", "floating_ip: got 203.0.113.6, want the floating IP of 203.0.113.5" + leave},
		{v4, "floating_ip: 203.0.113.0/24", "floating_ip: got 203.0.113.0/24, want the floating IP of 203.0.113.5" + leave},
		{v4, "floating_ip: '2001:db8::'", "floating_ip: got 2001:db8::, want the floating IP of 203.0.113.5" + leave},
		{v4, "floating_ip: '::ffff:203.0.113.5'", "floating_ip: got ::ffff:203.0.113.5, want the floating IP of 203.0.113.5" + leave},
		{v6, "floating_ip: '2001:db8:0:1::/64'", "floating_ip: got 2001:db8:0:1::/64, want the floating IP of 2001:db8::10" + leave},
		{v6, "floating_ip: '2001:db8::/48'", "floating_ip: got 2001:db8::/48, want the floating IP of 2001:db8::10" + leave},
		{v6, "floating_ip: '2001:db8::10%eth0'", "floating_ip: got 2001:db8::10%eth0, want the floating IP of 2001:db8::10" + leave},
		{v6, "floating_ip: 203.0.113.5", "floating_ip: got 203.0.113.5, want the floating IP of 2001:db8::10" + leave},
		{v4, "network: pg-net", "network: " + alone},
		{v4, "network: pg-net, alias_ip: false", "network: " + alone},
		{v4, "network: pg-net, alias_pi: true", "alias_pi: got an unknown setting, " + cloudKeys + " (did you mean alias_ip?)"},
		{v4, "server: pg1", "server: got pg1, " + id},
		{v4, "server: 0", "server: got 0, " + id},
		{v4, "server: 9223372036854775808", "server: got 9223372036854775808, " + id},
		{v4, "address: dynamic", "address: got dynamic, want one of managed, static"},
		{v4, "address: statc", "address: got statc, want one of managed, static (did you mean static?)"},
		{v4, "alias_ip: true", "network: got nothing, want the private network of the alias IP (its id or name)"},
		{v4, "alias_ip: yes, network: 1", "alias_ip: got yes, want one of true, false (write true)"},
		{v4, "alias_ip: 10.0.1.100, network: 1", "alias_ip: got 10.0.1.100, want one of true, false"},
		{v4, "alias_ip: true, netwrok: 1", "netwrok: got an unknown setting, " + cloudKeys + " (did you mean network?)"},
		{v4, "alias_ip: true, network: 0", "network: got 0, want the network's id or name (an id is above 0)"},
		{v4, "alias_ip: true, network: [1]", "network: got a list, want the network's id or name"},
		{v4, "alias_ip: true, network: 1, floating_ip: 2", "floating_ip: got a floating IP beside an alias IP, want one of the two"},
		{v4, "alias_ip: true, network: 1, address: static", "address: got static with an alias IP, want managed with it (static is for floating IPs)"},
		{v6, "alias_ip: true, network: 1", "alias_ip: got an alias IP for 2001:db8::10, want a floating IP for an IPv6 address (Hetzner's private networks have no IPv6)"},
		{v4, "endpoint: api.hetzner.cloud", "endpoint: got api.hetzner.cloud, " + aURL + " (it begins with https://)"},
		{v4, "endpoint: 'http://api.example.com/v1'", "endpoint: got http://api.example.com/v1, " + aURL + inClear},
		{v4, "endpoint: 'http://10.0.0.1'", "endpoint: got http://10.0.0.1, " + aURL + inClear},
		{v4, "endpoint: 'https://'", "endpoint: got https://, " + aURL + " (it has no host)"},
		{v4, "endpoint: 'https://x:0'", "endpoint: got https://x:0, " + aURL + " (its port is not one)"},
		{v4, "endpoint: 'https://x y'", "endpoint: got https://x y, " + aURL},
	} {
		c.check(t, "hetzner_cloud")
	}
}

func TestRobotRefused(t *testing.T) {
	const (
		v4, v6    = "198.51.100.7", "2001:db8:fff1::10"
		robotKeys = "want one of user, password_file, server_ip, failover_ip, endpoint"
		right     = "user: u, server_ip: 192.0.2.1, "
		family    = "want an IP address of the VIP's family"
		main      = "want this server's main address (it differs from node to node)"
	)
	for _, c := range []refusedRoute{
		{v4, "", "user: got nothing, want the webservice user (in quotes, since it begins with a #)\nvipctl.yml:7: vips[0].route.hetzner_robot.server_ip: got nothing, " + main},
		{v4, "server_ip: 192.0.2.1", "user: got nothing, want the webservice user (in quotes, since it begins with a #)"},
		{v4, "user: u", "server_ip: got nothing, " + main},
		{v4, right + "password: p", "password: got an unknown setting, " + robotKeys + " (did you mean password_file?)"},
		{v4, right + "token_file: /t", "token_file: got an unknown setting, " + robotKeys + " (it belongs under hetzner_cloud)"},
		{v4, "user: ' u', server_ip: 192.0.2.1", `user: got " u", want the webservice user in quotes, such as "#ws+Abcdefgh"`},
		{v4, "user: u, server_ip: pg1", "server_ip: got pg1, " + family},
		{v4, "user: u, server_ip: 127.0.0.1", "server_ip: got 127.0.0.1, " + family + " (this is a loopback address)"},
		{v4, "user: u, server_ip: '2001:db8::1'", "server_ip: got 2001:db8::1, " + family + " (the VIP is 198.51.100.7)"},
		{v4, "user: u, server_ip: '::ffff:192.0.2.1'", "server_ip: got ::ffff:192.0.2.1, " + family + " (write 192.0.2.1)"},
		{v4, "user: u, server_ip: 198.51.100.7", "server_ip: got the address that moves, " + main},
		{v4, "user: u, server_ip: 198.51.100.7, failover_ip: 198.51.100.0", "server_ip: got the address that moves, " + main},
		{v4, "user: u, server_ip: 198.51.100.0, failover_ip: 198.51.100.0", "server_ip: got the address that moves, " + main},
		{v4, right + "failover_ip: 198.51.100.0/29", "failover_ip: got 198.51.100.0/29, " + family + " (write 198.51.100.0)"},
		{v4, right + "failover_ip: ", "failover_ip: got nothing, " + family},
		{v4, right + "endpoint: 'ftp://127.0.0.1'", "endpoint: got ftp://127.0.0.1, " + aURL + " (it begins with https://)"},
		{v6, "user: u, server_ip: 192.0.2.1", "server_ip: got 192.0.2.1, " + family + " (the VIP is 2001:db8:fff1::10)"},
		{v6, "user: u, server_ip: '2001:db8:fff1::1'", "server_ip: got the address that moves, " + main},
		{v6, "user: u, server_ip: 'fe80::1%eth0'", "server_ip: got fe80::1%eth0, " + family + " (without a zone)"},
		{v6, "user: u, server_ip: '2001:db8::1', failover_ip: 198.51.100.7", "failover_ip: got 198.51.100.7, " + family + " (the VIP is 2001:db8:fff1::10)"},
	} {
		c.check(t, "hetzner_robot")
	}
}

// TestUnquotedUser: YAML reads a # behind a space as the start of a comment.
func TestUnquotedUser(t *testing.T) {
	got := problems(t, routed("198.51.100.7", "hetzner_robot:\n  user: #ws+Abcdefgh\n  server_ip: 192.0.2.1"))
	const want = `vipctl.yml:8: vips[0].route.hetzner_robot.user: got nothing, want the webservice user in quotes, such as "#ws+Abcdefgh"`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestNoSecretIsShown: what stands where a path, a user or a URL belongs may be a secret.
func TestNoSecretIsShown(t *testing.T) {
	const cloud, robot = "7: vips[0].route.hetzner_cloud.", "7: vips[0].route.hetzner_robot."
	const user = "{user: u, server_ip: 192.0.2.1, "
	for _, c := range []struct{ route, want string }{
		{"hetzner_cloud: {token_file: geheim}", cloud + "token_file: got something else, want an absolute path of a file with the token"},
		{"hetzner_cloud: {token_file: ~/geheim}", cloud + "token_file: got something else, want an absolute path of a file with the token (~ is not expanded)"},
		{"hetzner_cloud: {token_file: [geheim]}", cloud + "token_file: got a list, want an absolute path of a file with the token"},
		{"hetzner_robot: " + user + "password_file: geheim}", robot + "password_file: got something else, want an absolute path of a file with the password"},
		{"hetzner_robot: {user: 'u:geheim', server_ip: 192.0.2.1}", robot + `user: got a user with a colon in it, want the webservice user in quotes, such as "#ws+Abcdefgh" (the password belongs in password_file)`},
		{"hetzner_robot: " + user + "endpoint: 'https://u:geheim@x'}", robot + "endpoint: got a URL with a user in it, " + aURL + " (the secret has a file of its own)"},
		{"hetzner_cloud: {endpoint: 'https://x/?token=geheim'}", cloud + "endpoint: got a URL with a query or a fragment, " + aURL + " (without anything after the path)"},
		{"hetzner_cloud: {endpoint: 'https://x/#geheim'}", cloud + "endpoint: got a URL with a query or a fragment, " + aURL + " (without anything after the path)"},
	} {
		got := problems(t, routed("198.51.100.7", c.route))
		if got != "vipctl.yml:"+c.want || strings.Contains(got, "geheim") {
			t.Errorf("%s\ngot  %s\nwant vipctl.yml:%s", c.route, got, c.want)
		}
	}
}

// TestRouteOfABadAddress: what can only be held against the VIP is not, where the VIP itself is
// wrong.
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
