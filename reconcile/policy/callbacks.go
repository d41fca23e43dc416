package policy

import "time"

const (
	// undoAfter lies between the two 503s that undo a callback's claim.
	undoAfter = 200 * time.Millisecond
	// stepDownWithin is all the time that a callback gives Patroni before the address goes.
	stepDownWithin = 200 * time.Millisecond
	// slowCallback is the run time from which a callback is slow. The next callback, if it starts
	// right after the slow one's end, may have waited in Patroni's queue, so that its argv proves
	// nothing.
	slowCallback = time.Second
	// cutShortFor is how long a callback that never ended may have been in the way like that.
	cutShortFor = time.Minute
)

// callbackRows decides what Patroni's callbacks come to.
var callbackRows = &table{"Callbacks", []row{
	{
		when: "on_stop, whatever the role",
		fits: func(f Facts) bool { return f.Trigger.Event == eventOnStop },
		next: stoppedRows,
	},
	{
		code: codeReload,
		when: "on_reload",
		fits: func(f Facts) bool { return f.Trigger.Event == eventOnReload },
		then: func(Facts) Verdict { return nothing("a reload moves nothing") },
	},
	{
		when: "any other event, with a role that is not followed",
		fits: func(f Facts) bool { return !f.Follow.Wants(f.Trigger.Role) },
		next: steppedDownRows,
	},
	{
		when: "on_role_change to a role that is followed",
		fits: func(f Facts) bool { return f.Trigger.Event == eventOnRoleChange },
		next: promotedRows,
	},
	{next: startedRows},
}}

// stoppedRows decides on_stop: PostgreSQL is down here, whatever the lock says.
var stoppedRows = &table{"on_stop", []row{
	{
		when: "the address is not here",
		fits: func(f Facts) bool { return !f.MayBeHere() },
		next: notHereRows,
	},
	{
		code: codeStopped,
		when: "PostgreSQL is down",
		fits: func(f Facts) bool { return f.PG == PGDown },
		then: func(Facts) Verdict { return handOver("PostgreSQL stopped: handing over") },
	},
	{
		when: "PostgreSQL is alive, and the callback is older than 2 s or the address was claimed since: it was another PostgreSQL that stopped",
		fits: func(f Facts) bool {
			return f.PG == PGAlive && (f.Now.Sub(f.Trigger.At) > EvidenceAge || f.VIP.Changed.After(f.Trigger.At))
		},
		next: tickRows,
	},
	{
		when: "PostgreSQL is alive: it was started again since, and Patroni may never have lost the lock",
		fits: func(f Facts) bool { return f.PG == PGAlive },
		next: steppedDownRows,
	},
	{
		code: codeStopped,
		then: func(Facts) Verdict { return release("PostgreSQL stopped") },
	},
}}

// promotedRows decides on_role_change to a followed role: argv is proof enough to claim at once.
var promotedRows = &table{"A promotion", []row{
	{
		code: codePromoted,
		when: "argv counts: the callback was started no more than 2 s ago, the address has not changed since, and the callback did not wait behind another one (one that ran over 1 s and ended less than 1 s before, or that began in the last minute and never ended)",
		fits: func(f Facts) bool { return f.Reply.Kind == Unasked && argvCounts(f) },
		then: func(f Facts) Verdict {
			until, forever := claimLease(f)
			why := "promoted to " + string(f.Trigger.Role)
			return Verdict{Do: DoKeep, Why: why, Until: until, Forever: forever || !f.Leased}
		},
	},
	{
		code: codeUnheard,
		when: "Patroni says 200, with PostgreSQL still reported as a running replica and fresh, and the 200 needs a second witness that was not asked",
		fits: func(f Facts) bool { return promoting(f) && f.needsWitness() && !f.Peers.full() },
		then: func(f Facts) Verdict { return ask(f.witnesses()) },
	},
	{
		when: "the same, and a peer leads or names another",
		fits: func(f Facts) bool { return promoting(f) && f.Peers.elsewhere() },
		next: leadingRows,
	},
	{
		code: codePromoted,
		when: "Patroni says 200, with PostgreSQL still reported as a running replica and fresh: SQL is a moment behind the lock",
		fits: promoting,
		then: func(f Facts) Verdict { return keepUntil(f, lockLease(f), "promoted to %s", f.Trigger.Role) },
	},
	{next: startedRows},
}}

