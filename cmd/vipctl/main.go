// Vipctl makes a virtual IP follow the primary of a Patroni cluster.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	shedEnvironment()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
