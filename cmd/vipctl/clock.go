package main

import (
	"bytes"
	"context"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/reconcile/policy"
)

// hostClock is this host's own time.
type hostClock struct{}

var _ reconcile.Clock = hostClock{}

// Now reads CLOCK_BOOTTIME, here and nowhere else: the other packages are given it. The call cannot
// fail on a Linux since 2.6.39.
func (hostClock) Now() policy.Moment {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		panic(err)
	}
	return policy.SinceBoot(time.Duration(ts.Nano()))
}

// Wall is the wall clock, which people and NTP set.
func (hostClock) Wall() time.Time { return wallClock() }

// Wait waits for d, or until ctx ends.
func (hostClock) Wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// processStart is when this process was forked, from /proc/self/stat (proc(5): starttime, in ticks
// of 10 ms since boot), so that a freeze before main counts as well. Where it cannot be read, it is
// now.
func processStart() policy.Moment {
	stat, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		return hostClock{}.Now()
	}
	start, ok := parseStart(stat)
	if !ok {
		return hostClock{}.Now()
	}
	return start
}

// parseStart reads the text of /proc/PID/stat.
func parseStart(stat []byte) (start policy.Moment, ok bool) {
	const jiffy = 10 * time.Millisecond // USER_HZ is 100 on every architecture that Go runs on
	const starttime = 19                // counted from the field behind the command's name, which may contain spaces
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) <= starttime {
		return policy.Moment{}, false
	}
	ticks, err := strconv.ParseInt(string(fields[starttime]), 10, 64)
	return policy.SinceBoot(time.Duration(ticks) * jiffy), err == nil
}
