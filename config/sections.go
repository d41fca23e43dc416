package config

import (
	"fmt"
	"net/netip"
	"time"

	"go.yaml.in/yaml/v3"
)

// readSections reads every section, in the order of the documentation.
func readSections(r *reader, root *yaml.Node) *Config {
	s := newSection(r, "", "", root, root)
	var c Config
	c.Patroni = readPatroni(s.sub("patroni"))
	c.VIPs = readVIPs(s)
	c.Interval, _ = read(s, "interval", duration(500*time.Millisecond, 30*time.Second), 2*time.Second)
	c.Announce.Refresh, _ = read(s.sub("announce"), "refresh", duration(time.Second, time.Hour), time.Minute)
	c.Paths = readPaths(s.sub("paths"))
	c.History.Keep, _ = read(s.sub("history"), "keep", number(1, 1_000_000), 10_000)
	log := s.sub("log")
	c.Log.Level, _ = read(log, "level", oneOf(LogLevels()...), "info")
	c.Log.Format, _ = read(log, "format", oneOf(LogFormats()...), "auto")
	return &c
}

func readPatroni(s section) Patroni {
	var p Patroni
	p.Config, _ = read(s, "config", path(), "")
	p.URL, _ = read(s, "url", restURL(), "")
	p.CAFile, _ = read(s, "ca_file", path(), "")
	p.CertFile, _ = read(s, "cert_file", path(), "")
	p.KeyFile, _ = read(s, "key_file", path(), "")
	p.EnvironmentFile, _ = read(s, "environment_file", path(), "")
	p.Scope, _ = read(s, "scope", givenName(), "")
	p.Name, _ = read(s, "name", givenName(), "")
	p.Timeout, _ = read(s, "timeout", because("an answer counts only up to 2s after the question",
		duration(100*time.Millisecond, 1900*time.Millisecond)), 1800*time.Millisecond)

	// vipctl tells its own Patroni from another one by the scope and the name in patroni.yml. A
	// Patroni may also be configured by its environment alone.
	given := s.node("scope") != nil && s.node("name") != nil && s.node("url") != nil
	if s.node("environment_file") == nil && !given {
		s.missing("config", "the path of Patroni's own configuration", "for example /etc/patroni/config.yml")
	}
	switch cert, key := s.node("cert_file"), s.node("key_file"); {
	case cert != nil && key == nil:
		s.complain(cert, s.path+"cert_file", "a certificate without its key", "patroni.key_file too", "one file with both may be named twice")
	case cert == nil && key != nil:
		s.complain(key, s.path+"key_file", "a key without its certificate", "patroni.cert_file too", "one file with both may be named twice")
	}
	return p
}

func readPaths(s section) Paths {
	var p Paths
	p.Run, _ = read(s, "run", path(), "/run/vipctl")
	p.State, _ = read(s, "state", path(), "/var/lib/vipctl")
	if p.Run == p.State {
		s.complain(s.at, "paths", quote(p.Run)+" twice", "two folders", "what is in paths.run must not outlive a boot")
	}
	return p
}

// readVIPs reads the list at the root, and refuses an address or a name that is in it twice.
func readVIPs(s section) []VIP {
	node := s.node("vips")
	const want, hint = "a list of at least one VIP", "write - address: and interface: below vips:"
	switch {
	case node == nil:
		s.missing("vips", want, hint)
		return nil
	case !s.plain("vips", node):
		return nil
	case node.Kind != yaml.SequenceNode:
		s.complain(node, "vips", describe(node), want, hint)
		return nil
	case len(node.Content) == 0:
		s.complain(node, "vips", "an empty list", want, hint)
	}
	vips := make([]VIP, 0, len(node.Content))
	seen := taken{addresses: map[netip.Addr]*yaml.Node{}, names: map[string]*yaml.Node{}}
	for i, item := range node.Content {
		vips = append(vips, readVIP(newSection(s.reader, "vips", fmt.Sprintf("vips[%d].", i), item, item), seen))
	}
	return vips
}

// readVIP reads one item of the list.
func readVIP(s section, seen taken) VIP {
	var v VIP
	var address, name *yaml.Node
	v.Prefix, address = read(s, "address", vipPrefix(), netip.Prefix{})
	v.Interface, _ = read(s, "interface", link(), "")
	byDefault := ""
	if address != nil {
		byDefault = v.Prefix.Addr().String()
	}
	v.Name, name = read(s, "name", vipName(), byDefault)
	v.Follow, _ = read(s, "follow", oneOf("primary", "leader", "standby_leader"), "primary")
	v.Lease, _ = read(s, "lease", lease(), true)
	v.HandOver, _ = read(s, "handover", duration(0, 30*time.Second), 5*time.Second)
	v.Route = readRoute(s, v.Prefix.Addr())

	s.missing("address", "the IP address that clients connect to", "")
	s.missing("interface", "the link that the address belongs on", "its name, for example eth0, or its MAC")
	if name == nil && s.node("name") == nil {
		name = address
	}
	seen.check(s, v, address, name)
	return v
}

// taken has the nodes that gave the earlier VIPs of the list their addresses and names.
type taken struct {
	addresses map[netip.Addr]*yaml.Node
	names     map[string]*yaml.Node
}

// check complains where an earlier VIP has the address or the name of this one. The nodes are those
// that give them, nil where none does or its value is wrong.
func (t taken) check(s section, v VIP, address, name *yaml.Node) {
	if address != nil {
		addr := v.Prefix.Addr()
		if first := t.addresses[addr]; first != nil {
			s.complain(address, s.path+"address", addr.String()+" a second time", "each address once", fmt.Sprintf("the first is on line %d", first.Line))
			return // a name that is the address would only repeat the complaint
		}
		t.addresses[addr] = address
	}
	if name != nil {
		if first := t.names[v.Name]; first != nil {
			s.complain(name, s.path+"name", v.Name+" a second time", "each name once", fmt.Sprintf("the first is on line %d", first.Line))
			return
		}
		t.names[v.Name] = name
	}
}
