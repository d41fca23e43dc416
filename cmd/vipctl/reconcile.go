package main

import (
	"encoding/json"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/vipctl/vipctl/reconcile"
)

func (a *app) reconcileCommand() *cli.Command {
	return command(&cli.Command{
		Name:   "reconcile",
		Usage:  "what the timer runs: ask Patroni who leads, and repair what the callbacks missed",
		Flags:  []cli.Flag{&cli.BoolFlag{Name: "dry-run", Usage: "print the facts and the verdict, change nothing"}},
		Action: a.reconcile,
	})
}

// tick is the timer's trigger.
func (a *app) tick() reconcile.Trigger {
	return reconcile.Trigger{Event: reconcile.EventTick, By: "timer", At: a.started}
}

func (a *app) reconcile(c *cli.Context) error {
	if err := noWords(c); err != nil {
		return err
	}
	h, err := a.open(c)
	if err != nil {
		return err
	}
	if !c.Bool("dry-run") {
		err := a.runEngine(h, a.tick())
		if late := h.history.Flush(); late != nil {
			a.log.Warnf("write down what the history has missed: %v", late)
		}
		return err
	}
	outcomes := h.engine.Plan(a.ctx, a.tick())
	for _, o := range outcomes {
		facts, err := json.MarshalIndent(o.Facts, "", "  ")
		if err != nil {
			return fmt.Errorf("print the facts: %w", err)
		}
		fmt.Fprintf(a.stdout, "%s\nfacts %s\nverdict %s (%s): %s\n", o.VIP, facts, o.Verdict.Do, o.Verdict.Code, o.Verdict.Why)
	}
	return a.report(outcomes)
}
