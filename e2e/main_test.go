// Package e2e tests vipctl on a real cluster: etcd, Patroni and PostgreSQL in network namespaces of
// this machine.
//
// One cluster serves most tests; each begins by putting it right. A few tests have a cluster of
// their own. Without root or without the packages they are skipped and say what is missing; `make
// test` as root runs them all.
package e2e

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"github.com/vipctl/vipctl/e2e/lab"
)

func TestMain(m *testing.M) {
	if err := lab.Lacks(); err != nil {
		os.Exit(m.Run()) // each test says what is missing
	}
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-interrupted
		labs.down()
		os.Exit(130)
	}()
	code := m.Run()
	labs.down()
	os.Exit(code)
}

// cluster returns the lab, whole, and a context for the test.
func cluster(t *testing.T) (context.Context, *lab.Lab) {
	t.Helper()
	if err := lab.Lacks(); err != nil {
		t.Skip(err)
	}
	l, err := up()
	if err != nil {
		t.Fatal("bring the lab up:", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	t.Cleanup(cancel)
	settle(t, ctx, l)
	return ctx, l
}

// settle puts the cluster right, so that exactly the leader has the VIP.
func settle(t *testing.T, ctx context.Context, l *lab.Lab) {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	if err := l.Settle(ctx); err != nil {
		t.Fatal("put the cluster right:", err)
	}
}
