package vip

import (
	"net"
	"net/netip"
	"slices"
	"testing"
)

// The kernel's filter only spares us work: what is a claim is decided here.
func TestClaimant(t *testing.T) {
	mac := net.HardwareAddr{2, 0, 0, 0, 0, 1}
	for addr, other := range map[string]string{"10.77.0.5": "110.77.0.5", "fd00::5": "fd00::1:5"} {
		k := New(Options{Clock: bootTime, Prefix: netip.PrefixFrom(netip.MustParseAddr(addr), 32)})
		claims, err := announcement(k.addr(), mac)
		must(t, err)
		for _, f := range claims {
			if got, ok := claimant(f.bytes, k.addr()); !ok || got.String() != mac.String() {
				t.Errorf("%s: %s %v in %x", addr, got, ok, f.bytes)
			}
		}
		question, err := probe(k.addr(), mac)
		must(t, err)
		lookalikes, err := announcement(netip.MustParseAddr(other), mac)
		must(t, err)
		routed := slices.Clone(claims[0].bytes)
		if k.addr().Is6() {
			routed[21]-- // the hop limit of what has passed a router
		} else {
			routed[12]++ // no ARP
		}
		for _, f := range append(lookalikes, question, frame{bytes: routed}) {
			if got, ok := claimant(f.bytes, k.addr()); ok {
				t.Errorf("%s: %s in %x", addr, got, f.bytes)
			}
		}
	}
}
