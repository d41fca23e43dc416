package reconcile

import "time"

// spent is where a visit's time went.
type phaseTimes struct{ observe, lock, address, frame, note time.Duration }

// timed starts to count, and returns the function that adds what has passed to d.
func (v *vipRun) timed(d *time.Duration) (stop func()) {
	began := v.Clock.Now()
	return func() { *d += v.Clock.Now() - began }
}

// phases is the same in a record's milliseconds.
func (s phaseTimes) phases() Phases {
	return Phases{
		Observe: milliseconds(s.observe), Lock: milliseconds(s.lock), Address: milliseconds(s.address),
		Frame: milliseconds(s.frame), Note: milliseconds(s.note),
	}
}

// milliseconds are to the microsecond.
func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
