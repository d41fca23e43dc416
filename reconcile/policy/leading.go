package policy

import "fmt"

// leadingRows decides what Patroni's 200 comes to.
var leadingRows = &table{"Patroni says 200", []row{
	{
		code: codeLeaderChanging,
		when: "the role is not followed, and it is replica, demoted or uninitialized: a promotion or a crash, with the lock in hand",
		fits: func(f Facts) bool { return !followed(f) && changing(f.Reply.Role) },
		then: func(f Facts) Verdict {
			return keepIfHere(f, "leader lock held, PostgreSQL is %s as %s", f.Reply.State, f.Reply.Role)
		},
	},
	{
		when: "the role is not followed, and the address is not here",
		fits: func(f Facts) bool { return !followed(f) && !f.MayBeHere() },
		next: notHereRows,
	},
	{
		code: codeNotFollowed,
		when: "the role is not followed",
		fits: func(f Facts) bool { return !followed(f) },
		then: func(f Facts) Verdict { return release("leader, but %s is not followed", f.Reply.Role) },
	},
	{
		code: codeUnheard,
		when: "the 200 may be another member's too, and the second witness was not asked",
		fits: func(f Facts) bool { return doubtful(f) && !f.Peers.full() },
		then: func(f Facts) Verdict { return ask(f.witnesses()) },
	},
	{
		code: codeTwoLeaders,
		when: "a peer says that it leads too",
		fits: func(f Facts) bool { return f.Peers.result == pollOther },
		then: twoLeaders,
	},
	{
		code: codePausedNoDCS,
		when: "paused, unlocked, and S older than L + R: every running primary answers so. The address stays unless a peer names another leader, or none answers, S + T - L - 1 s is over, and another host answers for the address",
		fits: func(f Facts) bool { return f.Reply.Paused && f.Reply.Unlocked && f.seenLongAgo() },
		then: pausedBlind,
	},
	{
		code: codeLeaderPaused,
		when: "paused and unlocked, and the address is not here: the 200 may be the role's alone",
		fits: func(f Facts) bool { return f.Reply.Paused && f.Reply.Unlocked && f.NotAsWanted() },
		then: func(Facts) Verdict { return nothing("leader, cluster paused, no leader key in sight") },
	},
	{
		code: codeLeaderPaused,
		when: "paused",
		fits: func(f Facts) bool { return f.Reply.Paused },
		then: func(f Facts) Verdict { return keepIfRunning(f, locklessLease(f), "leader, cluster paused") },
	},
	{
		code: codeLeaderFailsafe,
		when: "failsafe mode is active, and no peer names another leader",
		fits: func(f Facts) bool { return f.Reply.Failsafe && !f.Peers.elsewhere() },
		then: func(f Facts) Verdict { return keepIfRunning(f, lockLease(f), "leader in failsafe mode") },
	},
	{
		code: codeLeaderStopping,
		when: "PostgreSQL is stopping. Patroni goes on reading the DCS meanwhile, from its own cut-off etcd perhaps, and may not refresh the lock any more: what was vouched for runs out",
		fits: func(f Facts) bool { return f.Reply.State == "stopping" },
		then: func(f Facts) Verdict { return runOut(f, "leader, stopping") },
	},
	{
		code: codeLeaderUnproven,
		when: "the second witness denies it, or S proves nothing and no witness names us: what was vouched for runs out. What is here on the reply of others alone goes at once where nobody leads, or the DCS names another",
		fits: Facts.contradicted,
		then: leadingContradicted,
	},
	{
		code: codeLeaderUnproven,
		when: "S proves nothing, S + T - 2 s is over, and the address is not here",
		fits: func(f Facts) bool { return f.unproven() && f.NotAsWanted() && f.Reply.lockOver(f.timing()) },
		then: func(f Facts) Verdict { return nothing("leader, DCS last seen %v ago", f.seenAgo()) },
	},
	{
		code: codeLeaderUnproven,
		when: "S proves nothing, and the second witness names us",
		fits: Facts.unproven,
		then: func(f Facts) Verdict {
			return keepIfRunning(f, lockLease(f), "leader, and "+f.witness()+" us: "+f.whyUnproven())
		},
	},
	{
		code: codeLeaderStale,
		when: "not fresh: the loop of Patroni hangs, or the DCS does. Kept by a rolling lease once a refresh that hung would have ended (R + 3 s)",
		fits: func(f Facts) bool { return !fresh(f) },
		then: leadingStale,
	},
	{
		code: codeLeaderNotRunning,
		when: "PostgreSQL is not running",
		fits: func(f Facts) bool { return !f.Reply.Running() },
		then: func(f Facts) Verdict { return keepIfHere(f, "leader, PostgreSQL is %s", f.Reply.State) },
	},
	{
		code: codeAddressMissing,
		when: "the address is not here, or not as wanted. The peers were asked, and none names another member",
		fits: Facts.NotAsWanted,
		then: func(f Facts) Verdict { return keepUntil(f, lockLease(f), "leader, address missing") },
	},
	{
		code: codeClaimCutShort,
		when: "the last claim did not get to its end, or somebody put the address back after a release",
		fits: Facts.CutShort,
		then: func(f Facts) Verdict { return keepUntil(f, lockLease(f), f.whyUnfinished()) },
	},
	{
		code: codeLeader,
		then: func(f Facts) Verdict { return keepUntil(f, lockLease(f), "leader") },
	},
}}

// followed reports whether the VIP follows the role that Patroni reports.
func followed(f Facts) bool { return f.Follow.Wants(f.Reply.Role) }

// changing reports whether a member that has the lock has a role only for a moment.
func changing(r Role) bool {
	return r == roleReplica || r == roleDemoted || r == roleUninitialized
}

// doubtful reports whether a 200 may be another member's too.
func doubtful(f Facts) bool {
	switch {
	case f.Reply.Paused:
		return true
	case f.Reply.State == "stopping":
		return false
	}
	return f.needsWitness() || !fresh(f) // in failsafe mode a lease is always fresh
}

// pausedBlind is a 200 in a pause without a view of the DCS: every running primary answers so.
func pausedBlind(f Facts) Verdict {
	const why = "paused, DCS unreachable"
	switch {
	case f.NotAsWanted():
		return nothing(why)
	case f.Peers.elsewhere():
		return release(why+", %s leads", f.Peers.Name)
	case succeeded(f):
		return release(why + ", another host answers for the address")
	}
	return keepUntil(f, locklessLease(f), why)
}

// leadingContradicted is a 200 that a second witness denies, or that stands alone where it proves
// nothing. Nothing is claimed. What is vouched for runs out, unless only others vouched for it.
func leadingContradicted(f Facts) Verdict {
	why := "leader, but nobody else says so: " + f.whyUnproven()
	switch f.Peers.result {
	case pollNamed:
		why = fmt.Sprintf("leader, but %s %s", f.witness(), f.Peers.Name)
	case pollNobody:
		why = fmt.Sprintf("leader, but %s nobody: %s", f.witness(), f.whyUnproven())
	}
	if !f.NotAsWanted() && lockGone(f) {
		return release("%s", why)
	}
	return runOut(f, why)
}

// leadingStale is a 200 whose lock may end before the next tick.
func leadingStale(f Facts) Verdict {
	age := f.seenAgo()
	if f.NotAsWanted() {
		return nothing("leader, DCS last seen %v ago", age)
	}
	if !stalled(f) || !f.Reply.Running() {
		return keepUntil(f, lockLease(f), "leader, DCS last seen %v ago", age)
	}
	return keepUntil(f, rollingLease(f), "leader, DCS last seen %v ago, rolling", age)
}
