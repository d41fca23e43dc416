// Package faults_test lets faults happen to a real cluster, one test a fault, and shows that the
// VIP is where it should be: how long clients went without it, whether two nodes had it, and
// whether a deposed primary took a write.
//
// Each trial prints one line of figures. At the end they are printed as a table and written to
// build/faults.json. `make test-faults` runs all, which takes longer than `go test` allows by
// itself; `go test ./e2e/faults -v -run NAME` one. Without root or the packages they say what is
// missing.
//
// `make campaign` lets faults of one table (faults_test.go) happen at random, and judges each by
// the same rules (judge_test.go).
package faults_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/vipctl/vipctl/e2e/lab"
)

var (
	switchovers = flag.Int("switchovers", 2, "how many switchovers, back and forth")
	killed      = flag.Int("killed", 4, "how many switchovers with killed callbacks")
	story       = flag.Bool("story", false, "log what happened in every trial, not only in those that fail")
	promise     = flag.Bool("promise", false, "fail where a figure is beyond what is promised on a quiet machine, not only where the mechanism is missing")
	patroni     = flag.Int("patroni", 0, "the major version of Patroni to run; 0 is the installed one")
	figuresFile = flag.String("figures", "", "write the figures to this file")
)

// interval is the labs' timers'.
const interval = 2 * time.Second

// The clusters that the tests share.
var (
	short = &cluster{settings: "20/2/3", opts: lab.Options{TTL: 20, LoopWait: 2, RetryTimeout: 3, Archive: true, StopHook: true}}
	// Patroni's own defaults.
	defaults = &cluster{settings: "30/10/10", opts: lab.Options{TTL: 30, LoopWait: 10, RetryTimeout: 10}}
	// For trials that wait long and measure little; they run beside the trials of other clusters.
	second = &cluster{settings: "20/2/3", opts: lab.Options{TTL: 20, LoopWait: 2, RetryTimeout: 3}}
	third  = &cluster{settings: "20/2/3", opts: lab.Options{TTL: 20, LoopWait: 2, RetryTimeout: 3}}
	// The nodes' wall clocks can be set.
	clocks = &cluster{settings: "20/2/3", opts: lab.Options{TTL: 20, LoopWait: 2, RetryTimeout: 3, Clocks: true}}
	// The same where nothing wakes a Patroni that sleeps.
	sleepers = &cluster{settings: "20/2/3", opts: lab.Options{TTL: 20, LoopWait: 2, RetryTimeout: 3, Clocks: true, EtcdV2: true, WallWaits: true}}
	// The VIP is where Hetzner's API says.
	hetzner = &cluster{settings: "20/2/3", opts: lab.Options{TTL: 20, LoopWait: 2, RetryTimeout: 3, Hetzner: lab.FloatingIP}}
)

func TestMain(m *testing.M) {
	flag.Parse()
	if *figuresFile == "" && flag.Lookup("test.run").Value.String() == "" {
		fmt.Println("make test-faults runs these; -run NAME some of them")
		return
	}
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-interrupted
		_ = raised.down()
		os.Exit(130)
	}()
	code := m.Run()
	if err := errors.Join(raised.down(), results.print(os.Stdout), results.write(*figuresFile)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// build builds vipctl as `make build` does, so that no test ever sees an old one, with more tags
// where they are given.
func build(tags string) (string, error) {
	dir, err := os.MkdirTemp("", "vipctl-faults-")
	if err != nil {
		return "", err
	}
	raised.add(func() error { return os.RemoveAll(dir) })
	binary := filepath.Join(dir, "vipctl")
	cmd := exec.Command("go", "build", "-buildvcs=false", "-trimpath", "-tags", "urfave_cli_no_docs,nethttpomithttp2"+tags, "-o", binary, "../../cmd/vipctl")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build vipctl: %w: %s", err, out)
	}
	return binary, nil
}
