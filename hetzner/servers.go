package hetzner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
)

// server is one of the Cloud API's, as far as it is needed.
type server struct {
	ID         int64
	Name       string
	PrivateNet []privateNet `json:"private_net"`
}

// privateNet is a server's place in one private network.
type privateNet struct {
	Network  int64
	IP       string
	AliasIPs []string `json:"alias_ips"`
}

// in returns the server's place in a network.
func (s server) in(network int64) (privateNet, bool) {
	i := slices.IndexFunc(s.PrivateNet, func(n privateNet) bool { return n.Network == network })
	if i < 0 {
		return privateNet{}, false
	}
	return s.PrivateNet[i], true
}

// has reports whether addr is one of the aliases. Addresses are compared, never their text.
func (n privateNet) has(addr netip.Addr) bool {
	return slices.ContainsFunc(n.AliasIPs, func(s string) bool { return sameAddr(s, addr) })
}

// without returns the aliases other than addr, never nil: the API takes null for a mistake.
func (n privateNet) without(addr netip.Addr) []string {
	rest := make([]string, 0, len(n.AliasIPs)+1)
	for _, s := range n.AliasIPs {
		if !sameAddr(s, addr) {
			rest = append(rest, s)
		}
	}
	return rest
}

func sameAddr(s string, addr netip.Addr) bool {
	a, err := netip.ParseAddr(s)
	return err == nil && a.Unmap() == addr
}

// serversIn reads all servers of the project that are in the network. The API cannot filter by one.
func serversIn(ctx context.Context, c *Cloud, network int64, attempts int) ([]server, error) {
	var found []server
	err := c.pages(ctx, "list the project's servers", "/servers", attempts, func(body []byte) error {
		var list struct{ Servers []server }
		if err := json.Unmarshal(body, &list); err != nil {
			return err
		}
		for _, s := range list.Servers {
			if s.ID <= 0 {
				return errors.New("a server without an id")
			}
			if _, in := s.in(network); in {
				found = append(found, s)
			}
		}
		return nil
	})
	return found, err
}

// network is one of the Cloud API's private networks.
type network struct {
	ID      int64
	Name    string
	Subnets []struct {
		IPRange string `json:"ip_range"`
	}
}

// covers reports whether addr may be an alias in the network.
func (n network) covers(addr netip.Addr) bool {
	for _, s := range n.Subnets {
		if p, err := netip.ParsePrefix(s.IPRange); err == nil && p.Contains(addr) {
			return true
		}
	}
	return false
}

// findNetwork finds one by id or name.
func findNetwork(ctx context.Context, c *Cloud, ref string, attempts int) (network, error) {
	path, one := "/networks?name="+url.QueryEscape(ref), false
	if id, err := strconv.ParseInt(ref, 10, 64); err == nil {
		path, one = fmt.Sprintf("/networks/%d", id), true
	}
	var found []network
	err := c.get(ctx, fmt.Sprintf("look for the network %q", ref), path, attempts, func(body []byte) (err error) {
		found, err = decodeNetworks(body, one)
		return err
	})
	if err != nil {
		return network{}, err
	}
	for _, n := range found {
		if one || n.Name == ref {
			return n, nil
		}
	}
	return network{}, fmt.Errorf("network %q: the token's project has none of this name: %w", ref, errConfig)
}

func decodeNetworks(body []byte, one bool) ([]network, error) {
	var answer struct {
		Network  network
		Networks []network
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, err
	}
	found := answer.Networks
	if one {
		found = []network{answer.Network}
	}
	if slices.ContainsFunc(found, func(n network) bool { return n.ID <= 0 }) {
		return nil, errors.New("a network without an id")
	}
	return found, nil
}

// serverByID reads one.
func serverByID(ctx context.Context, c *Cloud, id int64, attempts int) (server, error) {
	var one struct{ Server server }
	err := c.get(ctx, fmt.Sprintf("look at server %d", id), fmt.Sprintf("/servers/%d", id), attempts, func(body []byte) error {
		if err := json.Unmarshal(body, &one); err != nil {
			return err
		}
		if one.Server.ID != id {
			return fmt.Errorf("server %d instead of %d", one.Server.ID, id)
		}
		return nil
	})
	return one.Server, err
}
