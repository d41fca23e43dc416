package hetzner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
)

// floatingIP is one of the Cloud API's, as far as it is needed.
type floatingIP struct {
	ID      int64
	Name    string
	IP      string // an address, or for IPv6 a network
	Server  *int64 // the id of the server that it is assigned to
	Blocked bool
}

// covers reports whether addr is the floating IP's, or one of its network.
func (f floatingIP) covers(addr netip.Addr) bool {
	if p, err := netip.ParsePrefix(f.IP); err == nil {
		return p.Contains(addr)
	}
	a, err := netip.ParseAddr(f.IP)
	return err == nil && a.Unmap() == addr
}

func (f floatingIP) check() error {
	if f.ID <= 0 {
		return errors.New("a floating IP without an id")
	}
	return nil
}

// floatingIPByID reads one.
func floatingIPByID(ctx context.Context, c *Cloud, id int64, attempts int) (floatingIP, error) {
	var one struct {
		FloatingIP floatingIP `json:"floating_ip"`
	}
	err := c.get(ctx, fmt.Sprintf("look at floating IP %d", id), fmt.Sprintf("/floating_ips/%d", id), attempts, func(body []byte) error {
		if err := json.Unmarshal(body, &one); err != nil {
			return err
		}
		if one.FloatingIP.ID != id {
			return fmt.Errorf("floating IP %d instead of %d", one.FloatingIP.ID, id)
		}
		return nil
	})
	return one.FloatingIP, err
}

// findFloatingIP finds one by id, name or address. The API can filter by name only.
func findFloatingIP(ctx context.Context, c *Cloud, ref string, attempts int) (floatingIP, error) {
	if id, err := strconv.ParseInt(ref, 10, 64); err == nil {
		return floatingIPByID(ctx, c, id, attempts)
	}
	addr, isAddr := parseAddr(ref)
	if isAddr {
		return searchFloatingIP(ctx, c, addr, attempts)
	}
	var found []floatingIP
	err := c.get(ctx, fmt.Sprintf("look for the floating IP %q", ref), "/floating_ips?name="+url.QueryEscape(ref), attempts, func(body []byte) (err error) {
		found, err = decodeFloatingIPs(body)
		return err
	})
	if err != nil {
		return floatingIP{}, err
	}
	for _, f := range found {
		if f.Name == ref {
			return f, nil
		}
	}
	return floatingIP{}, fmt.Errorf("floating IP %q: the token's project has none of this name: %w", ref, errConfig)
}

func searchFloatingIP(ctx context.Context, c *Cloud, addr netip.Addr, attempts int) (floatingIP, error) {
	var found floatingIP
	err := c.pages(ctx, fmt.Sprintf("look for the floating IP %s", addr), "/floating_ips", attempts, func(body []byte) error {
		list, err := decodeFloatingIPs(body)
		for _, f := range list {
			if f.covers(addr) {
				found = f
			}
		}
		return err
	})
	if err == nil && found.ID == 0 {
		err = fmt.Errorf("floating IP %s: the token's project has none: %w", addr, errConfig)
	}
	return found, err
}

func decodeFloatingIPs(body []byte) ([]floatingIP, error) {
	var list struct {
		FloatingIPs []floatingIP `json:"floating_ips"`
	}
	if err := json.Unmarshal(body, &list); err != nil {
		return nil, err
	}
	for _, f := range list.FloatingIPs {
		if err := f.check(); err != nil {
			return nil, err
		}
	}
	return list.FloatingIPs, nil
}

// parseAddr reads an address, or the first address of a network.
func parseAddr(s string) (netip.Addr, bool) {
	if p, err := netip.ParsePrefix(s); err == nil {
		return p.Masked().Addr().Unmap(), true
	}
	a, err := netip.ParseAddr(s)
	return a.Unmap(), err == nil
}
