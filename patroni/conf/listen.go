package conf

import (
	"net/netip"
	"strconv"
	"strings"
)

// DefaultPort is PostgreSQL's where postgresql.listen has none (patroni/postgresql/config.py).
const DefaultPort = 5432

// Listen is where PostgreSQL listens by patroni.yml.
type Listen struct {
	Hosts []string // addresses, names, "*"
	Port  uint16
	Where string // the setting's file and line
}

// ReadListen returns postgresql.listen. Hosts is empty where the configuration does not say it, or
// cannot be read. It cannot come from the dynamic configuration (patroni/config.py,
// _safe_copy_dynamic_configuration).
func ReadListen(from Source) Listen {
	l := Listen{Port: DefaultPort, Where: from.Files()}
	t, err := readTree(from)
	if err != nil {
		return l
	}
	e := t.entry("postgresql.listen")
	if e.node == nil {
		return l
	}
	l.Where = place(e.file, e.node)
	hosts := e.node.Value
	// As Patroni's split_host_port: the port is what follows the last colon, and IPv6 addresses may
	// do without brackets.
	if i := strings.LastIndexByte(hosts, ':'); i >= 0 {
		port, err := strconv.ParseUint(strings.TrimSpace(hosts[i+1:]), 10, 16)
		if err != nil {
			return l
		}
		hosts, l.Port = hosts[:i], uint16(port)
	}
	for host := range strings.SplitSeq(hosts, ",") {
		if host = strings.Trim(strings.TrimSpace(host), "[]"); host != "" {
			l.Hosts = append(l.Hosts, host)
		}
	}
	return l
}

// Serves reports whether a PostgreSQL that listens so takes connections to an address, and whether
// it names that address alone, which can be listened on where it is. Names are those that resolve
// knows. PostgreSQL listens on IPv6 sockets for IPv6 only (src/backend/libpq/pqcomm.c,
// IPV6_V6ONLY).
func (l Listen) Serves(a netip.Addr, resolve func(host string) []netip.Addr) (served, named bool) {
	for _, host := range l.Hosts {
		if host == "*" {
			return true, false
		}
		known := resolve(host)
		if ip, err := netip.ParseAddr(host); err == nil {
			known = []netip.Addr{ip}
		}
		for _, ip := range known {
			ip = bare(ip)
			if ip.IsUnspecified() && ip.Is4() == a.Is4() {
				return true, false
			}
			named = named || ip == a
		}
	}
	return named, named
}
