package lab

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// Clients are the two hosts from which writers write, on the other side of the switch or the
// router. Their methods must not be called concurrently.
type Clients struct {
	Plain    *Namespace
	Flushing *Namespace // its writer forgets its neighbours every second

	vip      string
	cluster  *Cluster
	holders  *Holders
	wire     *Wire
	sessions int // writers started so far
}

// plugClients joins the two hosts to a switch.
func plugClients(sw *Switch, subnet string) (plain, flushing *Namespace, err error) {
	if plain, err = sw.plug("client", fmt.Sprintf(subnet, 201)); err != nil {
		return nil, nil, err
	}
	if flushing, err = sw.plug("flush", fmt.Sprintf(subnet, 202)); err != nil {
		return nil, nil, err
	}
	return plain, flushing, nil
}

// Write starts one writer through the VIP, one more through it from the flushing client, and one
// for every node but Except. They write until they are stopped, or ctx ends.
func (c *Clients) Write(ctx context.Context, opts WriterOptions) (*Writers, error) {
	opts = opts.withDefaults()
	const table = "CREATE TABLE IF NOT EXISTS writes (session text, target text, seq bigint, PRIMARY KEY (session, target, seq))"
	err := waitFor(ctx, "somebody makes the writers' table", func() error {
		leader, err := c.cluster.Leader(ctx)
		if err == nil && leader == nil {
			err = errors.New("nobody leads")
		}
		if err == nil { // it leads a little before it takes writes
			_, err = leader.Postgres.Query(ctx, table)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(ctx)
	c.sessions++
	w := &Writers{
		holders: c.holders, wire: c.wire, opts: opts, session: strconv.Itoa(c.sessions), from: time.Now(), stop: stop,
	}
	w.start(ctx, c.Plain, ViaVIP, c.vip)
	w.start(ctx, c.Flushing, ViaFlush, c.vip)
	for _, n := range c.cluster.nodes {
		if n.Name != opts.Except {
			w.start(ctx, c.Plain, n.Name, n.Addr)
		}
	}
	return w, nil
}

// Lost returns the acknowledged writes that the leader no longer has. Asynchronous replication
// loses some when a leader dies; a VIP that stays behind loses more.
func (c *Clients) Lost(ctx context.Context, r *Recording) ([]Ack, error) {
	leader, err := c.cluster.Leader(ctx)
	if err != nil || leader == nil {
		return nil, fmt.Errorf("no leader to ask for what was written: %w", err)
	}
	rows, err := leader.Postgres.Query(ctx, "SELECT target, seq FROM writes WHERE session = '"+r.session+"'")
	if err != nil {
		return nil, err
	}
	kept := make(map[string]bool, len(rows))
	for _, row := range rows {
		kept[row[0]+" "+row[1]] = true
	}
	var lost []Ack
	for _, a := range r.Acks {
		if !kept[fmt.Sprint(a.Target, " ", a.Seq)] {
			lost = append(lost, a)
		}
	}
	return lost, nil
}
