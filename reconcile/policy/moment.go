package policy

import "time"

// Moment is a point on the boot clock (CLOCK_BOOTTIME): the time since this host booted, suspends
// included. Leases, deadlines and the age of evidence are kept in it, because nobody can set that
// clock. The wall clock is for people.
type Moment = time.Duration

// Forever is the end of an address that has none.
const Forever Moment = 1<<63 - 1
