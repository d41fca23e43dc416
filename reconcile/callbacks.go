package reconcile

// The rows of Patroni's callbacks: c1 to c4.

// stopped is on_stop: PostgreSQL is down here, whatever the lock says.
func stopped(f Facts) Verdict {
	switch {
	case !f.MayBeHere():
		return notHolder(f)
	case f.PG == PGDown:
		return handOver(codeStopped, "PostgreSQL stopped: handing over")
	case f.PG == PGAlive && (f.Now-f.Trigger.At > EvidenceAge || f.VIP.Changed > f.Trigger.At):
		return tick(f) // it was another PostgreSQL that stopped, before this one was started or this claim made
	case f.PG == PGAlive:
		return steppedDown(f) // started again since: Patroni may never have lost the lock
	}
	return release(codeStopped, "PostgreSQL stopped")
}

// promoted is on_role_change to a followed role: argv is proof enough to claim at once, unless it may have waited in
// Patroni's queue behind a callback that was killed or slow.
func promoted(f Facts) Verdict {
	if f.Reply.Kind == Unasked && f.argvCounts() {
		until, forever := claimLease(f)
		why := "promoted to " + string(f.Trigger.Role)
		return Verdict{Do: DoKeep, Code: CodePromoted, Why: why, Until: until, Forever: forever || !f.Leased}
	}
	if w := f.Reply; w.Kind == Leader && w.Role == RoleReplica && w.Running() && !w.Paused && f.fresh() {
		if f.needsWitness() && !f.Peers.full() {
			return ask(codeUnasked, f.witnesses())
		}
		if f.Peers.elsewhere() {
			return leading(f)
		}
		return hold(f, lockLease(f), CodePromoted, "promoted to %s", f.Trigger.Role) // SQL is a moment behind the lock
	}
	return started(f)
}

// argvCounts reports whether a callback's words still prove a promotion: the process is young, nobody moved the address
// since it was started, and the callback before it neither was cut short nor ran for long.
func (f Facts) argvCounts() bool {
	return f.Now-f.Trigger.At <= EvidenceAge && f.VIP.Changed <= f.Trigger.At && !f.queued()
}

// queued reports whether this callback may have waited behind the one before.
func (f Facts) queued() bool {
	last, at := f.Cluster.Callback, f.Trigger.At
	switch {
	case last.Event == "":
		return false
	case last.Ended == 0:
		return at-last.Began < cutShortFor
	}
	return last.Ended-last.Began > slowCallback && at-last.Ended < slowCallback
}

// started is an event whose role proves nothing: since Patroni 3.2 on_start can fire without the lock.
func started(f Facts) Verdict {
	if f.Reply.IsSilent() {
		return nothing(codeStartUnconfirmed, "%s as %s, %s", f.Trigger.Event, f.Trigger.Role, f.silence())
	}
	return tick(f)
}

// steppedDown is a callback with any role that is not followed. Patroni before 3.0.4 reports a crashed primary that
// keeps the lock so, for 0.15 s: its word decides, if it comes at once.
func steppedDown(f Facts) Verdict {
	switch {
	case !f.MayBeHere():
		return notHolder(f)
	case f.HandingOver() && f.PG == PGDown:
		return handOver(codeHandingOver, "handing over")
	}
	switch f.Reply.Kind {
	case Unasked:
		return ask(codeUnasked, Question{Patroni: true, Within: stepDownWithin})
	case Leader:
		return leading(f)
	case NotLeader:
		if f.PG == PGDown {
			return handOver(codePostgreSQLDown, "not the leader, PostgreSQL down: handing over")
		}
		return release(codeNotLeader, "not the leader, %s", f.memberState())
	}
	return release(codeDemoted, "%s as %s, %s", f.Trigger.Event, f.Trigger.Role, f.silence())
}

// confirm is the second look at a claim that was made before Patroni's word.
func confirm(f Facts) Verdict {
	switch f.Reply.Kind {
	case Unasked:
		return ask(codeUnasked, Question{Patroni: true})
	case Leader:
		return leading(f)
	case NotLeader:
		if f.Asked < 2 {
			return ask(codeAskAgain, Question{Patroni: true, After: undoAfter})
		}
		return release(codeClaimUndone, "claimed, but not the leader, %s", f.memberState())
	}
	return nothing(codeClaimUnconfirmed, "claimed, %s", f.silence())
}
