package vip

import (
	"slices"
	"testing"
	"time"

	"github.com/vipctl/vipctl/reconcile"
)

func TestHoldAnnounceRelease(t *testing.T) {
	l := newLAN(t)
	l.plug(t, us, "eth0")
	k := kernel(t, "10.77.0.5/32", "eth0")
	must(t, k.Hold(in(10*time.Second)))
	must(t, k.Announce())
	if got := addrs(t, "eth0"); !slices.Equal(got, []string{"10.77.0.5/32"}) {
		t.Errorf("held: %v", got)
	}
	s, err := k.Look()
	must(t, err)
	if s.Here != reconcile.PresenceYes || s.Forever || s.End < in(7*time.Second) || s.End > in(10*time.Second) || s.Detail != "" {
		t.Errorf("sight %+v", s)
	}
	must(t, k.Release())
	if got := addrs(t, "eth0"); len(got) > 0 {
		t.Errorf("released: %v", got)
	}
}

func BenchmarkHold(b *testing.B) {
	l := newLAN(b)
	l.plug(b, us, "eth0")
	k := kernel(b, "10.77.0.5/32", "eth0")
	for b.Loop() {
		must(b, k.Hold(in(time.Minute)))
	}
}

func BenchmarkLook(b *testing.B) {
	l := newLAN(b)
	l.plug(b, us, "eth0")
	k := kernel(b, "10.77.0.5/32", "eth0")
	for b.Loop() {
		_, err := k.Look()
		must(b, err)
	}
}

// BenchmarkClaim is what a callback does on its way to the first frame: a new Kernel, the address, the announcement.
func BenchmarkClaim(b *testing.B) {
	l := newLAN(b)
	l.plug(b, us, "eth0")
	for b.Loop() {
		k := kernel(b, "10.77.0.5/32", "eth0")
		must(b, k.Hold(in(time.Minute)))
		must(b, k.Announce())
		b.StopTimer()
		must(b, k.Release())
		k.Close()
		b.StartTimer()
	}
}
