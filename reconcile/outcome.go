package reconcile

import (
	"time"

	"github.com/vipctl/vipctl/reconcile/policy"
)

// VIP is one managed address.
type VIP struct {
	Name     string
	Address  Address
	Follow   policy.Follow
	Leased   bool          // the address dies by itself unless it is renewed
	HandOver time.Duration // the longest wait for a successor; less than 1 s releases at once
	Route    Route         // nil: the link is all there is
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
