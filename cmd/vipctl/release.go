package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/vipctl/vipctl/reconcile/policy"
)

func releaseCommand(in *invocation) *cli.Command {
	return command(&cli.Command{
		Name:  "release",
		Usage: "take the VIPs from this host now, where Patroni says that it does not lead",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "force", Usage: "whatever Patroni says; the next tick of a leader claims it again, unless there is a hold"},
			&cli.BoolFlag{Name: "unassign", Usage: "then give up their routes, where the API says that they point here"},
			vipFlag(),
		},
		Action: with(in, release),
	})
}

func release(in *invocation, c *cli.Context) error {
	h, err := openFor(in, c)
	if err != nil {
		return err
	}
	if c.Bool("unassign") && !h.routed() {
		return usageError{errors.New("release: got --unassign, but there is no route to give up")}
	}
	t := ordered(in, c, policy.OrderRelease)
	released, err := order(c.Context, in, h, t)
	if c.Bool("unassign") {
		err = errors.Join(err, unassign(c.Context, in, h, t, released))
	}
	return err
}

// unassign gives up the routes of VIPs that have been released. One failure does not stop the
// others.
func unassign(ctx context.Context, in *invocation, h *host, t policy.Trigger, released []string) error {
	var failed []error
	for _, v := range h.engine.VIPs {
		if v.Route == nil || !slices.Contains(released, v.Name) {
			continue
		}
		now, err := h.engine.Unassign(ctx, v, t)
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", v.Name, err))
			continue
		}
		fmt.Fprintf(in.stdout, "%s: the route points to %s\n", v.Name, now.Holder)
	}
	return errors.Join(failed...)
}
