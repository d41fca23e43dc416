package hetzner

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/vipctl/vipctl/reconcile"
)

// checkPatience bounds a whole check.
const checkPatience = 15 * time.Second

// Check looks at everything that Take depends on, and changes nothing. Whether the token may write cannot be known
// without writing.
func (f *FloatingIP) Check(ctx context.Context) []reconcile.Finding {
	ctx, cancel := context.WithTimeout(ctx, checkPatience)
	defer cancel()
	fresh := NewFloatingIP(f.cloud, f.meta, f.opts) // nothing remembered
	var found reconcile.Findings
	began := fresh.now()
	ip, err := fresh.find(ctx)
	if found.Failed(err) {
		return found
	}
	found.Add(reconcile.OK, "the token is valid; it must be able to write too, which only a switch can show")
	found.Add(reconcile.OK, "floating IP %d (%s) is %s and covers %s", ip.ID, f.cloud.clean(ip.Name), f.cloud.clean(ip.IP), f.opts.Address)
	if ip.Blocked {
		found.Add(reconcile.Problem, "floating IP %d is blocked by Hetzner", ip.ID)
	}
	latency(&found, fresh.now()-began)
	fresh.checkServer(ctx, &found, f.cloud, f.meta, f.opts.Server)
	if s, err := fresh.look(ctx); !found.Failed(err) {
		found.Add(reconcile.OK, "it is assigned to %s", s.Holder)
	}
	quota(&found, f.cloud.Quota())
	return found
}

// Check looks at everything that Take depends on, and changes nothing.
func (a *AliasIP) Check(ctx context.Context) []reconcile.Finding {
	ctx, cancel := context.WithTimeout(ctx, checkPatience)
	defer cancel()
	fresh := NewAliasIP(a.cloud, a.meta, a.opts)
	var found reconcile.Findings
	began := fresh.now()
	id, err := fresh.networkID(ctx)
	if found.Failed(err) {
		return found
	}
	found.Add(reconcile.OK, "the token is valid; it must be able to write too, which only a switch can show")
	found.Add(reconcile.OK, "%s is inside the network %d", a.opts.Address, id)
	latency(&found, fresh.now()-began)
	fresh.checkServer(ctx, &found, a.cloud, a.meta, a.opts.Server)
	if w, err := fresh.look(ctx); !found.Failed(err) {
		found.Add(reconcile.OK, "it is the alias of %s", w.state().Holder)
	}
	quota(&found, a.cloud.Quota())
	return found
}

// Check looks at everything that Take depends on, and changes nothing: one GET of the 100 in an hour.
func (f *Failover) Check(ctx context.Context) []reconcile.Finding {
	ctx, cancel := context.WithTimeout(ctx, checkPatience)
	defer cancel()
	var found reconcile.Findings
	if found.Failed(f.barred("look at " + f.what())) {
		return found
	}
	began := f.now()
	s, err := f.look(ctx)
	if f.close(s, err, nil); found.Failed(err) {
		return found
	}
	found.Add(reconcile.OK, "the login is good, and %s covers %s", f.what(), f.vip)
	found.Add(reconcile.OK, "it is routed to %s; this server is %s", s.Holder, f.server)
	found.Add(reconcile.Warning, "whether %s is a server of this account shows only in a switch", f.server)
	latency(&found, f.now()-began)
	return found
}

// CheckKernelVIP warns where a VIP that the kernel alone announces lies in a private network of Hetzner's Cloud. Those
// are routed: nobody hears an ARP frame, and nothing says so. On other machines there is no finding.
func CheckKernelVIP(ctx context.Context, m *Metadata, vip netip.Addr) []reconcile.Finding {
	nets, err := m.PrivateNetworks(ctx)
	inside := func(p netip.Prefix) bool { return p.Contains(vip.Unmap()) }
	if err != nil || !slices.ContainsFunc(nets, inside) {
		return nil
	}
	return []reconcile.Finding{{Level: reconcile.Warning, Text: fmt.Sprintf(
		"%s lies in a private network of Hetzner Cloud, which is routed: ARP cannot move it. Give the VIP a route, hetzner_cloud with alias_ip", vip)}}
}

// checkServer compares the configured server with what the metadata service says.
func (l *ledger) checkServer(ctx context.Context, found *reconcile.Findings, c *Cloud, m *Metadata, configured int64) {
	own, err := m.InstanceID(ctx)
	switch {
	case err != nil && configured == 0:
		found.Add(reconcile.Problem, "find this server's id: %v; or set server in the configuration", err)
		return
	case err != nil:
		found.Add(reconcile.Warning, "whether this is server %d cannot be told: %v", configured, err)
	case configured != 0 && configured != own:
		found.Add(reconcile.Problem, "server %d is configured, but this is server %d", configured, own)
	}
	if configured != 0 {
		own = configured
	}
	if _, err := c.serverByID(ctx, own, lateAttempts); !found.Failed(err) {
		found.Add(reconcile.OK, "this is server %d", own)
	}
}

func latency(found *reconcile.Findings, took time.Duration) {
	level := reconcile.OK
	if took > time.Second {
		level = reconcile.Warning
	}
	found.Add(level, "the API answered within %v", took.Round(time.Millisecond))
}

func quota(found *reconcile.Findings, q *reconcile.Quota) {
	if q == nil {
		return
	}
	level := reconcile.OK
	if q.Remaining < q.Limit/4 {
		level = reconcile.Warning
	}
	found.Add(level, "%d of %d calls are left to this project", q.Remaining, q.Limit)
}
