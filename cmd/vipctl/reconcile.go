package main

import (
	"context"
	"errors"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/vipctl/vipctl/reconcile/policy"
	"github.com/vipctl/vipctl/status"
)

// tickLimit is when a process that waits for an API begins no other tick. In seconds since it
// began: at 25 the call is cut (package reconcile), until 26 a tick may still begin, which takes up
// to 2, so that it ends by 28; at 30 systemd would kill it (the unit's route.conf). The next
// process finishes what was begun.
const tickLimit = 26 * time.Second

func reconcileCommand(in *invocation) *cli.Command {
	return command(&cli.Command{
		Name:  "reconcile",
		Usage: "what the timer runs: ask Patroni who leads, and repair what the callbacks missed",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "dry-run", Usage: "print the facts and the verdict, change nothing"},
			&cli.BoolFlag{Name: "json", Usage: "with --dry-run: print JSON"},
		},
		Action: with(in, runReconcile),
	})
}

// tick is the timer's trigger.
func tick(at policy.Moment) policy.Trigger {
	return policy.Trigger{Event: policy.EventTick, By: "timer", At: at}
}

func runReconcile(in *invocation, c *cli.Context) error {
	if err := noWords(c); err != nil {
		return err
	}
	if c.Bool("json") && !c.Bool("dry-run") {
		return usageError{errors.New("reconcile: got --json without --dry-run: a run prints nothing")}
	}
	h, err := open(in, c)
	if err != nil {
		return err
	}
	if !c.Bool("dry-run") {
		err := tickUntilSettled(c.Context, in, h)
		if late := h.history.Flush(); late != nil && h.given.firstTime(historyWaits) {
			in.log.Warnf("write down what the history has missed: %v", late)
		}
		return err
	}
	return printPlan(c.Context, in, h, c.Bool("json"))
}

// printPlan says what a tick would do, and why.
func printPlan(ctx context.Context, in *invocation, h *host, asJSON bool) error {
	outcomes := h.engine.Plan(ctx, tick(in.started))
	h.patroniLog.ahead()
	h.patroniLog.certificates()
	write := status.WritePlan
	if asJSON {
		write = status.WritePlanJSON
	}
	if err := write(in.stdout, outcomes); err != nil {
		return err
	}
	return report(in.log, outcomes)
}

// tickUntilSettled runs one tick, and more of them at the timer's pace while an API has not
// answered: systemd starts no other run meanwhile, and a lease does not wait. It returns the last
// tick's error.
func tickUntilSettled(ctx context.Context, in *invocation, h *host) error {
	limited, cancel := context.WithTimeout(ctx, in.started.Add(tickLimit).Sub(hostClock{}.Now()))
	defer cancel()
	for at := in.started; ; at = (hostClock{}).Now() {
		err := runEngine(ctx, in.log, h, tick(at))
		rest := max(time.Millisecond, at.Add(h.config.Interval).Sub(hostClock{}.Now()))
		if h.engine.Settled(limited, rest) || limited.Err() != nil {
			return err
		}
		if err != nil {
			in.log.Error(err)
		}
	}
}
