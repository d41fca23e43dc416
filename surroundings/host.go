// Package surroundings looks at what surrounds vipctl on a host: the callbacks that Patroni runs
// and the powers that they have, the timer, who listens at the VIPs, their links, and other
// programs that move addresses. What keeps clients from a VIP, or vipctl from moving it, comes back
// as findings from [Find]. Nothing is changed, and no other program is run.
package surroundings

import (
	"net/netip"
	"sync"
	"time"

	"github.com/vipctl/vipctl/patroni"
	"github.com/vipctl/vipctl/patroni/conf"
	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/reconcile/policy"
)

// Host is the host that is looked at. Its fields are set once, before the first [Find]; it must not
// be copied after that.
type Host struct {
	Patroni *patroni.Client
	Source  conf.Source // where Patroni's settings come from
	Notes   reconcile.Store
	VIPs    []VIP

	Now      func() policy.Moment // the boot clock
	Interval time.Duration        // between two ticks
	Overdue  time.Duration        // a timer whose last tick was longer ago does not run

	inspecting sync.Mutex // locked while an inspection goes on
}

// VIP is one VIP of the host.
type VIP struct {
	Name    string
	Addr    netip.Addr
	Address reconcile.Address // on this host's link
	Leased  bool              // the address dies by itself unless it is renewed
}
