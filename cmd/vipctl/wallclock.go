//go:build !labclock

package main

import "time"

// wallClock reads the host's wall clock.
func wallClock() time.Time { return time.Now() }
