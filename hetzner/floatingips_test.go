package hetzner_test

import (
	"net/netip"
	"testing"
	"testing/synctest"

	"github.com/vipctl/vipctl/hetzner"
	"github.com/vipctl/vipctl/reconcile/routetest"
)

func TestFloatingIPIsFoundInThreeWays(t *testing.T) {
	for _, row := range []struct {
		ref, vip, err string
	}{
		{"7", fipAddress, ""},
		{"pg-vip", fipAddress, ""},
		{fipAddress, fipAddress, ""},
		{"", fipAddress, ""},
		{"v6", "2001:db8:7::1", ""},
		{"2001:db8:7::/64", "2001:db8:7::5", ""},
		{"", "2001:db8:7::5", ""},
		{"", "2001:db8:8::5", "has none"},
		{"v6", "2001:db8:8::5", "which is not"},
		{"pg-vip", "203.0.113.50", "which is not"},
		{"pg-vi", fipAddress, "none of this name"},
		{"8888", fipAddress, "404"},
	} {
		t.Run(row.ref+" "+row.vip, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLab(t)
				for id := range int64(120) { // more than two pages
					l.AddFloatingIP(100+id, "other", netip.AddrFrom4([4]byte{203, 0, 114, byte(id)}).String())
				}
				l.AddFloatingIP(900, "v6", "2001:db8:7::/64")
				r := hetzner.NewFloatingIP(l.cloud(t, ourID), l.metadata(ourID), hetzner.FloatingIPOptions{
					Address: netip.MustParseAddr(row.vip), FloatingIP: row.ref,
				})
				s, err := r.Take(t.Context(), routetest.Now(), leads)
				checkFault(t, s, err, row.err)
				if row.err != "" && len(l.Mutations()) > 0 {
					t.Error("changed another's floating IP")
				}
			})
		})
	}
}
