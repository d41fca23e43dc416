package surroundings

import (
	"context"
	"errors"
	"time"

	"github.com/vipctl/vipctl/patroni/conf"
	"github.com/vipctl/vipctl/reconcile"
)

// inspectionTime is how long an inspection may take: a dead network file system, or a process that
// hangs in the kernel, must not keep people waiting.
const inspectionTime = 1500 * time.Millisecond

// Find looks at the host, and returns what keeps clients from a VIP, or vipctl from moving it, as
// far as this process can see. It takes 1.5 s at most and a look at the links. A check that hangs
// longer is left behind in a goroutine of its own, with a warning; until it ends, further calls
// look at the links alone. Find is not called concurrently for one host.
func Find(ctx context.Context, h *Host) reconcile.Findings {
	var found reconcile.Findings
	inspect(ctx, &found, h)
	findLinks(&found, h)
	return found
}

// inspect runs the checks, within their time.
func inspect(ctx context.Context, found *reconcile.Findings, h *Host) {
	ctx, cancel := context.WithTimeout(ctx, inspectionTime)
	defer cancel()
	s := newInspection(ctx, h)
	results := make(chan reconcile.Findings)
	if h.inspecting.TryLock() { // else status --watch has left one behind that still hangs
		go func() {
			defer h.inspecting.Unlock()
			runChecks(s, results)
		}()
	}
	collect(ctx, found, results)
}

// runChecks runs each check, and hands over what it finds.
func runChecks(s *inspection, results chan<- reconcile.Findings) {
	defer close(results)
	s.prepare()
	for _, find := range []func(*reconcile.Findings, *inspection){
		findCallbacks, findPowers, findTwice, findTicks, findFailures, findListener, findMovers,
	} {
		var found reconcile.Findings
		find(&found, s)
		select {
		case results <- found:
		case <-s.ctx.Done():
			return
		}
	}
}

// collect takes what the checks find. One that hangs is left behind, and said.
func collect(ctx context.Context, found *reconcile.Findings, results <-chan reconcile.Findings) {
	for {
		select {
		case f, more := <-results:
			if !more {
				return
			}
			*found = append(*found, f...)
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				found.Add(reconcile.Warning, "what surrounds vipctl could not be looked at within %v: a file system or a process hangs", inspectionTime)
			}
			return
		}
	}
}

// findTwice finds keys that stand more than once in patroni.yml.
func findTwice(found *reconcile.Findings, s *inspection) {
	*found = append(*found, conf.FindTwice(s.Source)...)
}

// findLinks finds links that are missing, down or unfit, and addresses that are where they should
// not be. They are no mistakes in the configuration: a link may come later.
func findLinks(found *reconcile.Findings, h *Host) {
	for _, v := range h.VIPs {
		address, ok := v.Address.(interface{ Findings() reconcile.Findings })
		if !ok {
			continue
		}
		for _, f := range address.Findings() {
			found.Add(f.Level, "%s: %s", v.Name, f.Text)
		}
	}
}
