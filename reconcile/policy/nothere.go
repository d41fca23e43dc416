package policy

// notHereRows decides where the address is not here and nothing proves that it should be.
var notHereRows = &table{"The address is not here", []row{
	{
		code: codeLeaseEnded,
		when: "a claim or a hand-over is in the VIP state: the lease ran out, or somebody deleted the address. Only the VIP state changes",
		fits: func(f Facts) bool {
			return f.Address.Presence == PresenceNo && (f.VIP.Phase == Claimed || f.VIP.HandOver != nil)
		},
		then: func(f Facts) Verdict { return release("%s, the address went by itself", whyNotHere(f)) },
	},
	{
		code: codeNotHolder,
		then: func(f Facts) Verdict { return nothing("%s", whyNotHere(f)) },
	},
}}

// whyNotHere is why the address should not be here, for people.
func whyNotHere(f Facts) string {
	switch f.Reply.Kind {
	case Unasked:
		return "not here"
	case Silent, NotOurs:
		return f.silence()
	case Leader:
		return "leader as " + string(f.Reply.Role)
	}
	return "not the leader"
}
