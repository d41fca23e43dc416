package main

import (
	"context"
	"errors"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/reconcile/policy"
)

const (
	// runLimit bounds a whole run: longer than any hand-over and all the questions before it.
	runLimit = time.Minute
	// routedLimit bounds one that asks a provider's API as well: a failover IP takes up to two
	// minutes.
	routedLimit = reconcile.RouteLockAge
)

// runEngine runs the policy and says what came of it.
func runEngine(ctx context.Context, log *logrus.Logger, h *host, t policy.Trigger) error {
	limit := runLimit
	if h.routed() {
		limit = routedLimit
	}
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	outcomes := h.engine.Run(limited, t)
	stopped := t.Event == policy.EventTick && ctx.Err() != nil
	for i, o := range outcomes {
		switch {
		case errors.Is(o.Err, reconcile.ErrBusy): // no failure: whoever is at work there follows the same policy
			log.Warn(o.Err)
			outcomes[i].Err = nil
		case stopped && errors.Is(o.Err, context.Cause(ctx)): // by systemd: the next tick asks again
			log.Debug(o.Err)
			outcomes[i].Err = nil
		}
	}
	h.patroniLog.ahead()
	h.patroniLog.certificates()
	for i := range outcomes {
		outcomes[i].Warnings = h.given.worthSaying(outcomes[i].Warnings, t)
	}
	err := report(log, outcomes)
	logWarnings(log, h.warnings, h.given, t)
	saveEndpoint(log, h.patroni, h.store)
	return err
}
