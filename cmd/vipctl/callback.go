package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/vipctl/vipctl/callbacks"
	"github.com/vipctl/vipctl/reconcile"
)

const (
	// runLimit bounds a whole run: longer than any hand-over and all the questions before it.
	runLimit = time.Minute
	// routedLimit bounds one that asks a provider's API as well: a failover IP takes up to two minutes.
	routedLimit = reconcile.RouteLockAge
)

func (a *app) callbackCommand() *cli.Command {
	return command(&cli.Command{
		Name:        "callback",
		Usage:       "what Patroni runs: claim or give up the VIPs at once",
		ArgsUsage:   "ACTION ROLE CLUSTER",
		Description: callbacks.Usage,
		Action:      a.callback,
	})
}

// callback runs the policy for one of Patroni's events.
func (a *app) callback(c *cli.Context) error {
	trigger, err := callbacks.Parse(c.Args().Slice(), a.started)
	if err != nil {
		return err
	}
	h, err := a.open(c)
	if err != nil {
		return err
	}
	if err := a.sameCluster(h, trigger.Cluster); err != nil {
		return err
	}
	return a.runEngine(h, trigger)
}

// sameCluster refuses a callback of another cluster's Patroni: it says nothing about our VIPs. A patroni.yml that cannot
// be read must not keep an address where it does not belong, and a Patroni that runs calls by the name that it has read.
func (a *app) sameCluster(h *host, cluster string) error {
	scope, err := h.patroni.Scope()
	if err != nil {
		a.log.Warnf("cannot compare the cluster's name: %v", err)
		return nil
	}
	if scope == "" || scope == cluster || h.patroni.SavedScope() == cluster {
		return nil
	}
	return configError{fmt.Errorf("callback: got cluster %q, but %s says scope %q: each cluster on a host needs a vipctl.yml "+
		"of its own (vipctl --config FILE callback)", cluster, cmp.Or(h.config.Patroni.Config, h.config.Patroni.EnvironmentFile, h.path), scope)}
}

// runEngine runs the policy and says what came of it.
func (a *app) runEngine(h *host, t reconcile.Trigger) error {
	limit := runLimit
	if h.routed() {
		limit = routedLimit
	}
	ctx, cancel := context.WithTimeout(a.ctx, limit)
	defer cancel()
	outcomes := h.engine.Run(ctx, t)
	stopped := t.Event == reconcile.EventTick && a.ctx.Err() != nil
	for i, o := range outcomes {
		switch {
		case errors.Is(o.Err, reconcile.ErrBusy): // no failure: whoever is at work there follows the same policy
			a.log.Warn(o.Err)
			outcomes[i].Err = nil
		case stopped && errors.Is(o.Err, context.Cause(a.ctx)): // by systemd: the next tick asks again
			a.log.Debug(o.Err)
			outcomes[i].Err = nil
		}
	}
	a.warnOfAhead(h)
	a.warnOfCertificates(h)
	for i := range outcomes {
		outcomes[i].Warnings = h.worthSaying(outcomes[i].Warnings, t)
	}
	err := a.report(outcomes)
	a.logOddities(h, t)
	a.saveEndpoint(h)
	return err
}
