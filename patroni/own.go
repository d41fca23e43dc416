package patroni

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

// ownSettings say where this member is reached. postgresql.listen is none of them: a VIP may stand there.
var ownSettings = [...]string{"restapi.connect_address", "restapi.listen", "postgresql.connect_address"}

// Own returns the addresses that patroni.yml gives this member. Names are not resolved, and what cannot be read is left
// out.
func (c *Client) Own() []Own {
	s, _ := c.settings()
	return s.addresses()
}

// OwnNames returns the addresses of the names in the same settings, and an error for each setting whose name could not be
// resolved before the end of ctx.
func (c *Client) OwnNames(ctx context.Context) (all []Own, unresolved []error) {
	s, _ := c.settings()
	for _, o := range s.own {
		if o.Host == "" {
			continue
		}
		addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", o.Host)
		if err != nil {
			unresolved = append(unresolved, fmt.Errorf("%s in %s: %w", o.Setting, o.Where, err))
		}
		for _, a := range addrs {
			o.Addr = bare(a)
			all = append(all, o)
		}
	}
	return all, unresolved
}

// bare is an address without what may be around it.
func bare(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }

// addresses are those of the settings that are any.
func (s settings) addresses() []Own {
	var all []Own
	for _, o := range s.own {
		if o.Addr.IsValid() {
			all = append(all, o)
		}
	}
	return all
}

// own reads the settings as far as they are addresses or names.
func (t *tree) own() (all [len(ownSettings)]Own) {
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
