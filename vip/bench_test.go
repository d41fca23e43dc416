package vip

import (
	"net/netip"
	"testing"
	"time"
)

func BenchmarkHold(b *testing.B) {
	newLAN(b).plug(b, us, "eth0")
	k := kernel(b, "10.77.0.5/32", "eth0")
	for b.Loop() {
		must(b, k.Keep(in(time.Minute)))
	}
}

func BenchmarkLook(b *testing.B) {
	newLAN(b).plug(b, us, "eth0")
	k := kernel(b, "10.77.0.5/32", "eth0")
	must(b, k.Keep(in(time.Minute)))
	for b.Loop() {
		_, err := k.State()
		must(b, err)
	}
}

// BenchmarkClaim is a callback's way to the first frame, seen from here: a new Kernel, the address,
// the announcement.
func BenchmarkClaim(b *testing.B) {
	for _, prefix := range []string{"10.77.0.5/32", "10.77.0.5/24", "fd00::5/128"} {
		b.Run(prefix, func(b *testing.B) {
			newLAN(b).plug(b, us, "eth0")
			for b.Loop() {
				k := New(Options{Clock: bootTime, Prefix: netip.MustParsePrefix(prefix), Interface: "eth0"})
				must(b, k.Keep(in(time.Minute)))
				must(b, k.Announce())
				b.StopTimer()
				must(b, k.Release())
				k.rtnl.close()
				b.StartTimer()
			}
		})
	}
}

func BenchmarkRelease(b *testing.B) {
	newLAN(b).plug(b, us, "eth0")
	k := kernel(b, "10.77.0.5/32", "eth0")
	for b.Loop() {
		b.StopTimer()
		must(b, k.Keep(in(time.Minute)))
		b.StartTimer()
		must(b, k.Release())
	}
}
