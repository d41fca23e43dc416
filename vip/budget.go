package vip

import (
	"sync"
	"time"

	"github.com/vipctl/vipctl/reconcile/policy"
)

// How many ARP and neighbour discovery frames a link is sent, for all VIPs and all processes of
// this host together: at most 8 at once and 3 a second, which is 11 in any second and 23 in any
// five. Dynamic ARP inspection shuts the port of a host that sends more than 15 in one second, and
// the kernel's own questions count there too. (Cisco, Catalyst 2960-X security configuration guide,
// "Limiting the Rate of Incoming ARP Packets", and Dell, PowerConnect 8100 CLI guide, "ip arp
// inspection limit": by default 15 pps on a port that is not trusted, burst interval 1 s. HPE,
// ArubaOS-Switch access security guide, "arp-throttle": 30 in 5 s.)
const (
	frameBurst = 8
	frameEvery = time.Second / 3
)

// How many frames of the burst must be left for others when a frame is sent. A client waits for an
// announcement, so that it need not leave any. A probe may be late, and the second form of an
// announcement comes again with the next tick.
const (
	keepNone     = 0
	keepForProbe = 2
	keepForAgain = 2
)

// Ledger keeps the account of a [Budget] where all processes of this host find it: for each link,
// the moment until which the frames that it was sent are paid for.
type Ledger interface {
	// Update calls change with the link's moment, 0 where none is known, and keeps what change
	// returns. Processes take turns at it. Where Update fails, it may or may not have called change,
	// and the Budget goes on by its own account.
	Update(link int, change func(paid policy.Moment) policy.Moment) error
}

// Budget paces the frames of links. It may be used concurrently.
type Budget struct {
	clock  func() policy.Moment
	ledger Ledger

	mu   sync.Mutex
	paid map[int]policy.Moment // this process's own account, for when the ledger fails
}

// NewBudget returns a budget that all processes keep together which share the ledger. The ledger
// may be nil: then this process keeps it alone. The clock is the boot clock.
func NewBudget(clock func() policy.Moment, l Ledger) *Budget {
	return &Budget{clock: clock, ledger: l, paid: map[int]policy.Moment{}}
}

// take pays for one frame to a link where that leaves at least keep frames of the burst, and
// reports whether it did. Where it did not, after is when to ask again. A ledger that fails, or is
// busy, is no reason to wait.
func (b *Budget) take(link, keep int) (ok bool, after time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	asked := false
	spend := func(paid policy.Moment) policy.Moment {
		asked = true
		now := b.clock()
		paid = paid.Max(b.paid[link]).Max(now)
		if paid.After(now.Add(frameBurst * frameEvery)) { // of another boot
			paid = now
		}
		ready := paid.Add(time.Duration(keep+1-frameBurst) * frameEvery)
		if ok, after = !ready.After(now), ready.Sub(now); ok {
			paid = paid.Add(frameEvery)
		}
		b.paid[link] = paid
		return paid
	}
	if b.ledger != nil {
		_ = b.ledger.Update(link, spend) // where it fails, our own account counts
	}
	if !asked {
		spend(policy.Moment{})
	}
	return ok, after
}
