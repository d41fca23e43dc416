package main

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/vipctl/vipctl/config"
	"github.com/vipctl/vipctl/hetzner"
	"github.com/vipctl/vipctl/reconcile"
)

// checkOnline prints what the APIs say of each VIP, a line for each finding, and changes nothing there.
func checkOnline(ctx context.Context, w io.Writer, h *host) error {
	problems := 0
	layer3 := inPrivateNetwork(ctx, h)
	for _, v := range h.vips {
		var found []reconcile.Finding
		switch {
		case v.route != nil:
			found = checkRoute(ctx, h, v)
		case layer3:
			found = hetzner.CheckKernelVIP(ctx, h.routes.metadata(), v.Prefix.Addr())
		}
		for _, f := range found {
			if f.Level == reconcile.Problem {
				problems++
			}
			if _, err := fmt.Fprintf(w, "%s: %s: %s\n", v.Name, f.Level, f.Text); err != nil {
				return err
			}
		}
	}
	if problems > 0 {
		return fmt.Errorf("config check: %d problem(s) online", problems)
	}
	return nil
}

// inPrivateNetwork reports whether some VIP has no route and this host is in a private network of Hetzner's Cloud. On
// other hosts that takes a second at most, for all VIPs together.
func inPrivateNetwork(ctx context.Context, h *host) bool {
	if !slices.ContainsFunc(h.config.VIPs, func(v config.VIP) bool { return v.Route == nil }) {
		return false
	}
	nets, err := h.routes.metadata().PrivateNetworks(ctx)
	return err == nil && len(nets) > 0
}

// checkRoute looks at a route with what earlier runs have learned, a refused login above all, and keeps what it learns:
// a login that is refused here counts like any other.
func checkRoute(ctx context.Context, h *host, v hostVIP) []reconcile.Finding {
	unlock, err := h.notes.LockRoute(v.Name)
	if err != nil {
		return []reconcile.Finding{{Level: reconcile.Problem, Text: err.Error()}}
	}
	defer unlock()
	memo, err := h.notes.RouteMemo(v.Name)
	if err != nil {
		return []reconcile.Finding{{Level: reconcile.Problem, Text: err.Error()}}
	}
	v.route.Recall(memo, nil)
	found := v.route.Check(ctx)
	if err := h.notes.SaveRouteMemo(v.Name, v.route.Memo()); err != nil {
		found = append(found, reconcile.Finding{Level: reconcile.Warning, Text: err.Error()})
	}
	return found
}
