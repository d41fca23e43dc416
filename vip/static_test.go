package vip

import (
	"net/netip"
	"testing"

	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/vip/addresstest"
)

// noted is a static address with the note that an engine keeps of it.
type noted struct {
	*Static
	until reconcile.Moment
}

func (n *noted) Hold(until reconcile.Moment) error {
	err := n.Static.Hold(until)
	if err == nil {
		n.until = until
	}
	return err
}

func (n *noted) Release() error {
	err := n.Static.Release()
	if err == nil {
		n.until = 0
	}
	return err
}

// static is a Static, not held yet, whose warnings fail the test.
func static(t testing.TB, prefix string) *noted {
	n := new(noted)
	n.Static = NewStatic(StaticOptions{
		Prefix: netip.MustParsePrefix(prefix),
		Held:   func() (reconcile.Moment, bool) { return n.until, n.until != 0 },
		Warn:   func(err error) { t.Errorf("warning: %v", err) },
	})
	n.kernel.sessionBudget = patient
	t.Cleanup(n.Close)
	return n
}

func TestStaticContract(t *testing.T) {
	for _, prefix := range []string{"10.77.0.5/32", "fd00::5/64"} {
		t.Run(prefix, func(t *testing.T) {
			addresstest.Run(t, func(t *testing.T) (reconcile.Address, func() reconcile.Moment) {
				newLAN(t).plug(t, us, "eth0")
				addAddr(t, "eth0", prefix)
				return static(t, prefix), bootTime
			})
		})
	}
}
