package main

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vipctl/vipctl/config"
	"github.com/vipctl/vipctl/patroni/conf"
	"github.com/vipctl/vipctl/reconcile"
)

// refuseOwn refuses VIPs that are this node's own address by patroni.yml. A replica's tick would take it away, and the
// node off the network.
func (h *host) refuseOwn() error {
	var problems config.Problems
	own := h.patroni.Own()
	for i, v := range h.config.VIPs {
		for _, o := range own {
			if o.Addr == v.Prefix.Addr() {
				problems = append(problems, h.isOwn(fmt.Sprintf("vips[%d].address", i), o))
				break
			}
		}
	}
	if len(problems) == 0 {
		return nil
	}
	return configError{problems}
}

// resolveFor is how long all names together may take to be resolved, for people who wait.
const resolveFor = time.Second

// findOwn finds VIPs that are a member's own address: this one's by a name in patroni.yml, or a peer's by the address at
// which its Patroni is asked. Runs that move addresses wait for no name: there vip.Kernel takes no address of the host's own.
func (a *app) findOwn(found *reconcile.Findings, h *host) {
	ctx, cancel := context.WithTimeout(a.ctx, resolveFor)
	defer cancel()
	own, unresolved := h.patroni.OwnNames(ctx)
	for _, err := range unresolved {
		found.Add(reconcile.Warning, "%v: whether a VIP is this node's own address cannot be told", err)
	}
	memory, _ := h.notes.Memory() // status warns of an error
	for i, v := range h.config.VIPs {
		setting, addr := fmt.Sprintf("vips[%d].address", i), v.Prefix.Addr()
		for _, o := range own {
			if o.Addr == addr {
				p := h.isOwn(setting, o)
				found.Add(reconcile.Problem, "%v", p)
				break
			}
		}
		for _, p := range memory.Peers {
			if hasAddress(ctx, p, addr) {
				found.Add(reconcile.Problem, "%v", h.problem(setting, fmt.Sprintf("%s, which is the own address of member %s (%s)", addr, p.Name, p.URL)))
			}
		}
	}
}

// hasAddress reports whether a member's Patroni is asked at an address. A name that cannot be resolved is none.
func hasAddress(ctx context.Context, p reconcile.Peer, addr netip.Addr) bool {
	u, err := url.Parse(p.URL)
	if err != nil {
		return false
	}
	addrs, _ := net.DefaultResolver.LookupNetIP(ctx, "ip", u.Hostname()) // asks nobody for what is an address already
	return slices.ContainsFunc(addrs, func(a netip.Addr) bool { return a.Unmap() == addr })
}

// isOwn is the problem of a VIP that is this node's own address.
func (h *host) isOwn(setting string, o conf.Own) config.Problem {
	by := o.Setting
	if o.Host != "" {
		by += ": " + o.Host
	}
	return h.problem(setting, fmt.Sprintf("%s, which is this node's own by %s in %s", o.Addr, by, o.Where))
}

// problem is that of one setting of vipctl.yml which has a node's own address.
func (h *host) problem(setting, got string) config.Problem {
	return config.Problem{
		File: h.path, Line: lineOf(h.config, setting), Setting: setting, Got: got,
		Want: "an address that is no node's own", Hint: "vipctl would remove it from every node that does not lead",
	}
}

// lineOf is the line of vipctl.yml that a setting stands on, 0 where it stands on none.
func lineOf(cfg *config.Config, setting string) int {
	for _, s := range cfg.Settings() {
		if s.Name == setting {
			line, _ := strconv.Atoi(s.Source[strings.LastIndexByte(s.Source, ':')+1:])
			return line
		}
	}
	return 0
}
