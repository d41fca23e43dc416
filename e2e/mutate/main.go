// Command mutate checks the policy's tests: it flips one operator of package reconcile/policy after
// the other and expects a test to fail each time. A mutant that no test notices is printed as
// file:line and makes the command fail, unless equivalent.go says why it cannot be noticed.
//
// All mutants are compiled into one test binary, through the overlay of the go command, and an
// environment variable chooses one of them: building takes longer than testing. It runs from the
// root of the checkout:
//
//	go run ./e2e/mutate
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	folder = "reconcile/policy"
	// engine has tests that tell the policy a story: they are asked where its own notice nothing.
	engine = "reconcile"
	// slowTests enumerate millions of facts: only what the others let pass is shown to them.
	slowTests = "^(TestLaws|TestPage|TestEachRowDecides)$"
	// sideBySide leaves something of a small machine to others.
	sideBySide = 2
)

// selection is a part of the tests, and how long it may take: far longer than it does, on any
// machine. A mutant that hangs has been noticed.
type selection struct {
	folder   string
	flag     string // what to do with the slow tests
	patience time.Duration
}

var (
	fast    = selection{folder, "-test.skip", 30 * time.Second}
	stories = selection{engine, "-test.skip", time.Minute}
	slow    = selection{folder, "-test.run", 5 * time.Minute}
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "mutate:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	began := time.Now()
	dir, err := os.MkdirTemp("", "mutate")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()

	mutants, tests, err := build(ctx, dir)
	if err != nil {
		return err
	}
	if err := tests.sane(ctx); err != nil {
		return err
	}
	fmt.Printf("%d mutants, built in %.0f s\n", len(mutants), time.Since(began).Seconds())
	survivors, err := tests.hunt(ctx, mutants)
	if err != nil {
		return err
	}
	wrong := report(mutants, survivors)
	fmt.Printf("%d mutants, %d of them equivalent, %d to look at, %.0f s\n",
		len(mutants), len(equivalent), wrong, time.Since(began).Seconds())
	if wrong > 0 {
		return errors.New("the tests and the list of equivalent mutants do not fit")
	}
	return nil
}

// build compiles every mutant into one test binary.
func build(ctx context.Context, dir string) ([]mutant, binary, error) {
	var mutants []mutant
	replace := map[string]string{}
	files, err := sources()
	if err != nil {
		return nil, binary{}, err
	}
	for _, path := range files {
		source, found, err := mutate(path, len(mutants)+1)
		if err != nil {
			return nil, binary{}, err
		}
		replace[path] = filepath.Join(dir, filepath.Base(path))
		if err := os.WriteFile(replace[path], source, 0o600); err != nil {
			return nil, binary{}, err
		}
		mutants = append(mutants, found...)
	}
	tests, err := compile(ctx, dir, replace)
	return mutants, tests, err
}

// sources are the files of the policy.
func sources() ([]string, error) {
	dir, err := filepath.Abs(folder)
	if err != nil {
		return nil, err
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	return slices.DeleteFunc(files, func(path string) bool { return strings.HasSuffix(path, "_test.go") }), err
}

// binary is the compiled tests: the policy's own, and the engine's.
type binary struct{ policy, engine string }

// sane makes sure that without a mutant every test passes: otherwise all would seem noticed.
func (b binary) sane(ctx context.Context) error {
	for _, some := range []selection{fast, stories, slow} {
		if fail, out, err := b.test(ctx, 0, some); fail || err != nil {
			return fmt.Errorf("without any mutant: %v\n%s", err, out)
		}
	}
	return nil
}

// hunt returns the mutants that no test notices, by their number.
func (b binary) hunt(ctx context.Context, mutants []mutant) (map[int]bool, error) {
	survivors := map[int]bool{}
	var wrong error
	var mu sync.Mutex
	var all sync.WaitGroup
	free := make(chan struct{}, sideBySide)
	for i, m := range mutants {
		free <- struct{}{}
		all.Go(func() {
			defer func() { <-free }()
			noticed, err := b.notices(ctx, m)
			mu.Lock()
			defer mu.Unlock()
			wrong = errors.Join(wrong, err)
			survivors[m.id] = !noticed
		})
		if (i+1)%50 == 0 {
			fmt.Printf("%d of %d\n", i+1, len(mutants))
		}
	}
	all.Wait()
	return survivors, wrong
}

// notices reports whether a test fails with the mutant: the fast ones first, the engine's behind
// them, then, where nobody expects the mutant to pass, the slow ones.
func (b binary) notices(ctx context.Context, m mutant) (bool, error) {
	for _, some := range []selection{fast, stories} {
		if fail, _, err := b.test(ctx, m.id, some); fail || err != nil {
			return fail, err
		}
	}
	if _, expected := equivalent[m.String()]; expected {
		return false, nil
	}
	fail, _, err := b.test(ctx, m.id, slow)
	if fail {
		fmt.Printf("%s: only the slow tests notice: %s\n", m.where(), m)
	}
	return fail, err
}

// test runs some of the tests with one mutant awake, 0 for none, and reports whether they fail.
func (b binary) test(ctx context.Context, id int, some selection) (fail bool, out []byte, err error) {
	limited, cancel := context.WithTimeout(ctx, some.patience)
	defer cancel()
	path := b.policy
	if some.folder == engine {
		path = b.engine
	}
	cmd := exec.CommandContext(limited, path, some.flag, slowTests, "-test.failfast")
	cmd.Dir = some.folder
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d", awake, id))
	out, err = cmd.CombinedOutput()
	var failed *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return false, out, ctx.Err()
	case limited.Err() != nil || errors.As(err, &failed):
		return true, out, nil
	}
	return false, out, err
}

// report prints the mutants that are not as equivalent.go has them, and returns their number.
func report(mutants []mutant, survivors map[int]bool) (wrong int) {
	known := map[string]bool{}
	for _, m := range mutants {
		_, expected := equivalent[m.String()]
		known[m.String()] = true
		switch {
		case survivors[m.id] && !expected:
			fmt.Printf("%s: no test notices: %s\n", m.where(), m)
			wrong++
		case !survivors[m.id] && expected:
			fmt.Printf("%s: is noticed, take it off the list: %s\n", m.where(), m)
			wrong++
		}
	}
	for text := range equivalent {
		if !known[text] {
			fmt.Printf("is no mutant any more, take it off the list: %s\n", text)
			wrong++
		}
	}
	return wrong
}
