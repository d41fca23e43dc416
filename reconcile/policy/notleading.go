package policy

import (
	"math"
	"time"
)

// blip is how long a lone 503 of a running primary is given. Patroni answers so for up to 0.2 s
// after a stall of the DCS, a restart or a pause.
const blip = 500 * time.Millisecond

// notLeadingRows decides what Patroni's 503 comes to.
var notLeadingRows = &table{"Patroni says 503", []row{
	{
		when: "the address is not here",
		fits: func(f Facts) bool { return !f.MayBeHere() },
		next: notHereRows,
	},
	{
		code: codeHandingOver,
		when: "PostgreSQL is down, and a hand-over is under way",
		fits: func(f Facts) bool { return f.HandingOver() && f.PG == PGDown },
		then: func(Facts) Verdict { return handOver("handing over") },
	},
	{
		code: codePostgreSQLDown,
		when: "PostgreSQL is down",
		fits: func(f Facts) bool { return f.PG == PGDown },
		then: func(Facts) Verdict { return handOver("not the leader, PostgreSQL down: handing over") },
	},
	{
		code: codeNotLeader,
		when: "the role is not followed, or PostgreSQL is not running",
		fits: func(f Facts) bool { return !followed(f) || !f.Reply.Running() },
		then: func(f Facts) Verdict { return release("not the leader, %s", f.member()) },
	},
	{
		code: codeAskAgain,
		when: "the first 503, before the lease's end, and no peer leads or names another: Patroni and the peers are asked again after 0.5 s",
		fits: func(f Facts) bool { return f.Asked < 2 && f.Now.Before(leaseEnd(f)) && !f.Peers.elsewhere() },
		then: func(f Facts) Verdict {
			return ask(Question{Patroni: true, Peers: true, DCS: f.steppedForward(), After: blip})
		},
	},
	{
		code: codeLockRetaken,
		when: "before the lease's end, and the lock is about to be ours again: paused, for two loops; or the wall clock was set forward since the last 200, for one loop, unless nobody leads; or every peer names us",
		fits: func(f Facts) bool { return f.Now.Before(leaseEnd(f)) && retaking(f) },
		then: func(Facts) Verdict { return nothing("lock being re-taken") },
	},
	{
		code: codeNotLeader,
		then: func(f Facts) Verdict { return release("not the leader, %s", f.member()) },
	},
}}

// retaking reports whether a running primary without the lock is about to have it again, and nobody
// else is.
func retaking(f Facts) bool {
	switch {
	case f.Peers.elsewhere():
		return false
	case f.Reply.Paused:
		return refusedFor(f) <= 2*f.timing().LoopWait
	case f.steppedForward() && f.Peers.result != pollNobody:
		return refusedFor(f) <= f.timing().LoopWait+blip
	}
	return f.Peers.result == pollUs
}

// refusedFor is for how long Patroni has said 503.
func refusedFor(f Facts) time.Duration {
	if f.Cluster.RefusedAt.IsZero() {
		return math.MaxInt64
	}
	return f.Now.Sub(f.Cluster.RefusedAt)
}
