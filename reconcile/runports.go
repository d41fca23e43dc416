package reconcile

import (
	"time"

	"github.com/vipctl/vipctl/reconcile/policy"
)

// Ports is what the engine works with. All fields but Movers and Tell are needed.
type Ports struct {
	Patroni  Patroni
	Store    Store
	History  History
	Clock    Clock
	Interval time.Duration // between two ticks
	Refresh  time.Duration // between two announcements of an address that stays

	// Movers, when set, names the programs on this host that may move an address as well. It is
	// asked where a tick has to do the same again and again.
	Movers func() []string
	// Tell, when set, is called for each record as soon as the address has moved, before anything
	// slow: Patroni may kill a callback at any instant. VIPs run side by side, so calls may be
	// concurrent.
	Tell func(Record)
}

// Outcome is what a run came to for one VIP.
type Outcome struct {
	VIP      string
	Facts    policy.Facts
	Verdict  policy.Verdict
	Records  []Record // none where nothing moved
	Warnings []string // what went wrong without stopping the run; what concerns the whole run is with the first VIP's
	Err      error    // why the verdict could not be carried out, or not be come to
}
