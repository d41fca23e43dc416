// Package e2e tests vipctl on a real cluster: etcd, Patroni and PostgreSQL in network namespaces of this machine.
//
// One cluster serves all tests; each begins by putting it right. Without root or without the packages they are skipped
// and say what is missing; `make test` as root runs them all.
package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/vipctl/vipctl/e2e/lab"
)

// up brings the cluster up when the first test asks for it.
var up = sync.OnceValues(func() (*lab.Lab, error) {
	binary, err := build()
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(filepath.Dir(binary))
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	return lab.Up(ctx, lab.Options{Binary: binary})
})

func TestMain(m *testing.M) {
	if err := lab.Lacks(); err != nil {
		os.Exit(m.Run()) // each test says what is missing
	}
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-interrupted
		down()
		os.Exit(130)
	}()
	code := m.Run()
	down()
	os.Exit(code)
}

func down() {
	if l, err := up(); err == nil {
		if err := l.Down(); err != nil {
			fmt.Fprintln(os.Stderr, "take the lab away:", err)
		}
	}
}

// build builds vipctl as `make build` does, so that no test ever sees an old one.
func build() (string, error) {
	dir, err := os.MkdirTemp("", "vipctl-e2e-")
	if err != nil {
		return "", err
	}
	binary := filepath.Join(dir, "vipctl")
	cmd := exec.Command("go", "build", "-buildvcs=false", "-trimpath", "-tags", "urfave_cli_no_docs", "-o", binary, "../cmd/vipctl")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build vipctl: %w: %s", err, out)
	}
	return binary, nil
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
	ctx, cancel := context.WithTimeout(ctx, 90*time.Second)
	defer cancel()
	if err := l.Settle(ctx); err != nil {
		t.Fatal("put the cluster right:", err)
	}
}
