package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/state/history"
)

func historyCommand(in *invocation) *cli.Command {
	return command(&cli.Command{
		Name:  "history",
		Usage: "show the transitions on this host, newest first",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "json", Usage: "print JSON"},
			&cli.IntFlag{Name: "limit", Aliases: []string{"n"}, Value: 20, Usage: "show at most `N`; 0 shows all"},
			&cli.DurationFlag{Name: "since", Usage: "show the last `DURATION` only, for example 2h"},
			&cli.StringFlag{Name: "vip", Usage: "show the VIP called `NAME` only"},
		},
		Action: with(in, showHistory),
	})
}

func showHistory(in *invocation, c *cli.Context) error {
	if err := noWords(c); err != nil {
		return err
	}
	query := history.Query{Limit: c.Int("limit"), VIP: c.String("vip")}
	if query.Limit < 0 {
		return usageError{fmt.Errorf("history: got --limit %d, want 0 or more", query.Limit)}
	}
	if since := c.Duration("since"); since < 0 {
		return usageError{fmt.Errorf("history: got --since %v, want a duration that is not negative", since)}
	} else if since > 0 {
		query.Since = time.Now().Add(-since)
	}
	h, err := open(in, c)
	if err != nil {
		return err
	}
	if err := h.knows(query.VIP); err != nil {
		return err
	}
	records, err := h.history.Read(query)
	if err != nil {
		err = historyError{fmt.Errorf("read the history in %s: %w", h.config.Paths.State, err)}
		if len(records) == 0 {
			return err
		}
	}
	write := writeHistory
	if c.Bool("json") {
		write = encodeHistory
	}
	return errors.Join(write(in.stdout, records), err) // with an error come the records that could be read
}

func encodeHistory(w io.Writer, records []reconcile.Record) error {
	if records == nil {
		records = []reconcile.Record{}
	}
	return json.NewEncoder(w).Encode(records)
}

func writeHistory(w io.Writer, records []reconcile.Record) error {
	if len(records) == 0 {
		_, err := fmt.Fprintln(w, "no transitions")
		return err
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "WHEN (UTC)\tVIP\tDO\tTRIGGER\tBY\tTOOK\tWHY")
	for _, r := range records {
		why := r.Reason
		if r.Error != "" {
			why += ": " + r.Error
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%.1f ms\t%s\n", r.At.UTC().Format("2006-01-02 15:04:05.000"), r.VIP, r.Do, r.Trigger, r.By, r.TookMS, why)
	}
	return table.Flush()
}
