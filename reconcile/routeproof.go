package reconcile

// entitled reports whether the address would be claimed here and now. One that is merely kept, by
// an operator's hold, in silence or in doubt, gives no right to take a route from somebody else.
func entitled(f Facts) bool {
	f.Sight = Sight{Here: PresenceNo}
	if !f.Peers.full() { // nobody had to be asked about an address that is here
		f.Peers = Poll{Result: PollUs, At: f.Now}
	}
	return Decide(f).Do == DoHold
}

// proved is when what vouches for the address was true. That is Patroni's reply, else what the
// peers said, else argv.
func proved(f Facts) Moment {
	switch {
	case f.Word.Answer == Leader:
		return f.Word.At
	case f.Peers.Result == PollUs:
		return f.Peers.At
	}
	return f.Trigger.At
}
