//go:build !labclock

package main

import "time"

// Wall is the host's wall clock, which people and NTP set.
func (hostClock) Wall() time.Time { return time.Now() }
