package lab

import (
	"fmt"
	"os"
	"time"
)

// The wall clock of one node. Nodes share the machine's, and Linux has no namespace for it: so Python's clock in Patroni is
// replaced, and vipctl is a build with the tag labclock. Both read one file. What lies between two moments stays true for both,
// as on a host whose clock is set. (libfaketime 0.9.10 will not do: under Python 3.11 each time.sleep fails with EINVAL.)

// ownClock replaces Patroni's wall clock.
const ownClock = `import os, time

true_time = time.time

def wall_clock():
    with open(os.environ["LAB_CLOCK"]) as off:
        return true_time() + int(off.read())

time.time = wall_clock
`

// wallWaits makes Patroni's waits end by the wall clock, as Python's did before 3.11, where a lock is waited for with
// sem_timedwait (bpo-41710).
const wallWaits = `import threading, time

wait = threading.Condition.wait

def wait_by_wall_clock(self, timeout=None):
    if timeout is None:
        return wait(self)
    end = time.time() + timeout
    while True:
        left = end - time.time()
        if wait(self, max(0, min(left, 0.1))):
            return True
        if left <= 0:
            return False

threading.Condition.wait = wait_by_wall_clock
`

// clockFile says, in seconds, how far off the node's wall clock is.
func (n *Node) clockFile() string { return n.program() + ".clock" }

// SetClock sets the node's wall clock off from the true time, for its Patroni and its vipctl. It takes Options.Clocks.
func (n *Node) SetClock(off time.Duration) error {
	next := n.clockFile() + ".next"
	if err := os.WriteFile(next, fmt.Appendf(nil, "%+d\n", int(off.Seconds())), 0o644); err != nil {
		return err
	}
	return os.Rename(next, n.clockFile()) // nobody reads half a file
}
