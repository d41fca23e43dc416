// Command demo brings a Patroni cluster up on this machine, writes through its VIP while the VIP
// moves, and shows what that cost. `make demo` runs it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/vipctl/vipctl/e2e/lab"
)

func main() { os.Exit(run()) }

func run() int {
	keep := flag.Bool("keep", false, "leave the cluster up")
	kept := flag.Bool("kept", false, "be the process that a cluster is left to (used by -keep)")
	binary := flag.String("vipctl", "bin/vipctl", "the vipctl to show")
	flag.Parse()
	if *keep && !*kept {
		return detach()
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := demo(ctx, *binary, *kept); err != nil {
		if ctx.Err() != nil {
			fmt.Println("\ninterrupted")
			return 130
		}
		fmt.Fprintln(os.Stderr, "demo:", err)
		return 1
	}
	return 0
}

// demo shows the cluster, and takes it away again whatever happens.
func demo(ctx context.Context, binary string, keep bool) (err error) {
	fmt.Println("A cluster of three nodes, each with etcd, Patroni, PostgreSQL and vipctl, in network namespaces:")
	l, err := lab.Up(ctx, lab.Options{Binary: binary, Progress: progress})
	if err != nil {
		return err
	}
	defer func() {
		if keep {
			fmt.Println("taking the cluster away")
		} else {
			fmt.Println("\nTaking the cluster away.")
		}
		err = errors.Join(err, l.Down())
	}()
	for _, s := range scenes {
		if err := s.play(ctx, l); err != nil {
			return fmt.Errorf("%s: %w", s.title, err)
		}
	}
	if err := tell(l); err != nil {
		return err
	}
	if keep {
		return stay(ctx, l)
	}
	return nil
}

// progress prints what the lab is doing, and how long it took.
func progress(s lab.Step) {
	if s.Took == 0 {
		fmt.Printf("  %-44s", s.What)
		return
	}
	fmt.Printf("%6.1f s\n", s.Took.Seconds())
}
