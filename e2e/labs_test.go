package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"github.com/vipctl/vipctl/e2e/lab"
)

// up brings the cluster up when the first test asks for it.
var up = sync.OnceValues(func() (*lab.Lab, error) { return labs.bring(lab.Options{}) })

// labs are all that this process has brought up.
var labs crew

type crew struct {
	coming sync.WaitGroup

	mu     sync.Mutex
	over   bool
	binary string // vipctl, "" before it is built
	all    []*lab.Lab
}

// bring brings a lab up with a vipctl of today's source.
func (c *crew) bring(opts lab.Options) (_ *lab.Lab, err error) {
	if opts.Binary, err = c.enter(); err != nil {
		return nil, err
	}
	defer c.coming.Done()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	l, err := lab.Up(ctx, opts)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = append(c.all, l)
	return l, nil
}

// enter announces a lab, and returns the binary for it.
func (c *crew) enter() (_ string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over {
		return "", context.Canceled
	}
	if c.binary == "" {
		if c.binary, err = build(); err != nil {
			return "", err
		}
	}
	c.coming.Add(1)
	return c.binary, nil
}

// down takes every lab away, one that is coming up included, and lets no other come.
func (c *crew) down() {
	c.mu.Lock()
	c.over = true
	c.mu.Unlock()
	c.coming.Wait()
	for _, l := range c.all {
		if err := l.Down(); err != nil {
			fmt.Fprintln(os.Stderr, "take the lab away:", err)
		}
	}
	if c.binary != "" {
		_ = os.RemoveAll(filepath.Dir(c.binary))
	}
}

// build builds vipctl as `make build` does, so that no test ever sees an old one.
func build() (string, error) {
	dir, err := os.MkdirTemp("", "vipctl-e2e-")
	if err != nil {
		return "", err
	}
	binary := filepath.Join(dir, "vipctl")
	cmd := exec.Command("go", "build", "-buildvcs=false", "-trimpath", "-tags", "urfave_cli_no_docs,nethttpomithttp2", "-o", binary, "../cmd/vipctl")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build vipctl: %w: %s", err, out)
	}
	return binary, nil
}
