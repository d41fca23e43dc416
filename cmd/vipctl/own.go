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
	"github.com/vipctl/vipctl/reconcile/policy"
)

// refuseOwn refuses VIPs that are this node's own address by patroni.yml. A replica's tick would
// take it away, and the node off the network.
func refuseOwn(h *host) error {
	var problems config.Problems
	own := h.patroni.Own()
	for i, v := range h.config.VIPs {
		for _, o := range own {
			if o.Addr == v.Prefix.Addr() {
				problems = append(problems, isOwn(h, fmt.Sprintf("vips[%d].address", i), o))
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

// findOwn finds VIPs that are a member's own address: this one's by a name in patroni.yml, or a
// peer's by the address at which its Patroni is asked. Runs that move addresses wait for no name:
// there vip.Kernel takes no address of the host's own.
func findOwn(ctx context.Context, h *host) (found reconcile.Findings) {
	ctx, cancel := context.WithTimeout(ctx, resolveFor)
	defer cancel()
	own, unresolved := h.patroni.OwnNames(ctx)
	for _, err := range unresolved {
		found.Add(reconcile.Warning, "%v: whether a VIP is this node's own address cannot be told", err)
	}
	memory, _ := h.store.ClusterState() // status warns of an error
	for i, v := range h.config.VIPs {
		setting, addr := fmt.Sprintf("vips[%d].address", i), v.Prefix.Addr()
		for _, o := range own {
			if o.Addr == addr {
				p := isOwn(h, setting, o)
				found.Add(reconcile.Problem, "%v", p)
				break
			}
		}
		for _, p := range memory.Peers {
			if hasAddress(ctx, p, addr) {
				found.Add(reconcile.Problem, "%v", ownProblem(h, setting, fmt.Sprintf("%s, which is the own address of member %s (%s)", addr, p.Name, p.URL)))
			}
		}
	}
	return found
}

// hasAddress reports whether a member's Patroni is asked at an address. A name that cannot be
// resolved is none.
func hasAddress(ctx context.Context, p policy.Peer, addr netip.Addr) bool {
	u, err := url.Parse(p.URL)
	if err != nil {
		return false
	}
	addrs, _ := net.DefaultResolver.LookupNetIP(ctx, "ip", u.Hostname()) // asks nobody for what is an address already
	return slices.ContainsFunc(addrs, func(a netip.Addr) bool { return a.Unmap() == addr })
}

// isOwn is the problem of a VIP that is this node's own address.
func isOwn(h *host, setting string, o conf.Own) config.Problem {
	by := o.Setting
	if o.Host != "" {
		by += ": " + o.Host
	}
	return ownProblem(h, setting, fmt.Sprintf("%s, which is this node's own by %s in %s", o.Addr, by, o.Where))
}

// ownProblem is that of one setting of vipctl.yml which has a node's own address.
func ownProblem(h *host, setting, got string) config.Problem {
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
