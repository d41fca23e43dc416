package patroni

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/vipctl/vipctl/patroni/conf"
	"github.com/vipctl/vipctl/reconcile/policy"
)

// cluster is the part of the answer to GET /cluster that names members.
type cluster struct {
	Scope   *string `json:"scope"` // absent before 3.2.0
	Members []struct {
		Name string  `json:"name"`
		Role string  `json:"role"`
		API  *string `json:"api_url"`
	} `json:"members"`
}

// parseCluster reads the answer to GET /cluster, and refuses that of another cluster.
func parseCluster(body []byte, want identity) (cluster, error) {
	var c cluster
	if err := parse(body, &c); err != nil {
		return cluster{}, err
	}
	if c.Scope != nil && *c.Scope != want.scope {
		return cluster{}, fmt.Errorf("scope is %s, %s says %q", quoted(*c.Scope), want.scopedBy, want.scope)
	}
	if c.Members == nil {
		return cluster{}, errors.New("no members in the answer")
	}
	return c, nil
}

// leader is the member that holds the lock, "" when none does. GET /cluster marks it with one of
// these two roles. What follows from it is decided in reconcile.
func (c cluster) leader() string {
	for _, m := range c.Members {
		if m.Role == "leader" || m.Role == "standby_leader" {
			return m.Name
		}
	}
	return ""
}

// peers are the members other than ourselves that can be asked. A member that announces a wildcard,
// or the address at which this host's Patroni is asked, is left out: our own answer would be taken
// for its answer, since answers have no name before 3.2.0.
func (c cluster) peers(s conf.Settings) []policy.Peer {
	peers := []policy.Peer{}
	for _, m := range c.Members {
		if m.Name == "" || m.Name == s.Name || m.API == nil {
			continue
		}
		base, err := conf.BaseURL(*m.API)
		if err != nil || base.String() == s.URL {
			continue
		}
		if ip, err := netip.ParseAddr(base.Hostname()); err == nil && ip.IsUnspecified() {
			continue
		}
		peers = append(peers, policy.Peer{Name: m.Name, URL: base.String()})
	}
	return peers
}
