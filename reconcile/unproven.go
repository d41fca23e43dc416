package reconcile

import (
	"fmt"
	"time"
)

// What dcs_last_seen proves, and when it does not.
//
// Patroni's loops write it down, and refresh the lock. But Patroni reads the DCS for whoever asks for the cluster as well, and
// it times its sleep, and its own leadership, by the wall clock: where that is set back, it sleeps for as long, goes on
// saying 200, and refreshes nothing (patroni/__main__.py, schedule_next_run; patroni/ha.py, is_leader; patroni#3560). From
// there on a newer value proves no refresh, and a second witness is asked in each tick: the peers, and where none answers
// our own Patroni's view of the DCS.

// Unproven says since when a newer dcs_last_seen proves no refresh of the lock, and why.
type Unproven struct {
	Since Moment `json:"since"`
	Why   string `json:"why"` // for people
}

// doubt takes note of a word after which dcs_last_seen proves nothing: the wall clock was set back since the word before, or
// Patroni says that it leads when its lock is over. What the peers say ends it, see [Memory.vouch].
func (m *ClusterState) suspectLoops(w PatroniReply) {
	last := m.Reply
	back := last.Offset - w.Offset
	over := m.Timing != (Timing{}) && w.Kind == Leader && !w.Paused && !w.Failsafe && w.over(m.timing())
	switch {
	case last.Offset != 0 && back > slack:
		m.Unproven = &Unproven{Since: w.At, Why: fmt.Sprintf("the wall clock was set back by %v", back.Round(time.Second))}
	case over && m.Unproven != nil:
		m.Unproven = &Unproven{Since: w.At, Why: m.Unproven.Why}
	case over:
		m.Unproven = &Unproven{Since: w.At, Why: "Patroni's loops had stopped"}
	}
}

// over reports whether the lock has run out, or is about to, unless something refreshes it that does not read the DCS.
func (w PatroniReply) over(t Timing) bool { return w.SeenAt != 0 && w.At >= w.SeenAt+t.TTL-leaseSafety }

// vouch ends a doubt: a member that is named for longer than a lock lives has refreshed it since, so that its loops run.
// The first loop behind a step may run as before; the sleep after that one is too long.
func (m *ClusterState) Vouch(p Poll) {
	t := m.timing()
	if m.Unproven != nil && p.us() && p.At > m.Unproven.Since+t.LoopWait+t.TTL+leaseSafety {
		m.Unproven = nil
	}
}

// unproven reports whether dcs_last_seen proves nothing now. One that lies in the future was written before the wall clock
// was set back.
func (f Facts) unproven() bool {
	return f.Cluster.Unproven != nil || f.Reply.LastSeen != 0 && f.Reply.SeenAt == 0
}

// whyUnproven says why, for people.
func (f Facts) whyUnproven() string {
	if f.Cluster.Unproven != nil {
		return f.Cluster.Unproven.Why
	}
	return "dcs_last_seen is in the future"
}

// witnessedLease is what others vouch for while dcs_last_seen proves nothing: what was proved before, and beyond that from tick
// to tick.
func (f Facts) witnessedLease() Moment {
	if !f.Peers.us() {
		return f.leaseEnd()
	}
	return max(f.leaseEnd(), f.Peers.At+f.Interval+rollSlack)
}

// suspect reports whether a 200 may be another member's by now, so that it needs a second witness: nothing is claimed on one
// word alone, nor renewed beside another host that answers for the address, or where the lease has ended.
func (f Facts) needsWitness() bool {
	n := f.VIP
	return f.NotAsWanted() && f.Reply.Running() || f.unproven() || len(n.Answering) > 0 || n.LeaseEnd != 0 && f.Now >= n.LeaseEnd
}

// borrowed reports whether the address is here on the word of others alone, from tick to tick: what was proved is over, or nearly.
func (f Facts) onOthersReply() bool { return f.unproven() && f.leaseEnd() <= f.Now+f.Interval+rollSlack }

// lockGone reports whether the others have taken that word back: nobody leads, or the DCS names another. A peer that names another
// may not have heard of our promotion yet.
func (f Facts) lockGone() bool {
	return f.onOthersReply() && (f.Peers.Result == PollNobody || f.Peers.Result == PollNamed && f.Peers.ByDCS)
}

// contradicted reports whether the second witness speaks against our 200, or is missing where nothing goes without it.
func (f Facts) contradicted() bool {
	return f.needsWitness() && f.Peers.Result == PollNamed || f.unproven() && f.Peers.Result != PollUs
}

// witnesses is the question for the second witness. Where something speaks against us, our own Patroni is asked to look into the
// DCS, should no peer answer.
func (f Facts) witnesses() Question {
	return Question{Peers: true, DCS: f.unproven() || len(f.VIP.Answering) > 0}
}

// witness is who the second witness was, and that it names somebody, for people.
func (f Facts) witness() string {
	if f.Peers.ByDCS {
		return "the DCS names"
	}
	return "the peers name"
}
