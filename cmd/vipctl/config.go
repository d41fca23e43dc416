package main

import (
	"context"
	"errors"
	"fmt"
	"text/tabwriter"

	"github.com/sirupsen/logrus"
	"github.com/urfave/cli/v2"

	"github.com/vipctl/vipctl/reconcile/policy"
)

func configCommand(in *invocation) *cli.Command {
	return command(&cli.Command{
		Name:   "config",
		Usage:  "check the configuration, or show what it comes to",
		Action: noSubcommand,
		Subcommands: []*cli.Command{
			command(&cli.Command{
				Name: "check", Usage: "report every problem at once", Action: with(in, checkConfig),
				Flags: []cli.Flag{&cli.BoolFlag{Name: "online", Usage: "ask the routes' APIs as well, and change nothing"}},
			}),
			command(&cli.Command{Name: "show", Usage: "print every effective value and where it comes from", Action: with(in, showConfig)}),
		},
	})
}

func noSubcommand(c *cli.Context) error {
	return usageError{fmt.Errorf("config: got %q, want check or show", c.Args().Slice())}
}

// checkConfig also reads patroni.yml and the secrets: what vipctl needs of them is part of the
// configuration.
func checkConfig(in *invocation, c *cli.Context) error {
	if err := noWords(c); err != nil {
		return err
	}
	h, err := open(in, c)
	if err != nil {
		return err
	}
	wrong := errors.Join(h.patroni.Check(), checkSecrets(h))
	if wrong == nil || h.patroni.Changed() {
		askPatroni(c.Context, in.log, h)
	}
	if wrong != nil {
		return configError{wrong}
	}
	warnOfOwner(in.log, h)
	stopped := logFindings(in.log, "config check", findings(c.Context, h))
	if stopped == nil {
		_, err = fmt.Fprintf(in.stdout, "%s: ok, %d VIP(s)\n", h.path, len(h.config.VIPs))
	}
	if err != nil || !c.Bool("online") {
		return errors.Join(err, stopped)
	}
	return errors.Join(stopped, checkOnline(c.Context, in.stdout, h))
}

// askPatroni asks the local Patroni, for what its findings are made of. A Patroni that does not
// answer is no mistake.
func askPatroni(ctx context.Context, log *logrus.Logger, h *host) {
	reply := h.patroni.Reply(ctx)
	h.patroniLog.ahead()
	if reply.Kind == policy.Silent {
		url, _ := h.patroni.URL() // an error is Check's
		log.Warnf("%s: Patroni does not answer, so that its answers and its certificate were not checked: %s", url, reply.Why)
	}
}

// showConfig prints vipctl.yml's settings, and beside them what vipctl takes from patroni.yml.
// Where that cannot be used, what could be read is printed all the same.
func showConfig(in *invocation, c *cli.Context) error {
	if err := noWords(c); err != nil {
		return err
	}
	cfg, path, err := load(in, c)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(in.stdout, 0, 0, 2, ' ', 0)
	for _, s := range cfg.Settings() {
		fmt.Fprintf(table, "%s\t%s\t# %s\n", s.Name, s.Value, s.Source)
	}
	client := openPatroni(cfg, path)
	for _, s := range client.Taken() {
		fmt.Fprintf(table, "patroni.yml: %s\t%s\t# %s\n", s.Name, s.Value, s.Source)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if err := client.Check(); err != nil {
		return configError{err}
	}
	return nil
}
