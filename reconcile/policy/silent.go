package policy

// silentRows decides where Patroni is silent: nobody answered, or somebody who is not our Patroni.
var silentRows = &table{"Patroni is silent", []row{
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
		code: codeSilentDown,
		when: "PostgreSQL is down, and our Patroni's last reply was not of a pause. A PostgreSQL that is down accepts no connection whoever leads, and an address that is handed over costs clients less than one that is dropped",
		fits: func(f Facts) bool { return f.PG == PGDown && !f.Cluster.Reply.Paused },
		then: silentDown,
	},
	{
		code: codeUnheard,
		when: "the peers were not asked",
		fits: func(f Facts) bool { return !f.Peers.full() },
		then: func(Facts) Verdict { return ask(Question{Peers: true}) },
	},
	{
		code: codeSilentPaused,
		when: "every peer that answers says that the cluster is paused. Where none answers, our Patroni's last reply said so, and no other host answers for the address",
		fits: func(f Facts) bool { return f.stillPaused() && !f.NotAsWanted() },
		then: func(f Facts) Verdict {
			return keepUntil(f, locklessLease(f), "%s, cluster was paused", f.silence())
		},
	},
	{
		code: codeSilentDown,
		when: "PostgreSQL is down, and no pause keeps the address",
		fits: func(f Facts) bool { return f.PG == PGDown },
		then: silentDown,
	},
	{
		code: codeSilentLost,
		when: "a peer leads, or names another leader",
		fits: func(f Facts) bool { return f.Peers.elsewhere() },
		then: func(f Facts) Verdict { return release("%s, %s leads", f.silence(), f.Peers.Name) },
	},
	{
		code: codeSilentLost,
		when: "no peer answers, our Patroni's last reply was of a pause, S + T - L - 1 s is over, and another host answers for the address",
		fits: succeeded,
		then: func(f Facts) Verdict {
			return release("%s, cluster was paused, another host answers for the address", f.silence())
		},
	},
	{
		code: codeSilentLost,
		when: "every peer that answers says that nobody leads",
		fits: func(f Facts) bool { return f.Peers.result == pollNobody },
		then: func(f Facts) Verdict { return release("%s, lock gone", f.silence()) },
	},
	{
		code: codeSilentExpired,
		when: "the lease has ended, or there is none",
		fits: func(f Facts) bool { return !f.Now.Before(leaseEnd(f)) },
		then: func(f Facts) Verdict { return release("%s, nobody vouches for this VIP", f.silence()) },
	},
	{
		code: codeSilentLeased,
		when: "every peer that answers names us, and the lease can be rolled further",
		fits: func(f Facts) bool {
			return f.Peers.result == pollUs && !peersLease(f).Before(leaseEnd(f)) && !f.NotAsWanted()
		},
		then: func(f Facts) Verdict {
			return keepUntil(f, peersLease(f), "%s, the peers name us", f.silence())
		},
	},
	{
		code: codeSilentLeased,
		then: func(f Facts) Verdict {
			return nothing("%s, lease ends in %v", f.silence(), leaseLeft(f))
		},
	},
}}

func silentDown(f Facts) Verdict { return handOver("%s, PostgreSQL down: handing over", f.silence()) }
