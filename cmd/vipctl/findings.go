package main

import (
	"fmt"

	"github.com/vipctl/vipctl/reconcile"
)

// findings is what this host can see of what keeps clients from a VIP, or vipctl from moving it, although every file can
// be read. `config check` and `status` say it; runs that move addresses do not look.
func (a *app) findings(h *host) reconcile.Findings {
	var found reconcile.Findings
	for _, look := range []func(*reconcile.Findings, *host){a.findPatroni, a.findScene, a.findLinks, a.findOwn, a.findUnstartable} {
		look(&found, h)
	}
	return found
}

// tellFindings logs them, and returns an error where one of them stops the job.
func (a *app) tellFindings(doing string, found reconcile.Findings) error {
	problems := 0
	for _, f := range found {
		switch f.Level {
		case reconcile.Problem:
			problems++
			a.log.Error(f.Text)
		case reconcile.Warning:
			a.log.Warn(f.Text)
		}
	}
	if problems > 0 {
		return fmt.Errorf("%s: %d problem(s), see above", doing, problems)
	}
	return nil
}

// findLinks looks for links that are missing, down or unfit, and for addresses that are where they should not be. They are
// no mistakes in the configuration: a link may come later.
func (a *app) findLinks(found *reconcile.Findings, h *host) {
	for _, v := range h.engine.VIPs {
		address, ok := v.Address.(interface{ Findings() reconcile.Findings })
		if !ok {
			continue
		}
		for _, f := range address.Findings() {
			found.Add(f.Level, "%s: %s", v.Name, f.Text)
		}
	}
}
