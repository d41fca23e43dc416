package lab

import (
	"fmt"
	"os"
	"time"
)

// Clock is the wall clock of one node. The nodes share the machine's, and Linux has no namespace
// for it: so Python's clock in Patroni is replaced (hooks.go), and vipctl is a build with the tag
// labclock. Both read one file. Durations stay true for both, as on a host whose clock is set.
// (libfaketime 0.9.10 will not do: under Python 3.11 each time.sleep fails with EINVAL.)
type Clock struct {
	file string // how far off the clock is, in seconds
}

// Set sets the clock off from the true time, for the node's Patroni and its vipctl, in whole
// seconds. It takes Options.Clocks.
func (c *Clock) Set(off time.Duration) error {
	next := c.file + ".next"
	if err := os.WriteFile(next, fmt.Appendf(nil, "%+d\n", int(off.Seconds())), 0o644); err != nil {
		return err
	}
	return os.Rename(next, c.file) // nobody reads half a file
}
