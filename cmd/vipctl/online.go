package main

import (
	"fmt"

	"github.com/vipctl/vipctl/reconcile"
)

// checkOnline prints what the APIs say of each VIP, a line for each finding, and changes nothing
// there.
func (a *app) checkOnline(h *host) error {
	problems := 0
	for i, v := range h.engine.VIPs {
		for _, f := range a.checkRoute(h, i) {
			if f.Level == reconcile.Problem {
				problems++
			}
			if _, err := fmt.Fprintf(a.stdout, "%s: %s: %s\n", v.Name, f.Level, f.Text); err != nil {
				return err
			}
		}
	}
	if problems > 0 {
		return fmt.Errorf("config check: %d problem(s) online", problems)
	}
	return nil
}

// checkRoute asks about the ith VIP's route; of a VIP that has none it asks every provider whether
// it should have one.
func (a *app) checkRoute(h *host, i int) (found []reconcile.Finding) {
	if v := h.engine.VIPs[i]; v.Route != nil {
		return h.engine.CheckRoute(a.ctx, v)
	}
	for _, p := range h.routes.providers {
		found = append(found, p.CheckWithoutRoute(a.ctx, h.config.VIPs[i].Prefix.Addr())...)
	}
	return found
}
