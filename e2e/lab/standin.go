package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
)

// upStandIns makes nodes on which a handler of [Options.StandIn] answers in Patroni's place: there is no etcd, no PostgreSQL and
// nobody who calls back, but a postmaster.pid of a server that runs. What vipctl does is all its timers' work.
func (l *Lab) upStandIns(context.Context) error {
	if err := l.installVipctl(); err != nil {
		return err
	}
	for _, n := range l.Nodes {
		e := &endpoint{ns: n.NS, address: "0.0.0.0:8008", handler: l.opts.StandIn(n)}
		if err := errors.Join(n.pretendPostgres(), e.up()); err != nil {
			return err
		}
		l.standIns = append(l.standIns, e)
		n.StartTimer()
	}
	return nil
}

// pretendPostgres leaves what a PostgreSQL that runs does in its data directory. Its process is this one.
func (n *Node) pretendPostgres() error {
	dir := n.path("data", "pg")
	if err := n.lab.postgresDir(dir); err != nil {
		return err
	}
	pid := fmt.Sprintf("%d\n%s\n0\n5432\n\n\n\nready   \n", os.Getpid(), dir)
	return errors.Join(os.WriteFile(n.path("data", "pg", "PG_VERSION"), []byte("15\n"), 0o644),
		os.WriteFile(n.path("data", "pg", "postmaster.pid"), []byte(pid), 0o644))
}
