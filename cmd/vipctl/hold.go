package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/vipctl/vipctl/reconcile"
)

func holdCommand(in *invocation) *cli.Command {
	return command(&cli.Command{
		Name:  "hold",
		Usage: "keep the policy from moving the VIPs on this host for a while",
		Description: "Where a VIP is on this host it stays, where it is not it does not come, until the hold ends by itself or by\n" +
			"vipctl unhold. Other hosts are not bound.\n" +
			"If another member leads, the address is released anyway; the hold stays, and this host claims nothing until it ends.",
		Flags:  []cli.Flag{&cli.DurationFlag{Name: "for", Value: time.Hour, Usage: "how long, 1s to 168h, for example 30m"}, vipFlag()},
		Action: with(in, hold),
	})
}

func unholdCommand(in *invocation) *cli.Command {
	return command(&cli.Command{
		Name: "unhold", Usage: "end a hold", Flags: []cli.Flag{vipFlag()},
		Action: func(c *cli.Context) error { return setHold(in, c, 0) },
	})
}

func hold(in *invocation, c *cli.Context) error {
	lasting := c.Duration("for")
	if lasting < time.Second || lasting > 7*24*time.Hour {
		return usageError{fmt.Errorf("hold: got --for %v, want 1s to 168h: a hold always ends", lasting)}
	}
	return setHold(in, c, lasting)
}

// setHold begins a hold, or ends it where lasting is 0.
func setHold(in *invocation, c *cli.Context, lasting time.Duration) error {
	h, err := openFor(in, c)
	if err != nil {
		return err
	}
	done := fmt.Sprintf("held for %v", lasting)
	if lasting == 0 {
		h.engine.VIPs = slices.DeleteFunc(h.engine.VIPs, func(v reconcile.VIP) bool { return noHold(in, h, v.Name) })
		done = "hold ended"
	}
	if len(h.engine.VIPs) == 0 {
		return nil
	}
	outcomes := h.engine.SetHold(operator(), in.started, lasting)
	for _, out := range outcomes {
		if out.Err == nil {
			fmt.Fprintf(in.stdout, "%s: %s\n", out.VIP, done)
		}
	}
	return report(in.log, outcomes)
}

// noHold reports whether there is certainly no hold to end, and says so.
func noHold(in *invocation, h *host, vip string) bool {
	n, err := h.store.VIPState(vip)
	if err != nil || n.HeldAt((hostClock{}).Now()) {
		return false
	}
	fmt.Fprintf(in.stdout, "%s: no hold\n", vip)
	return true
}
