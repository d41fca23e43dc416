package main

import (
	"context"
	"fmt"
	"io"

	"github.com/vipctl/vipctl/reconcile"
)

// checkOnline prints what the APIs say of each VIP, a line for each finding, and changes nothing
// there.
func checkOnline(ctx context.Context, w io.Writer, h *host) error {
	problems := 0
	for _, v := range h.vips {
		for _, f := range checkRoute(ctx, h, v) {
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

// checkRoute asks about a VIP's route. Where the VIP has none, it asks every provider whether it
// should have one.
func checkRoute(ctx context.Context, h *host, v hostVIP) (found []reconcile.Finding) {
	if v.route != nil {
		return h.engine.CheckRoute(ctx, v.forEngine())
	}
	for _, p := range h.routes.providers {
		found = append(found, p.CheckWithoutRoute(ctx, v.Prefix.Addr())...)
	}
	return found
}
