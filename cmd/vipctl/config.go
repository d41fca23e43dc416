package main

import (
	"errors"
	"fmt"
	"text/tabwriter"

	"github.com/urfave/cli/v2"
)

func (a *app) configCommand() *cli.Command {
	return command(&cli.Command{
		Name:   "config",
		Usage:  "check the configuration, or show what it comes to",
		Action: a.noSubcommand,
		Subcommands: []*cli.Command{
			command(&cli.Command{
				Name: "check", Usage: "report every problem at once", Action: a.checkConfig,
				Flags: []cli.Flag{&cli.BoolFlag{Name: "online", Usage: "ask the routes' APIs as well, and change nothing"}},
			}),
			command(&cli.Command{Name: "show", Usage: "print every effective value and where it comes from", Action: a.showConfig}),
		},
	})
}

func (a *app) noSubcommand(c *cli.Context) error {
	return usageError{fmt.Errorf("config: got %q, want check or show", c.Args().Slice())}
}

// checkConfig also reads patroni.yml and the secrets: what vipctl needs of them is part of the configuration.
func (a *app) checkConfig(c *cli.Context) error {
	if err := noWords(c); err != nil {
		return err
	}
	h, err := a.open(c)
	if err != nil {
		return err
	}
	wrong := errors.Join(h.patroni.Check(), h.checkSecrets())
	if wrong == nil || h.patroni.Changed() {
		a.askPatroni(h)
	}
	if wrong != nil {
		return configError{wrong}
	}
	a.warnOfOwner(h)
	stopped := a.tellFindings("config check", a.findings(h))
	if stopped == nil {
		_, err = fmt.Fprintf(a.stdout, "%s: ok, %d VIP(s)\n", h.path, len(h.config.VIPs))
	}
	if err != nil || !c.Bool("online") {
		return errors.Join(err, stopped)
	}
	return errors.Join(stopped, a.checkOnline(h))
}

// showConfig prints vipctl.yml's settings, and beside them what vipctl takes from patroni.yml. Where that cannot be used, what
// could be read is printed all the same.
func (a *app) showConfig(c *cli.Context) error {
	if err := noWords(c); err != nil {
		return err
	}
	cfg, path, err := a.load(c)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
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
