package policy

//go:generate go test -run ^TestPage$ . -args -write

// maxAsked ends a run in which Patroni's replies keep coming too late to count.
const maxAsked = 3

// Decide is the policy: whether this host should have the VIP, and why. It is pure: no clock, no
// state, no effect.
//
// A claim needs proof that this member leads, unless an operator forces it. A release needs proof
// that it does not, or the end of the lease. A verdict of [DoAsk] says what has to be known first;
// after a bounded number of replies there is always another one. POLICY.md is written from the
// tables that this function goes through.
func Decide(f Facts) Verdict {
	f.Reply = evidence(f)
	return everyRun.decide(f)
}

// everyRun is where each decision begins.
var everyRun = &table{"Every run", []row{
	{
		when: "an operator's order",
		fits: func(f Facts) bool { return f.Trigger.Event == EventOperator },
		next: orderRows,
	},
	{
		when: "an operator's hold is in force",
		fits: func(f Facts) bool { return f.VIP.HeldAt(f.Now) },
		next: heldRows,
	},
	{
		when: "the look after a claim on argv, or on an old reply",
		fits: func(f Facts) bool { return f.Confirming },
		next: confirmingRows,
	},
	{
		when: "a tick",
		fits: func(f Facts) bool { return f.Trigger.Event == EventTick },
		next: tickRows,
	},
	{next: callbackRows},
}}

// evidence is Patroni's reply as far as it still counts. One that is too old has to be asked for
// again.
func evidence(f Facts) PatroniReply {
	switch {
	case !f.Outdated():
		return f.Reply
	case f.Asked+f.Stale < maxAsked:
		return PatroniReply{}
	}
	return PatroniReply{Kind: Silent, Why: "its replies came too late", At: f.Reply.At}
}

// WouldClaim reports whether the address would be claimed here and now. One that is merely kept, by
// an operator's hold, in silence or in doubt, gives no right to take a route from somebody else.
func (f Facts) WouldClaim() bool {
	f.Address = AddressState{Presence: PresenceNo}
	if !f.Peers.full() { // nobody had to be asked about an address that is here
		f.Peers = Poll{result: pollUs, At: f.Now}
	}
	return Decide(f).Do == DoKeep
}
