package policy

import (
	"fmt"
	"time"
)

// twoLeadersAfter lets one of two leaders notice that it is none.
const twoLeadersAfter = time.Second

// twoLeaders finds the one of two leaders that yields. Both sides come to the same answer.
//
// In a pause the unlocked one yields. Else the one with the lower timeline yields, at once: the
// other was promoted last, or is being promoted while only the reply of others keeps the address
// here. Where the timelines are equal or not known, both are asked again after 1 s. The one with
// the older S yields then (we do where S proves nothing), and of equals the one with the higher
// name. The one that stays claims after the second look, but not in a pause.
func twoLeaders(f Facts) Verdict {
	if f.Asked < 2 && !outvoted(f) {
		return ask(Question{Patroni: true, Peers: true, DCS: f.unproven(), After: twoLeadersAfter})
	}
	why := fmt.Sprintf("two leaders: %s too", f.Peers.Name)
	until := lockLease(f)
	if f.Reply.Paused {
		until = locklessLease(f)
	}
	switch {
	case !weYield(f):
		if f.NotAsWanted() && (f.Reply.Paused || !f.Reply.Running() || !fresh(f)) {
			return nothing("%s, and it yields", why)
		}
		return keepUntil(f, until, "%s, and it yields", why)
	case f.MayBeHere():
		return release("%s, and we yield", why)
	}
	return nothing("%s, and we yield", why)
}

// outvoted reports whether the other of two leaders needs no second look: it was promoted last, or
// is being promoted while nothing but the reply of others keeps the address here.
func outvoted(f Facts) bool {
	we, peer := f.Reply, f.Peers.Reply
	switch {
	case we.Paused || peer.Paused:
		return false
	case promotedLast(peer, we):
		return true
	}
	return onOthersReply(f) && !f.Peers.us() && !promotedLast(we, peer)
}

// weYield reports whether we, of two leaders, are the one that is none. Where our dcs_last_seen
// proves nothing, it decides against us.
func weYield(f Facts) bool {
	we, peer := f.Reply, f.Peers.Reply
	if f.unproven() && !promotedLast(we, peer) && !promotedLast(peer, we) {
		return true
	}
	return yields(we, peer, f.Peers.Name)
}

// yields reports whether the first of two leaders is none. In a pause a running primary that sees
// no leader key says 200, too. Of others, the one that was promoted last has the higher timeline:
// it has the lock. dcs_last_seen, which whoever asks for the cluster moves, decides only between
// standby leaders and behind a promotion that is under way.
func yields(we, peer PatroniReply, peerName string) bool {
	switch {
	case (we.Paused || peer.Paused) && we.Unlocked != peer.Unlocked:
		return we.Unlocked
	case promotedLast(peer, we):
		return true
	case promotedLast(we, peer):
		return false
	case !we.Paused && !peer.Paused && we.LastSeen != peer.LastSeen:
		return we.LastSeen < peer.LastSeen
	}
	return we.Name > peerName
}

// promotedLast reports whether a was promoted behind b. A timeline of 0 is not known.
func promotedLast(a, b PatroniReply) bool { return b.Timeline != 0 && a.Timeline > b.Timeline }
