package vip

import (
	"errors"
	"fmt"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/vipctl/vipctl/reconcile/policy"
)

// errTooShort is what Hold fails with when less than a second is left. The kernel counts in
// seconds, and its 0 is not a life that can be given.
var errTooShort = errors.New("too short to hold")

// forever32 is INFINITY_LIFE_TIME, the lifetime of an address without an end.
const forever32 = 1<<32 - 1

// lifetime is how long the kernel keeps an address: some whole seconds, or for ever. It counts the
// seconds beyond the first, so that no value of it means 0 seconds: netlink v1.3.1 sends these as
// for ever (addr_linux.go, addrHandle: without IFA_CACHEINFO).
type lifetime uint32

const forever lifetime = forever32 - 1

func (l lifetime) seconds() uint32 { return uint32(l) + 1 }

// lifetimeUntil rounds down: an address may go a second early, never late.
func lifetimeUntil(until, now policy.Moment) (lifetime, error) {
	if until == policy.Forever {
		return forever, nil
	}
	left := until.Sub(now)
	switch {
	case left < 0:
		return 0, fmt.Errorf("lease ended %.1f s ago: %w", (-left).Truncate(100*time.Millisecond).Seconds(), errTooShort)
	case left < time.Second:
		return 0, fmt.Errorf("lease ends in %.1f s: %w", left.Truncate(100*time.Millisecond).Seconds(), errTooShort)
	}
	return lifetime(min(left/time.Second, forever32-1) - 1), nil
}

// outlasts reports whether a life that began now at the latest may go on after until.
func (l lifetime) outlasts(until, now policy.Moment) bool {
	return l != forever && now.Add(time.Duration(l.seconds())*time.Second).After(until)
}

// lastEnd is when the last of the copies goes.
func lastEnd(copies []netlink.Addr, now policy.Moment) (forever bool, end policy.Moment) {
	for _, c := range copies {
		if endless(c) {
			return true, policy.Moment{}
		}
		// The kernel reports what is left rounded up.
		end = end.Max(now).Max(now.Add(time.Duration(c.ValidLft-1) * time.Second))
	}
	return false, end
}

func endless(c netlink.Addr) bool { return uint32(c.ValidLft) == forever32 }
