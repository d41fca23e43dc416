package main

import (
	"github.com/urfave/cli/v2"

	"github.com/vipctl/vipctl/reconcile/policy"
)

func claimCommand(in *invocation) *cli.Command {
	return command(&cli.Command{
		Name:   "claim",
		Usage:  "claim the VIPs for this host now, routes included, where Patroni says that it leads",
		Flags:  []cli.Flag{&cli.BoolFlag{Name: "force", Usage: "whatever Patroni says; the next tick gives it back, unless there is a hold"}, vipFlag()},
		Action: with(in, claim),
	})
}

func claim(in *invocation, c *cli.Context) error {
	h, err := openFor(in, c)
	if err != nil {
		return err
	}
	_, err = order(c.Context, in, h, ordered(in, c, policy.OrderClaim))
	return err
}
