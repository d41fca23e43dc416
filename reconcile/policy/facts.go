package policy

import (
	"fmt"
	"time"
)

// EvidenceAge is how long argv counts from the process's start, and a reply from the question. A
// process that was frozen in between must not act on what was true before.
const EvidenceAge = 2 * time.Second

// Facts is everything a decision may depend on. It is a value: two equal Facts give equal verdicts.
type Facts struct {
	Trigger  Trigger
	Now      Moment
	Interval time.Duration // between two ticks

	// The VIP's configuration.
	Follow Follow
	Leased bool // lease: auto; otherwise the kernel's address never ends by itself

	// What this host knows by itself.
	Address AddressState
	VIP     VIPState
	PG      PG

	// What Patroni said, now and before.
	Reply   PatroniReply
	Asked   int // how often the local Patroni was asked in this run
	Stale   int // further questions, put because a reply was too old to count; not in Asked
	Peers   Poll
	Cluster ClusterState

	// Again is set when a tick looks once more.
	Again bool
	// Confirming is set on the second look, after the address was claimed on argv's proof or on an
	// old reply.
	Confirming bool
}

// MayBeHere reports whether the address may be here. One that cannot be seen must be released all
// the same.
func (f Facts) MayBeHere() bool { return f.Address.Presence != PresenceNo }

// NotAsWanted reports whether a claim would change anything.
func (f Facts) NotAsWanted() bool { return f.Address.Presence != PresenceYes }

// CutShort reports whether an address that may be here was not claimed to the end: the claim was
// killed between its first and its last system call, or somebody else put back what was released.
// Without any state (a wiped /run) there is nothing to finish: the address is taken over as it is.
func (f Facts) CutShort() bool {
	unfinished := f.VIP.Phase == Claiming || f.VIP.Phase == Released
	return f.MayBeHere() && unfinished && f.VIP.HandOver == nil
}

// whyUnfinished is how an address came to be here that was not claimed to the end, for people.
func (f Facts) whyUnfinished() string {
	if f.VIP.Phase == Released {
		return "leader, the address was put back after its release"
	}
	return "leader, claim was cut short"
}

// HandingOver reports whether a hand-over of the present claim is under way.
func (f Facts) HandingOver() bool {
	return f.MayBeHere() && f.VIP.HandOver != nil && f.VIP.HandOver.Generation == f.VIP.Generation
}

// Outdated reports whether what Patroni said may no longer count: said too long ago, or before
// another process of ours moved the address.
func (f Facts) Outdated() bool {
	return f.Reply.Counts() && (f.Now.Sub(f.Reply.At) > EvidenceAge || f.Reply.At.Before(f.VIP.Changed))
}

// KeptOnOurReply reports whether the verdict keeps the address only because our Patroni's last
// reply was of a pause. Another host that answers for the address means that the pause has ended.
func (f Facts) KeptOnOurReply(v Verdict) bool {
	return (v.Code == codeSilentPaused || v.Code == codePausedNoDCS) && f.pauseByOurReply()
}

// ProvedAt is when what vouches for the address was true: who leads by Patroni's reply, or by the
// peers', or else argv.
func (f Facts) ProvedAt() Moment {
	switch {
	case f.Reply.Kind == Leader:
		return f.Reply.At
	case f.Peers.result == pollUs:
		return f.Peers.At
	}
	return f.Trigger.At
}

// RolledEnd is what a lease without room for the usual is rolled towards: the end of the lock that
// was heard of last, or 0 where there is room. A hand-over may last as long: PostgreSQL is down,
// and such a lease ends from tick to tick.
func (f Facts) RolledEnd() Moment {
	if f.timing().Roomy(f.Interval) {
		return Moment{}
	}
	return f.Cluster.Leading.SeenAt.Add(f.timing().TTL).Add(-leaseSafety)
}

// timing is what the cluster's leases are made of.
func (f Facts) timing() Timing { return f.Cluster.timing() }

// unproven reports whether dcs_last_seen proves nothing now, see [unproven]. One that lies in the
// future was written before the wall clock was set back.
func (f Facts) unproven() bool {
	return f.Cluster.Unproven != nil || f.Reply.LastSeen != 0 && f.Reply.SeenAt.IsZero()
}

// whyUnproven says why, for people.
func (f Facts) whyUnproven() string {
	if f.Cluster.Unproven != nil {
		return f.Cluster.Unproven.Why
	}
	return "dcs_last_seen is in the future"
}

// needsWitness reports whether a 200 may be another member's by now. Nothing is claimed on one
// reply alone, nor renewed beside another host that answers for the address, nor where the lease
// has ended.
func (f Facts) needsWitness() bool {
	s := f.VIP
	return f.NotAsWanted() && f.Reply.Running() || f.unproven() || len(s.Answering) > 0 ||
		!s.LeaseEnd.IsZero() && !f.Now.Before(s.LeaseEnd)
}

// contradicted reports whether the second witness speaks against our 200, or is missing where
// nothing goes without it.
func (f Facts) contradicted() bool {
	return f.needsWitness() && f.Peers.result == pollNamed || f.unproven() && f.Peers.result != pollUs
}

// witnesses is the question for the second witness. Where something speaks against us, our own
// Patroni is asked to look into the DCS, should no peer answer.
func (f Facts) witnesses() Question {
	return Question{Peers: true, DCS: f.unproven() || len(f.VIP.Answering) > 0}
}

// seenLongAgo reports whether our Patroni's view of the DCS is older than a loop and its retries.
func (f Facts) seenLongAgo() bool { return f.Reply.blind(f.Reply.At, f.timing()) }

// steppedForward reports whether the wall clock was set forward since the last 200. A Patroni that
// times its leadership by it takes the lock for expired until its next loop, which refreshes the
// lock (patroni/ha.py, is_leader).
func (f Facts) steppedForward() bool {
	last := f.Cluster.Leading
	return last.Offset != 0 && f.Reply.Offset-last.Offset > slack
}

// stillPaused reports whether the cluster is in pause by everybody who answers. Where no peer does,
// our Patroni's last reply counts, unless another host answers for the address.
func (f Facts) stillPaused() bool {
	return f.Peers.Paused && !f.Peers.elsewhere() || f.pauseByOurReply() && len(f.VIP.Answering) == 0
}

// pauseByOurReply reports whether the pause is known from our Patroni's last reply alone.
func (f Facts) pauseByOurReply() bool {
	return f.Peers.result == pollSilent && f.Cluster.Reply.Paused
}

// member is what Patroni says of its own member, for people.
func (f Facts) member() string { return fmt.Sprintf("%s, %s", f.Reply.Role, f.Reply.State) }

// silence is why no reply counts, for people.
func (f Facts) silence() string {
	if f.Reply.Kind == NotOurs {
		return "not our Patroni: " + f.Reply.Why
	}
	return "Patroni silent: " + f.Reply.Why
}

// seenAgo is how long ago our Patroni read the DCS, for people.
func (f Facts) seenAgo() time.Duration { return f.Now.Sub(f.Reply.SeenAt).Round(time.Second) }

// witness is who the second witness was, and that it names somebody, for people.
func (f Facts) witness() string {
	if f.Peers.ByDCS {
		return "the DCS names"
	}
	return "the peers name"
}
