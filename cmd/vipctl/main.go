// Vipctl makes a virtual IP follow the primary of a Patroni cluster.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/vipctl/vipctl/trust"
)

func main() {
	trust.ClearEnvironment()
	// A log that nobody reads must not kill a run between two VIPs, as a write to standard error
	// would otherwise.
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
