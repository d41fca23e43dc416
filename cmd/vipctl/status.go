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
	"github.com/vipctl/vipctl/state/history"
	"github.com/vipctl/vipctl/status"
)

func statusCommand(in *invocation) *cli.Command {
	return command(&cli.Command{
		Name:  "status",
		Usage: "show where the VIPs are, and why",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "json", Usage: "print JSON"},
			&cli.BoolFlag{Name: "all", Usage: "ask every member's Patroni as well"},
			&cli.BoolFlag{Name: "watch", Usage: "print again every second, until interrupted"},
		},
		Action: with(in, showStatus),
	})
}

func showStatus(in *invocation, c *cli.Context) error {
	if err := noWords(c); err != nil {
		return err
	}
	h, err := open(in, c)
	if err != nil {
		return err
	}
	watch, from := c.Bool("watch"), reportedHost(h)
	for {
		report := status.Gather(c.Context, from, c.Bool("all"))
		if c.Context.Err() != nil { // who was not heard in time would look silent
			return interrupted(watch)
		}
		if err := printStatus(in.stdout, report, c.Bool("json"), watch); err != nil {
			return err
		}
		h.patroniLog.ahead()
		for _, w := range report.Warnings {
			in.log.Warn(w)
		}
		stopped := logFindings(in.log, "status", report.Findings)
		if !watch {
			return cmp.Or(unreached(h, report.Patroni), stopped)
		}
		if (hostClock{}).Wait(c.Context, time.Second) != nil {
			return interrupted(watch)
		}
	}
}

// reportedHost is what package status needs of the host.
func reportedHost(h *host) status.Host {
	from := status.Host{
		Engine: h.engine, Patroni: h.patroni, RunDir: h.config.Paths.Run,
		Findings: func(ctx context.Context) reconcile.Findings { return findings(ctx, h) },
		Newest: func(vip string) (*reconcile.Record, error) {
			last, err := h.history.Read(history.Query{Limit: 1, VIP: vip})
			if len(last) == 0 {
				return nil, err
			}
			return &last[0], err
		},
	}
	for _, v := range h.vips {
		from.VIPs = append(from.VIPs, status.Configured{
			Name: v.Name, Prefix: v.Prefix, Interface: v.Interface, Address: v.address, Route: v.route, RouteKind: v.Route.Kind(),
		})
	}
	return from
}

// unreached is the error where Patroni was not reached: patroni.yml does not say where it is, or it
// does not answer.
func unreached(h *host, p status.Patroni) error {
	if p.Reachable {
		return nil
	}
	if err := h.patroni.Check(); err != nil {
		return configError{err}
	}
	return unreachableError{errors.New("Patroni unreachable: " + p.Why)}
}

// interrupted is how a status ends that was told to stop. With --watch that is the usual end,
// whatever was seen.
func interrupted(watch bool) error {
	if watch {
		return nil
	}
	return errors.New("status: interrupted")
}

func printStatus(w io.Writer, r status.Report, asJSON, watch bool) error {
	if asJSON {
		return status.WriteJSON(w, r)
	}
	if watch && isTerminal(w) {
		const clear = "\x1b[H\x1b[2J"
		if _, err := w.Write([]byte(clear)); err != nil {
			return err
		}
	}
	return status.WriteTable(w, r, colourful(w))
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
