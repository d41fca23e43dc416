package policy

import (
	"math"
	"strconv"
	"time"
)

// Moment is a point on the boot clock (CLOCK_BOOTTIME): the time since this host booted, suspends
// included. Leases, deadlines and the age of evidence are kept in it, because nobody can set that
// clock. The wall clock is for people. Two Moments cannot be added, and a Moment is no
// [time.Duration]: the compiler refuses both. The zero Moment is the boot, and stands for "never" and
// "not known".
type Moment struct{ sinceBoot time.Duration }

// Forever is the end of an address that has none.
var Forever = Moment{math.MaxInt64}

// SinceBoot is the moment that lies d behind the boot.
func SinceBoot(d time.Duration) Moment { return Moment{d} }

// SinceBoot is how long after the boot m is.
func (m Moment) SinceBoot() time.Duration { return m.sinceBoot }

// Add returns the moment d later.
func (m Moment) Add(d time.Duration) Moment { return Moment{m.sinceBoot + d} }

// Sub returns how much later m is than n.
func (m Moment) Sub(n Moment) time.Duration { return m.sinceBoot - n.sinceBoot }

// Before reports whether m is earlier than n.
func (m Moment) Before(n Moment) bool { return m.sinceBoot < n.sinceBoot }

// After reports whether m is later than n.
func (m Moment) After(n Moment) bool { return n.Before(m) }

// Min returns the earlier one.
func (m Moment) Min(n Moment) Moment { return Moment{min(m.sinceBoot, n.sinceBoot)} }

// Max returns the later one.
func (m Moment) Max(n Moment) Moment { return Moment{max(m.sinceBoot, n.sinceBoot)} }

// IsZero reports whether m is not known. JSON with omitzero leaves it out then.
func (m Moment) IsZero() bool { return m.sinceBoot == 0 }

// String is the time since the boot, for people.
func (m Moment) String() string { return m.sinceBoot.String() }

// MarshalJSON writes the nanoseconds since the boot.
func (m Moment) MarshalJSON() ([]byte, error) {
	return strconv.AppendInt(nil, int64(m.sinceBoot), 10), nil
}

// UnmarshalJSON reads them.
func (m *Moment) UnmarshalJSON(data []byte) error {
	n, err := strconv.ParseInt(string(data), 10, 64)
	m.sinceBoot = time.Duration(n)
	return err
}
