package hetzner

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/vipctl/vipctl/reconcile"
)

// Finding is one thing that was checked against the real API.
type Finding struct {
	Level Level
	Text  string // one line
}

// Level is how a finding came out.
type Level string

// The levels.
const (
	OK      Level = "ok"
	Warning Level = "warning"
	Problem Level = "problem"
)

// checkPatience bounds a whole check.
const checkPatience = 15 * time.Second

// findings collects them.
type findings []Finding

func (f *findings) add(l Level, format string, args ...any) {
	*f = append(*f, Finding{l, fmt.Sprintf(format, args...)})
}

// failed adds an error, if there is one.
func (f *findings) failed(err error) bool {
	if err != nil {
		f.add(Problem, "%v", err)
	}
	return err != nil
}

// Check looks at everything that Take depends on, and changes nothing. Whether the token may write cannot be known
// without writing.
func (f *FloatingIP) Check(ctx context.Context) []Finding {
	ctx, cancel := context.WithTimeout(ctx, checkPatience)
	defer cancel()
	fresh := NewFloatingIP(f.cloud, f.meta, f.opts) // nothing remembered
	var found findings
	began := fresh.now()
	ip, err := fresh.find(ctx)
	if found.failed(err) {
		return found
	}
	found.add(OK, "the token is valid; it must be able to write too, which only a switch can show")
	found.add(OK, "floating IP %d (%s) is %s and covers %s", ip.ID, f.cloud.clean(ip.Name), f.cloud.clean(ip.IP), f.opts.Address)
	if ip.Blocked {
		found.add(Problem, "floating IP %d is blocked by Hetzner", ip.ID)
	}
	found.latency(fresh.now() - began)
	fresh.checkServer(ctx, &found, f.cloud, f.meta, f.opts.Server)
	if s, err := fresh.look(ctx); !found.failed(err) {
		found.add(OK, "it is assigned to %s", s.Holder)
	}
	found.quota(f.cloud.Quota())
	return found
}

// Check looks at everything that Take depends on, and changes nothing.
func (a *AliasIP) Check(ctx context.Context) []Finding {
	ctx, cancel := context.WithTimeout(ctx, checkPatience)
	defer cancel()
	fresh := NewAliasIP(a.cloud, a.meta, a.opts)
	var found findings
	began := fresh.now()
	id, err := fresh.networkID(ctx)
	if found.failed(err) {
		return found
	}
	found.add(OK, "the token is valid; it must be able to write too, which only a switch can show")
	found.add(OK, "%s is inside the network %d", a.opts.Address, id)
	found.latency(fresh.now() - began)
	fresh.checkServer(ctx, &found, a.cloud, a.meta, a.opts.Server)
	if w, err := fresh.look(ctx); !found.failed(err) {
		found.add(OK, "it is the alias of %s", w.state().Holder)
	}
	found.quota(a.cloud.Quota())
	return found
}

// Check looks at everything that Take depends on, and changes nothing: one GET of the 100 in an hour.
func (f *Failover) Check(ctx context.Context) []Finding {
	ctx, cancel := context.WithTimeout(ctx, checkPatience)
	defer cancel()
	var found findings
	if found.failed(f.barred("look at " + f.what())) {
		return found
	}
	began := f.now()
	s, err := f.look(ctx)
	if f.close(s, err, nil); found.failed(err) {
		return found
	}
	found.add(OK, "the login is good, and %s covers %s", f.what(), f.vip)
	found.add(OK, "it is routed to %s; this server is %s", s.Holder, f.server)
	found.add(Warning, "whether %s is a server of this account shows only in a switch", f.server)
	found.latency(f.now() - began)
	return found
}

// CheckKernelVIP warns where a VIP that the kernel alone announces lies in a private network of Hetzner's Cloud. Those
// are routed: nobody hears an ARP frame, and nothing says so. On other machines there is no finding.
func CheckKernelVIP(ctx context.Context, m *Metadata, vip netip.Addr) []Finding {
	nets, err := m.PrivateNetworks(ctx)
	inside := func(p netip.Prefix) bool { return p.Contains(vip.Unmap()) }
	if err != nil || !slices.ContainsFunc(nets, inside) {
		return nil
	}
	return []Finding{{Warning, fmt.Sprintf(
		"%s lies in a private network of Hetzner Cloud, which is routed: ARP cannot move it. Give the VIP a route, hetzner_cloud with alias_ip", vip)}}
}

// checkServer compares the configured server with what the metadata service says.
func (l *ledger) checkServer(ctx context.Context, found *findings, c *Cloud, m *Metadata, configured int64) {
	own, err := m.InstanceID(ctx)
	switch {
	case err != nil && configured == 0:
		found.add(Problem, "find this server's id: %v; or set server in the configuration", err)
		return
	case err != nil:
		found.add(Warning, "whether this is server %d cannot be told: %v", configured, err)
	case configured != 0 && configured != own:
		found.add(Problem, "server %d is configured, but this is server %d", configured, own)
	}
	if configured != 0 {
		own = configured
	}
	if _, err := c.serverByID(ctx, own, lateAttempts); !found.failed(err) {
		found.add(OK, "this is server %d", own)
	}
}

func (f *findings) latency(took time.Duration) {
	level := OK
	if took > time.Second {
		level = Warning
	}
	f.add(level, "the API answered within %v", took.Round(time.Millisecond))
}

func (f *findings) quota(q *reconcile.Quota) {
	if q == nil {
		return
	}
	level := OK
	if q.Remaining < q.Limit/4 {
		level = Warning
	}
	f.add(level, "%d of %d calls are left to this project", q.Remaining, q.Limit)
}
