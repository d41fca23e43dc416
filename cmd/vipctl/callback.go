package main

import (
	"cmp"
	"fmt"

	"github.com/sirupsen/logrus"
	"github.com/urfave/cli/v2"

	"github.com/vipctl/vipctl/callbacks"
)

func callbackCommand(in *invocation) *cli.Command {
	return command(&cli.Command{
		Name:        "callback",
		Usage:       "what Patroni runs: claim or give up the VIPs at once",
		ArgsUsage:   "ACTION ROLE CLUSTER",
		Description: callbacks.Usage,
		Action:      with(in, runCallback),
	})
}

// runCallback runs the policy for one of Patroni's events.
func runCallback(in *invocation, c *cli.Context) error {
	trigger, err := callbacks.Parse(c.Args().Slice(), in.started)
	if err != nil {
		return err
	}
	h, err := open(in, c)
	if err != nil {
		return err
	}
	if err := sameCluster(in.log, h, trigger.Cluster); err != nil {
		return err
	}
	return runEngine(c.Context, in.log, h, trigger)
}

// sameCluster refuses a callback of another cluster's Patroni: it says nothing about our VIPs. A
// patroni.yml that cannot be read must not keep an address where it does not belong, and a Patroni
// that runs calls by the name that it has read.
func sameCluster(log *logrus.Logger, h *host, cluster string) error {
	scope, err := h.patroni.Scope()
	if err != nil {
		log.Warnf("cannot compare the cluster's name: %v", err)
		return nil
	}
	if scope == "" || scope == cluster || h.patroni.SavedScope() == cluster {
		return nil
	}
	return configError{fmt.Errorf("callback: got cluster %q, but %s says scope %q: each cluster on a host needs a vipctl.yml "+
		"of its own (vipctl --config FILE callback)", cluster, cmp.Or(h.config.Patroni.Config, h.config.Patroni.EnvironmentFile, h.path), scope)}
}
