package main

import (
	"cmp"
	"context"
	"errors"
	"io"
	"os"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"

	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/state"
	"github.com/vipctl/vipctl/status"
)

func (a *app) statusCommand() *cli.Command {
	return command(&cli.Command{
		Name:  "status",
		Usage: "show where the VIPs are, and why",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "json", Usage: "print JSON"},
			&cli.BoolFlag{Name: "all", Usage: "ask every member's Patroni as well"},
			&cli.BoolFlag{Name: "watch", Usage: "print again every second, until interrupted"},
		},
		Action: a.status,
	})
}

func (a *app) status(c *cli.Context) error {
	if err := noWords(c); err != nil {
		return err
	}
	h, err := a.open(c)
	if err != nil {
		return err
	}
	watch, from := c.Bool("watch"), a.reportedHost(h)
	for {
		report := status.Gather(a.ctx, from, c.Bool("all"))
		if a.ctx.Err() != nil { // what was not heard any more would look like silence
			return interrupted(watch)
		}
		if err := a.printStatus(report, c.Bool("json"), watch); err != nil {
			return err
		}
		a.warnOfAhead(h)
		for _, w := range report.Warnings {
			a.log.Warn(w)
		}
		stopped := a.tellFindings("status", report.Findings)
		if !watch {
			return cmp.Or(unreached(h, report.Patroni), stopped)
		}
		if (hostClock{}).Wait(a.ctx, time.Second) != nil {
			return interrupted(watch)
		}
	}
}

// reportedHost is what package status needs of the host.
func (a *app) reportedHost(h *host) status.Host {
	from := status.Host{
		Engine: h.engine, Patroni: h.patroni, RunDir: h.config.Paths.Run,
		Findings: func(context.Context) reconcile.Findings { return a.findings(h) },
		Newest: func(vip string) (*reconcile.Record, error) {
			last, err := h.history.Read(state.Query{Limit: 1, VIP: vip})
			if len(last) == 0 {
				return nil, err
			}
			return &last[0], err
		},
	}
	for i, v := range h.config.VIPs {
		from.VIPs = append(from.VIPs, status.Configured{
			Name: v.Name, Prefix: v.Prefix, Interface: v.Interface, Address: h.engine.VIPs[i].Address, Via: via(v.Route),
		})
	}
	return from
}

// unreached is the error where Patroni was not reached: patroni.yml does not say where it is, or it does not answer.
func unreached(h *host, p status.Patroni) error {
	if p.Reachable {
		return nil
	}
	if err := h.patroni.Check(); err != nil {
		return configError{err}
	}
	return unreachableError{errors.New("Patroni unreachable: " + p.Why)}
}

// interrupted is how a status ends that was told to stop. With --watch that is the usual end, whatever was seen.
func interrupted(watch bool) error {
	if watch {
		return nil
	}
	return errors.New("status: interrupted")
}

func (a *app) printStatus(r status.Report, asJSON, watch bool) error {
	if asJSON {
		return status.WriteJSON(a.stdout, r)
	}
	if watch && isTerminal(a.stdout) {
		const clear = "\x1b[H\x1b[2J"
		if _, err := a.stdout.Write([]byte(clear)); err != nil {
			return err
		}
	}
	return status.WriteTable(a.stdout, r, colourful(a.stdout))
}

// isTerminal reports whether w is one.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

// colourful reports whether colours are wanted (https://no-color.org).
func colourful(w io.Writer) bool { return os.Getenv("NO_COLOR") == "" && isTerminal(w) }
