package config

import (
	"net/netip"

	"go.yaml.in/yaml/v3"
)

// readRoute reads the route of a VIP's section: which provider's API points its network at the
// holder. It returns nil where the file has no route. vip is the zero address where the file's is
// wrong; nothing is compared with that.
func readRoute(s section, vip netip.Addr) *Route {
	node := s.node("route")
	if node == nil {
		return nil
	}
	name := s.path + "route"
	s = s.sub("route")
	cloud, robot := s.node("hetzner_cloud"), s.node("hetzner_robot")
	var r Route
	if cloud != nil {
		r.HetznerCloud = readHetznerCloud(s.sub("hetzner_cloud"), vip)
	}
	if robot != nil {
		r.HetznerRobot = readHetznerRobot(s.sub("hetzner_robot"), vip)
	}
	switch {
	case cloud != nil && robot != nil:
		s.complain(node, name, "two providers", "one of "+list(s.keys), "")
	case len(node.Content) == 0 && !s.wrong: // a complaint was made about each unknown provider
		s.complain(node, name, "nothing", "one of "+list(s.keys), "without a route, leave it out")
	}
	return &r
}

func readHetznerCloud(s section, vip netip.Addr) *HetznerCloud {
	var c HetznerCloud
	var alias *yaml.Node
	c.AliasIP, alias = read(s, "alias_ip", trueOrFalse(), false)
	byDefault := ""
	if vip.IsValid() && !c.AliasIP {
		byDefault = vip.String()
	}
	c.FloatingIP, _ = read(s, "floating_ip", floatingIP(vip), byDefault)
	c.Network, _ = read(s, "network", cloudName("the network's id or name"), "")
	c.Server, _ = read(s, "server", serverID(), 0)
	c.TokenFile, _ = read(s, "token_file", secretPath("the token"), "")
	c.Endpoint, _ = read(s, "endpoint", endpoint(), "")
	managed, address := read(s, "address", managedOrStatic(), true)
	c.Static = !managed

	if c.AliasIP {
		checkAliasIP(s, vip, alias, address, c.Static)
	} else if network := s.node("network"); network != nil && (alias != nil || s.absent("alias_ip")) {
		s.complain(network, s.path+"network", "a network without an alias IP", "alias_ip: true with it", "a floating IP is in no network")
	}
	return &c
}

// checkAliasIP complains about what does not go together with alias_ip: true. alias and address are
// the nodes of alias_ip and address.
func checkAliasIP(s section, vip netip.Addr, alias, address *yaml.Node, static bool) {
	if vip.Is6() {
		s.complain(alias, s.path+"alias_ip", "an alias IP for "+vip.String(), "a floating IP for an IPv6 address", "Hetzner's private networks have no IPv6")
	}
	s.missing("network", "the private network of the alias IP", "its id or name")
	if floating := s.node("floating_ip"); floating != nil {
		s.complain(floating, s.path+"floating_ip", "a floating IP beside an alias IP", "one of the two", "")
	}
	if static {
		s.complain(address, s.path+"address", "static with an alias IP", "managed with it", "static is for floating IPs")
	}
}

func readHetznerRobot(s section, vip netip.Addr) *HetznerRobot {
	var r HetznerRobot
	var server *yaml.Node
	r.User, _ = read(s, "user", robotUser(), "")
	r.PasswordFile, _ = read(s, "password_file", secretPath("the password"), "")
	r.ServerIP, server = read(s, "server_ip", addressLike(vip), netip.Addr{})
	r.FailoverIP, _ = read(s, "failover_ip", addressLike(vip), routedWith(vip).Addr())
	r.Endpoint, _ = read(s, "endpoint", endpoint(), "")

	s.missing("user", "the webservice user", "in quotes, since it begins with a #")
	s.missing("server_ip", "this server's main address", "it differs from node to node")
	if own := routedWith(r.ServerIP); server != nil && (own == routedWith(vip) || own == routedWith(r.FailoverIP)) {
		s.complain(server, s.path+"server_ip", "the address that moves", "this server's main address", "it differs from node to node")
	}
	return &r
}

// routedWith is what Hetzner routes as a whole with an address: an IPv4 address alone, or the /64
// of an IPv6 address.
func routedWith(a netip.Addr) netip.Prefix {
	bits := a.BitLen()
	if a.Is6() {
		bits = 64
	}
	return netip.PrefixFrom(a, bits).Masked()
}
