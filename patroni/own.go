package patroni

import (
	"fmt"
	"net/netip"
)

// Own is an address that this member has by itself, whoever leads.
type Own struct {
	Addr    netip.Addr `json:"addr"`
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

// own reads the settings as far as they are addresses.
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
		addr, err := netip.ParseAddr(host)
		if err != nil {
			continue
		}
		all[i] = Own{Addr: addr.Unmap().WithZone(""), Setting: e.setting, Where: e.file}
		if e.node.Line > 0 {
			all[i].Where = fmt.Sprintf("%s:%d", e.file, e.node.Line)
		}
	}
	return all
}
