// Command relapses puts faults back that vipctl has had, one after the other, and expects the
// simulator to find each within so many seeds. It runs from the root of the checkout:
//
//	go run ./e2e/sim/relapses [-seeds 10000] [NAME]
//
// A relapse that is not found says that the simulator has become blind, and makes the command fail.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// relapse is one line of the product as it was, or might have been, when it was wrong.
type relapse struct {
	name string
	file string
	now  string // stands in the file once
	then string
}

func main() {
	seeds := flag.Int("seeds", 10000, "how many seeds a relapse has to be found in")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *seeds, flag.Arg(0)); err != nil {
		fmt.Fprintln(os.Stderr, "relapses:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, seeds int, only string) error {
	dir, err := os.MkdirTemp("", "relapses")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	missed := 0
	for _, r := range relapses {
		if only != "" && r.name != only {
			continue
		}
		began := time.Now()
		found, err := r.try(ctx, dir, seeds)
		if err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
		if found == "" {
			found = fmt.Sprintf("NOT FOUND in %d seeds", seeds)
			missed++
		}
		fmt.Printf("%-50s %s (%.0f s)\n", r.name, found, time.Since(began).Seconds())
	}
	if missed > 0 {
		return fmt.Errorf("%d of %d relapses were not found", missed, len(relapses))
	}
	return nil
}

var badSeed = regexp.MustCompile(`seed (\d+): `)

// try builds the simulator with the fault, through the overlay of the go command, and returns the
// first seed that shows it.
func (r relapse) try(ctx context.Context, dir string, seeds int) (found string, err error) {
	source, err := os.ReadFile(r.file)
	if err != nil {
		return "", err
	}
	if n := strings.Count(string(source), r.now); n != 1 {
		return "", fmt.Errorf("%s has these lines %d times, want once: %s", r.file, n, r.now)
	}
	wrong := filepath.Join(dir, "wrong.go")
	if err := os.WriteFile(wrong, []byte(strings.Replace(string(source), r.now, r.then, 1)), 0o600); err != nil {
		return "", err
	}
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{r.file: wrong}})
	if err != nil {
		return "", err
	}
	list, binary := filepath.Join(dir, "overlay.json"), filepath.Join(dir, "sim.test")
	if err := os.WriteFile(list, overlay, 0o600); err != nil {
		return "", err
	}
	if out, err := exec.CommandContext(ctx, "go", "test", "-c", "-vet=off", "-overlay", list, "-o", binary, "./e2e/sim").CombinedOutput(); err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, out)
	}
	cmd := exec.CommandContext(ctx, binary, "-test.run", "^TestSeeds$", "-test.timeout", "0", "-seeds", fmt.Sprint(seeds), "-bad", "1", "-shrink=false")
	cmd.Dir = "e2e/sim"
	out, err := cmd.CombinedOutput()
	if err == nil {
		return "", nil
	}
	m := badSeed.FindStringSubmatch(string(out))
	if m == nil {
		return "", fmt.Errorf("the simulator failed in another way: %w\n%s", err, out)
	}
	_, text, _ := strings.Cut(string(out), "VIOLATION: ")
	text, _, _ = strings.Cut(text, "\n")
	return fmt.Sprintf("seed %s: %s", m[1], text), nil
}
