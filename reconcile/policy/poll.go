package policy

// pollResult is what the peers, asked side by side, come to.
type pollResult string

// The results of a poll.
const (
	unpolled    pollResult = ""
	pollSilent  pollResult = "silent"  // no peer answered
	pollUnclear pollResult = "unclear" // the replies differ, or do not say who leads
	pollNobody  pollResult = "nobody"  // every reply says that there is no leader
	pollUs      pollResult = "us"      // every reply names us
	pollNamed   pollResult = "named"   // a peer names another member that did not answer for itself
	pollOther   pollResult = "another" // another member says that it leads
	pollGlance  pollResult = "glance"  // none says so at once; nothing else was asked
)

// Poll is what the peers said of who leads. The zero Poll is: nobody has asked them.
type Poll struct {
	result pollResult
	Name   string       // pollNamed, pollOther: who
	Reply  PatroniReply // pollOther: that member's own
	Paused bool         // somebody answered, and everybody who did says that the cluster is paused
	// ByDCS is set where our own Patroni has looked into the DCS. Where no peer answered, that is
	// the result. Beside pollOther it means that the DCS names us.
	ByDCS bool
	At    Moment // when the peers were asked
}

// Summarize turns the replies of the peers into one result. self is this member's name, at is when
// they were asked. "No leader" of a peer that has not read the DCS for longer than a loop and its
// retries, or that is in failsafe mode, says only that the peer sees no DCS: who leads is what the
// others say.
func (s ClusterState) Summarize(replies []PeerReply, self string, at Moment) Poll {
	p := Poll{result: pollSilent, At: at}
	var answers, blind, nobody, us, paused int
	for _, r := range replies {
		switch {
		case r.Reply.Kind == Leader:
			return Poll{result: pollOther, Name: r.Peer.Name, Reply: r.Reply, Paused: r.Reply.Paused, At: at}
		case r.Reply.Kind != NotLeader:
			continue
		case r.Reply.Unlocked && (r.Reply.Failsafe || r.Reply.blind(at, s.timing())):
			blind++
		case r.Reply.Unlocked:
			nobody++
		case r.Names != "" && r.Names == self:
			us++
		case r.Names != "":
			p.result, p.Name = pollNamed, r.Names
		}
		answers++
		if r.Reply.Paused {
			paused++
		}
	}
	p.Paused = answers > 0 && paused == answers
	switch seeing := answers - blind; {
	case answers == 0 || p.result == pollNamed:
	case nobody > 0 && nobody == seeing:
		p.result = pollNobody
	case us > 0 && us == seeing:
		p.result = pollUs
	default:
		p.result = pollUnclear
	}
	return p
}

// Glance is what the peers' replies come to where they were asked only whether they lead. Silence
// is no news then.
func (s ClusterState) Glance(replies []PeerReply, self string, at Moment) Poll {
	if p := s.Summarize(replies, self, at); p.result == pollOther {
		return p
	}
	return Poll{result: pollGlance, At: at}
}

// Vouch takes in what the peers said of who leads. A member that is named for longer than a lock
// lives has refreshed it since, so that its loops run and dcs_last_seen is proof again. The first
// loop behind a step may run as before; the sleep after that one is too long.
func (s *ClusterState) Vouch(p Poll) {
	t := s.timing()
	if s.Unproven != nil && p.us() && p.At.After(s.Unproven.Since.Add(t.LoopWait).Add(t.TTL).Add(leaseSafety)) {
		s.Unproven = nil
	}
}

// WantsDCS reports whether our own Patroni's view of the DCS would add something to a poll.
func (p Poll) WantsDCS() bool { return p.result == pollSilent || p.result == pollOther }

// Silent reports whether no peer answered.
func (p Poll) Silent() bool { return p.result == pollSilent }

// WithDCS adds to a poll who holds the lock by our own Patroni's view of the DCS; leader is empty
// where nobody does.
func (p Poll) WithDCS(leader, self string) Poll {
	us := leader != "" && leader == self
	switch {
	case p.result == pollOther && !us:
		return p
	case p.result == pollOther:
	case us:
		p.result = pollUs
	case leader == "":
		p.result = pollNobody
	default:
		p.result, p.Name = pollNamed, leader
	}
	p.ByDCS = true
	return p
}

// Asked reports whether the peers were asked at all.
func (p Poll) Asked() bool { return p.result != unpolled }

// Result is what the peers' replies came to, in one word of a contract: "", silent, unclear,
// nobody, us, named, another or glance.
func (p Poll) Result() string { return string(p.result) }

// String is the same for people.
func (p Poll) String() string {
	switch p.result {
	case unpolled:
		return "not asked"
	case pollSilent:
		return "none answers"
	case pollUnclear:
		return "do not agree who leads"
	case pollNobody:
		return "say that nobody leads"
	case pollUs:
		return "say that this member leads"
	case pollNamed:
		return "say that " + p.Name + " leads"
	case pollOther:
		return p.Name + " says that it leads"
	}
	return "none says that it leads"
}

// full reports whether the peers were asked for all that they know.
func (p Poll) full() bool { return p.result != unpolled && p.result != pollGlance }

// us reports whether this member is named as the leader.
func (p Poll) us() bool { return p.result == pollUs || p.result == pollOther && p.ByDCS }

// differ reports whether the peers do not agree who leads, as while a lock changes hands.
func (p Poll) differ() bool { return p.result == pollUnclear }

// elsewhere reports whether the lock is known to be another member's.
func (p Poll) elsewhere() bool { return p.result == pollOther || p.result == pollNamed }
