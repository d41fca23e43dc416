package conf

import (
	"context"
	"fmt"
	"net"
	"net/netip"
)

// Own is an address that this member has by itself, whoever leads.
type Own struct {
	Addr    netip.Addr `json:"addr"`
	Host    string     `json:"-"`       // the name that stands there for the address; "" where that stands there itself
	Setting string     `json:"setting"` // that says so: "postgresql.connect_address"
	Where   string     `json:"where"`   // file and line of the setting; the file alone where there is no line
}

// ownSettings say where this member is reached. postgresql.listen is none of them: a VIP may stand
// there.
var ownSettings = [...]string{"restapi.connect_address", "restapi.listen", "postgresql.connect_address"}

// OwnAddresses are what those settings say, in their order: an address, or a name in Host that was
// not resolved. The zero Own stands for a setting that says neither.
type OwnAddresses [len(ownSettings)]Own

// readOwn reads the settings as far as they are addresses or names.
func readOwn(t *tree) (all OwnAddresses) {
	for i, key := range ownSettings {
		e := t.entry(key)
		if e.node == nil {
			continue
		}
		host, _, err := splitHostPort(e.node.Value)
		if err != nil || wildcard(host) {
			continue
		}
		all[i] = Own{Setting: e.setting, Where: e.place()}
		if addr, err := netip.ParseAddr(host); err == nil {
			all[i].Addr = bare(addr)
		} else {
			all[i].Host = host
		}
	}
	return all
}

// Known returns those that are addresses as they stand. No name is resolved.
func (all OwnAddresses) Known() []Own {
	var known []Own
	for _, o := range all {
		if o.Addr.IsValid() {
			known = append(known, o)
		}
	}
	return known
}

// Resolve returns the addresses of those that are names, and an error for each setting whose name
// could not be resolved before the end of ctx. It asks the system's resolver.
func (all OwnAddresses) Resolve(ctx context.Context) (resolved []Own, unresolved []error) {
	for _, o := range all {
		if o.Host == "" {
			continue
		}
		addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", o.Host)
		if err != nil {
			unresolved = append(unresolved, fmt.Errorf("%s in %s: %w", o.Setting, o.Where, err))
		}
		for _, a := range addrs {
			o.Addr = bare(a)
			resolved = append(resolved, o)
		}
	}
	return resolved, unresolved
}

// bare is an IPv4 address that is not mapped into IPv6, and an IPv6 address without its zone.
func bare(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }
