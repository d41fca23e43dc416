// Command figures puts what `make test-faults` has measured into a page, so that no hand types a
// figure there.
//
//	figures PAGE FILE...
//
// Each FILE is what one run wrote. Runs on another major version of Patroni have columns of their
// own. What they come to replaces all that is between these two lines of the PAGE:
//
//	<!-- figures: begin -->
//	<!-- figures: end -->
//
// The rows are in the order in which the PAGE first links to their faults.
//
// When anything is wrong the page stays as it is.
package main

import (
	"fmt"
	"io"
	"os"
)

func main() { os.Exit(run(os.Args[1:], os.Stderr)) }

func run(args []string, stderr io.Writer) int {
	if len(args) < 2 {
		fmt.Fprintln(stderr, "usage: figures PAGE FILE...")
		return 64
	}
	if err := update(args[0], args[1:]); err != nil {
		fmt.Fprintln(stderr, "figures:", err)
		return 1
	}
	return 0
}

// update writes the figures of the files into the page.
func update(page string, files []string) error {
	var all []measured
	for _, file := range files {
		m, err := read(file)
		if err != nil {
			return err
		}
		all = append(all, m)
	}
	before, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	after, err := between(string(before), figures(string(before), all))
	if err != nil {
		return fmt.Errorf("%s: %w", page, err)
	}
	return replace(page, after)
}
