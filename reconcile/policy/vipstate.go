package policy

import "time"

// VIPState is what the processes of one VIP tell each other through /run. Fields are added, never
// renamed: a newer vipctl reads what an older one wrote, and the other way round.
type VIPState struct {
	// Generation counts the claims. A hand-over that began under another generation must not touch
	// the address.
	Generation uint64 `json:"generation"`
	// Phase is how far the claim or the release has come that was made last.
	Phase Phase `json:"phase,omitempty"`
	// Claimed is when the claim was finished, in the phase claimed.
	Claimed Moment `json:"claimed,omitzero"`
	// Ours is set when a claim has put the address on the link, or a renewal has taken over one
	// that was found there. From then on, until a release, the address is not the host's own, also
	// while the next claim is under way.
	Ours bool `json:"ours,omitempty"`
	// Announced is when the neighbours were last told.
	Announced Moment `json:"announced,omitzero"`
	// LeaseEnd is until when the last verdict vouched for the address, also where the kernel's
	// address has no end.
	LeaseEnd Moment `json:"lease_end,omitzero"`
	// Forever is set where that verdict gave the address no end: LeaseEnd is what is vouched for,
	// and nothing ends the address then.
	Forever bool `json:"forever,omitempty"`
	// Changed is when the address was last claimed or released. A reply from before it says nothing
	// about now.
	Changed Moment `json:"changed,omitzero"`
	// Failure is the error of the last claim or release, so that one that goes on is recorded once.
	Failure string `json:"failure,omitempty"`
	// Probed is when the neighbours were last asked who else answers for the address.
	Probed Moment `json:"probed,omitzero"`
	// Answering is who did: a proxy, or a host that has the address too. None of them can be told
	// from a successor, so that none counts as one.
	Answering []MAC `json:"answering,omitempty"`
	// Repeats counts the transitions of ticks, by what was done and the code.
	Repeats repeats `json:"repeats,omitempty"`
	// Hold is an operator's, also where the address is not here.
	Hold *OperatorHold `json:"hold,omitempty"`
	// HandOver is set while the address waits for its successor.
	HandOver *HandOver `json:"hand_over,omitempty"`
}

// Phase is how far the last claim has come. The empty one says that nothing is known: there was no
// claim since the host started, or /run was wiped.
type Phase string

const (
	Claiming Phase = "claiming" // begun, and not finished: under way, failed or killed
	Claimed  Phase = "claimed"  // the address was put on the link and announced
	Released Phase = "released"
)

// HandOver is the wait of an address, on a host whose PostgreSQL is down, for its successor.
type HandOver struct {
	Generation uint64 `json:"generation"`
	Began      Moment `json:"began"`
	Until      Moment `json:"until"`
}

// OperatorHold keeps the policy from moving a VIP on this host for a while.
type OperatorHold struct {
	By    string `json:"by"`
	Until Moment `json:"until"`
}

const (
	// announceFor is how long after a claim every tick announces again: a neighbour or a switch may
	// have missed the announcement, or heard the former holder after us.
	announceFor = 10 * time.Second
	// firstProbe leaves the former holder time to go.
	firstProbe = 10 * time.Second
)

// HeldAt reports whether an operator's hold is in force.
func (s VIPState) HeldAt(now Moment) bool { return s.Hold != nil && now.Before(s.Hold.Until) }

// AnnounceDue reports whether an address that stays should be announced again. Against another host
// that answers for the address each tick announces, but not each look within a tick.
func (s VIPState) AnnounceDue(now Moment, refresh, interval time.Duration) bool {
	contested := len(s.Answering) > 0 && now.Sub(s.Announced) >= interval/2
	return contested || now.Sub(s.Claimed) < announceFor || now.Sub(s.Announced) >= refresh
}

// ProbeDue reports whether a tick should ask the neighbours who else answers for an address that is
// here.
func (s VIPState) ProbeDue(now Moment) bool {
	return s.Phase == Claimed && now.Sub(s.Claimed) >= firstProbe
}
