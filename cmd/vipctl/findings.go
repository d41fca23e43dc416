package main

import (
	"context"
	"fmt"

	"github.com/sirupsen/logrus"

	"github.com/vipctl/vipctl/patroni/conf"
	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/surroundings"
)

// findings is what this host can see of what keeps clients from a VIP, or vipctl from moving it,
// although every file can be read. `config check` and `status` say it; runs that move addresses do
// not look.
func findings(ctx context.Context, h *host) (found reconcile.Findings) {
	found = append(found, h.patroni.Findings(ctx)...)
	found = append(found, surroundings.Find(ctx, h.surroundings)...)
	found = append(found, findOwn(ctx, h)...)
	return append(found, conf.FindUnstartable(patroniSource(h.config))...)
}

// logFindings logs them, and returns an error where one of them stops the job.
func logFindings(log *logrus.Logger, doing string, found reconcile.Findings) error {
	problems := 0
	for _, f := range found {
		switch f.Level {
		case reconcile.Problem:
			problems++
			log.Error(f.Text)
		case reconcile.Warning:
			log.Warn(f.Text)
		}
	}
	if problems > 0 {
		return fmt.Errorf("%s: %d problem(s), see above", doing, problems)
	}
	return nil
}