// startedRows decides an event whose role proves nothing: since Patroni 3.2 on_start can fire
// without the lock.
var startedRows = &table{"on_start, on_restart and an old on_role_change, with a role that is followed", []row{
	{
		code: codeStartUnconfirmed,
		when: "Patroni is silent",
		fits: func(f Facts) bool { return f.Reply.IsSilent() },
		then: func(f Facts) Verdict {
			return nothing("%s as %s, %s", f.Trigger.Event, f.Trigger.Role, f.silence())
		},
	},
	{next: tickRows},
}}

// steppedDownRows decides a callback with any role that is not followed. Patroni before 3.0.4
// reports a crashed primary that keeps the lock so, for 0.15 s: its reply decides, if it comes at
// once.
var steppedDownRows = &table{"A role that is not followed", []row{
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
		code: codeUnheard,
		when: "Patroni was not asked. It gets 0.2 s",
		fits: func(f Facts) bool { return f.Reply.Kind == Unasked },
		then: func(Facts) Verdict { return ask(Question{Patroni: true, Within: stepDownWithin}) },
	},
	{
		when: "Patroni says 200",
		fits: func(f Facts) bool { return f.Reply.Kind == Leader },
		next: leadingRows,
	},
	{
		code: codePostgreSQLDown,
		when: "Patroni says 503, and PostgreSQL is down",
		fits: func(f Facts) bool { return f.Reply.Kind == NotLeader && f.PG == PGDown },
		then: func(Facts) Verdict { return handOver("not the leader, PostgreSQL down: handing over") },
	},
	{
		code: codeNotLeader,
		when: "Patroni says 503",
		fits: func(f Facts) bool { return f.Reply.Kind == NotLeader },
		then: func(f Facts) Verdict { return release("not the leader, %s", f.member()) },
	},
	{
		code: codeDemoted,
		then: func(f Facts) Verdict {
			return release("%s as %s, %s", f.Trigger.Event, f.Trigger.Role, f.silence())
		},
	},
}}

// confirmingRows decides the second look at a claim that was made before Patroni's reply.
var confirmingRows = &table{"The look after a claim on argv", []row{
	{
		code: codeUnheard,
		when: "Patroni was not asked",
		fits: func(f Facts) bool { return f.Reply.Kind == Unasked },
		then: func(Facts) Verdict { return ask(Question{Patroni: true}) },
	},
	{
		when: "Patroni says 200",
		fits: func(f Facts) bool { return f.Reply.Kind == Leader },
		next: leadingRows,
	},
	{
		code: codeAskAgain,
		when: "the first 503: Patroni is asked again after 0.2 s",
		fits: func(f Facts) bool { return f.Reply.Kind == NotLeader && f.Asked < 2 },
		then: func(Facts) Verdict { return ask(Question{Patroni: true, After: undoAfter}) },
	},
	{
		code: codeClaimUndone,
		when: "the second 503",
		fits: func(f Facts) bool { return f.Reply.Kind == NotLeader },
		then: func(f Facts) Verdict { return release("claimed, but not the leader, %s", f.member()) },
	},
	{
		code: codeClaimUnconfirmed,
		then: func(f Facts) Verdict { return nothing("claimed, %s", f.silence()) },
	},
}}

// argvCounts reports whether a callback's arguments still prove a promotion: the process is young,
// nobody moved the address since it was started, and the callback did not wait behind another one.
func argvCounts(f Facts) bool {
	return f.Now.Sub(f.Trigger.At) <= EvidenceAge && !f.VIP.Changed.After(f.Trigger.At) && !queued(f)
}

// queued reports whether this callback may have waited behind the one before.
func queued(f Facts) bool {
	last, at := f.Cluster.Callback, f.Trigger.At
	switch {
	case last.Event == "":
		return false
	case last.Ended.IsZero():
		return at.Sub(last.Began) < cutShortFor
	}
	return last.Ended.Sub(last.Began) > slowCallback && at.Sub(last.Ended) < slowCallback
}

// promoting reports whether Patroni has the lock, and does not yet say that PostgreSQL is a
// primary.
func promoting(f Facts) bool {
	r := f.Reply
	return r.Kind == Leader && r.Role == roleReplica && r.Running() && !r.Paused && fresh(f)
}
