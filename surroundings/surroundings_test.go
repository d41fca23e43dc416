package surroundings

import (
	"context"
	"net/netip"
	"strings"
	"testing"

	"github.com/vipctl/vipctl/reconcile"
)

// TestAHangIsLeftBehind: what was found before a look that hangs is kept, and said is that there
// was one.
func TestAHangIsLeftBehind(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 0)
	defer cancel()
	<-ctx.Done()
	var found reconcile.Findings
	found.Add(reconcile.Problem, "found before")
	collect(ctx, &found, make(chan reconcile.Findings))
	if len(found) != 2 || !strings.Contains(found[1].Text, "could not be looked at within 1.5s") {
		t.Errorf("found %v", found)
	}
}

// TestAnInterruptIsNoHang: people who interrupt a status know that.
func TestAnInterruptIsNoHang(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var found reconcile.Findings
	collect(ctx, &found, make(chan reconcile.Findings))
	if len(found) > 0 {
		t.Errorf("found %v", found)
	}
}

// TestMentions: an address is found whole, however it is written.
func TestMentions(t *testing.T) {
	v4, v6 := netip.MustParseAddr("192.0.2.10"), netip.MustParseAddr("2001:db8::10")
	for text, want := range map[string]bool{
		"192.0.2.10":                        true,
		"{192.0.2.10/24 dev eth0}":          true,
		`ip="192.0.2.10"`:                   true,
		"--addr=192.0.2.10.":                true,
		"192.0.2.100 192.0.2.1 1192.0.2.10": false,
		"a192.0.2.10":                       false,
		"2001:DB8:0::10/64":                 true,
		"[2001:db8::10]":                    true,
		"2001:db8::100 2001:db8::1":         false,
		"":                                  false,
	} {
		if got := mentions(text, v4) || mentions(text, v6); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}
