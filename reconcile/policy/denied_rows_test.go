package policy

import (
	"testing"
	"time"
)

func TestDeniedRows(t *testing.T) {
	replica := as(roleReplica)
	again := Question{Patroni: true, Peers: true, After: 500 * time.Millisecond}
	claimed := note(func(n *VIPState) { n.Phase, n.Claimed = Claimed, now.Add(-time.Minute) })
	checkRows(t, []rowCase{
		{name: "not here", facts: absent(denies(replica)), do: doNothing, code: codeNotHolder, why: "not the leader"},
		{name: "not here, as a primary", facts: absent(denies()), do: doNothing, code: codeNotHolder},
		{name: "not here, with a claim under way", facts: absent(mute, note(func(n *VIPState) { n.Phase = Claiming })), do: doNothing, code: codeNotHolder},
		{name: "not here, with a claim on the note", facts: absent(denies(replica), claimed), do: DoRelease, code: codeLeaseEnded, why: "not the leader, the address went by itself"},
		{name: "not here, with a hand-over on the note", facts: absent(denies(replica), handover(0)), do: DoRelease, code: codeLeaseEnded},
		{name: "replica", facts: holder(denies(replica)), do: DoRelease, code: codeNotLeader, why: "not the leader, replica, running"},
		{name: "partly here", facts: partly(denies(replica)), do: DoRelease, code: codeNotLeader},
		{name: "primary, starting", facts: holder(denies(state("starting"))), do: DoRelease, code: codeNotLeader, why: "primary, starting"},
		{name: "standby leader", facts: holder(denies(as(roleStandbyLeader)), follow(followStandbyLeader)), do: DoAsk, code: codeAskAgain, ask: Question{Patroni: true, Peers: true, After: blip}},

		{name: "handing over", facts: holder(denies(replica), handover(1), pg(PGDown)), do: DoHandOver, code: codeHandingOver, why: "handing over"},
		{name: "handing over, PostgreSQL up again", facts: holder(denies(replica), handover(1)), do: DoRelease, code: codeNotLeader},
		{name: "handing over, PostgreSQL unknown", facts: holder(denies(replica), handover(1), pg(PGUnknown)), do: DoRelease, code: codeNotLeader},
		{name: "an old hand-over", facts: holder(denies(replica), handover(7), pg(PGDown)), do: DoHandOver, code: codePostgreSQLDown},
		{name: "down", facts: holder(denies(replica), pg(PGDown)), do: DoHandOver, code: codePostgreSQLDown, why: "not the leader, PostgreSQL down: handing over"},
		{name: "down, of a running primary", facts: holder(denies(), pg(PGDown)), do: DoHandOver, code: codePostgreSQLDown},
		{name: "crashed, by Patroni alone", facts: holder(denies(state("crashed")), pg(PGUnknown)), do: DoRelease, code: codeNotLeader},
		{name: "stopped, by Patroni alone", facts: holder(denies(state("stopped")), pg(PGUnknown)), do: DoRelease, code: codeNotLeader},
		{name: "start failed, by Patroni alone", facts: holder(denies(state("start failed")), pg(PGUnknown)), do: DoRelease, code: codeNotLeader},
		{name: "stopping is no proof", facts: holder(denies(state("stopping")), pg(PGUnknown)), do: DoRelease, code: codeNotLeader},
		{name: "crashed, but alive", facts: holder(denies(state("crashed"))), do: DoRelease, code: codeNotLeader},

		{name: "running primary, first sight", facts: holder(denies()), do: DoAsk, code: codeAskAgain, ask: again},
		{name: "running primary, the lease ends in a moment", facts: holder(here(1), denies()), do: DoAsk, code: codeAskAgain, ask: again},
		{name: "running primary, the lease ends now", facts: holder(here(0), denies()), do: DoRelease, code: codeNotLeader, why: "primary, running"},
	})
}

func TestRetakenRows(t *testing.T) {
	refused := func(ago time.Duration) change { return past(func(m *ClusterState) { m.RefusedAt = now.Add(-ago) }) }
	still := func(changes ...change) Facts {
		return holder(append([]change{denies(), asked(2), polled(pollUs)}, changes...)...)
	}
	rest := denies(paused)
	// forward is a wall clock that was set forward by so much since the last 200.
	forward := func(by time.Duration) change {
		return func(f *Facts) {
			f.Cluster.Leading.Offset, f.Reply.Offset = time.Hour, time.Hour+by
			f.Peers.result = pollSilent
		}
	}
	loop := 10*time.Second + blip
	checkRows(t, []rowCase{
		{name: "locked, and the peers name us", facts: still(), do: doNothing, code: codeLockRetaken, why: "lock being re-taken"},
		{name: "asked twice already", facts: still(asked(2)), do: doNothing, code: codeLockRetaken},
		{name: "the lease ends in a moment", facts: still(here(1)), do: doNothing, code: codeLockRetaken},
		{name: "the lease ends now", facts: still(here(0)), do: DoRelease, code: codeNotLeader},
		{name: "unlocked: it has no view of the DCS yet", facts: still(denies(unlocked), asked(2)), do: doNothing, code: codeLockRetaken},
		{name: "no peer answers", facts: still(polled(pollSilent)), do: DoRelease, code: codeNotLeader},
		{name: "the peers differ", facts: still(polled(pollUnclear)), do: DoRelease, code: codeNotLeader},
		{name: "another leads", facts: still(polled(pollOther)), do: DoRelease, code: codeNotLeader},
		{name: "another is named", facts: still(polled(pollNamed)), do: DoRelease, code: codeNotLeader},
		{name: "clock set forward, for a loop", facts: still(forward(5*time.Minute), refused(loop)), do: doNothing, code: codeLockRetaken},
		{name: "clock set forward, for longer", facts: still(forward(5*time.Minute), refused(loop+1)), do: DoRelease, code: codeNotLeader},
		{name: "clock set forward by just more than it drifts", facts: still(forward(slack+1), refused(time.Second)), do: doNothing, code: codeLockRetaken},
		{name: "clock set forward by as much as it drifts", facts: still(forward(slack), refused(time.Second)), do: DoRelease, code: codeNotLeader},
		{name: "no clock is known of the last 200", facts: still(forward(5*time.Minute), past(func(m *ClusterState) { m.Leading.Offset = 0 }), refused(time.Second)), do: DoRelease, code: codeNotLeader},
		{name: "clock set forward, and nobody leads", facts: still(forward(5*time.Minute), polled(pollNobody), refused(time.Second)), do: DoRelease, code: codeNotLeader},
		{name: "clock set forward, and another leads", facts: still(forward(5*time.Minute), polled(pollOther), refused(time.Second)), do: DoRelease, code: codeNotLeader},
		{name: "clock set forward, first sight", facts: holder(denies(), forward(5*time.Minute), polled(unpolled)), do: DoAsk, code: codeAskAgain, ask: Question{Patroni: true, Peers: true, DCS: true, After: blip}},
		{name: "paused, for two loops", facts: still(rest, asked(2), polled(pollSilent), refused(20*time.Second)), do: doNothing, code: codeLockRetaken},
		{name: "paused, for longer", facts: still(rest, asked(2), refused(20*time.Second+1)), do: DoRelease, code: codeNotLeader},
		{name: "paused, unlocked", facts: still(denies(paused, unlocked), asked(2), polled(pollNobody), refused(time.Second)), do: doNothing, code: codeLockRetaken},
		{name: "paused, since the host's boot", facts: still(rest, asked(2), refused(now.SinceBoot())), do: DoRelease, code: codeNotLeader},
		{name: "paused, and another leads", facts: still(rest, asked(2), polled(pollOther), refused(time.Second)), do: DoRelease, code: codeNotLeader},
	})
}

func TestSilentRows(t *testing.T) {
	wasPaused := past(func(m *ClusterState) { m.Reply.Paused = true })
	agree := func(r pollResult) change {
		return func(f *Facts) { f.Peers = Poll{result: r, Name: "n2", Paused: true, At: now} }
	}
	bare := note(func(n *VIPState) { *n = VIPState{} })
	forever := func(f *Facts) { f.Address = AddressState{Presence: PresenceYes, Forever: true}; bare(f) }
	rolled := now.Add(5 * time.Second)       // polled + interval + 3 s
	pausedRolled := now.Add(7 * time.Second) // now + 2 interval + 3 s
	leased := now.Add(10 * time.Second)      // as before, where the lock lasts so long
	lead := func(ago time.Duration) change {
		return past(func(m *ClusterState) { m.Leading.SeenAt, m.SeenBefore = now.Add(-ago), Moment{} })
	}
	checkRows(t, []rowCase{
		{name: "not here", facts: absent(mute), do: doNothing, code: codeNotHolder, why: "Patroni silent: connection refused"},
		{name: "not here, not ours", facts: absent(foreign), do: doNothing, code: codeNotHolder, why: "not our Patroni: scope is other"},
		{name: "not here, with a claim under way", facts: absent(mute, note(func(n *VIPState) { n.Phase = Claiming })), do: doNothing, code: codeNotHolder},
		{name: "not here, with a claim on the note", facts: absent(mute, note(func(n *VIPState) { n.Phase = Claimed })), do: DoRelease, code: codeLeaseEnded},
		{name: "handing over", facts: holder(mute, handover(1), pg(PGDown)), do: DoHandOver, code: codeHandingOver},
		{name: "handing over, PostgreSQL up again", facts: holder(mute, handover(1), polled(pollSilent)), do: doNothing, code: codeSilentLeased},
		{name: "down", facts: holder(mute, pg(PGDown)), do: DoHandOver, code: codeSilentDown, why: "Patroni silent: connection refused, PostgreSQL down: handing over"},
		{name: "asks the peers", facts: holder(mute), do: DoAsk, code: codeUnheard, ask: askPeers},
		{name: "a peer leads", facts: holder(mute, polled(pollOther)), do: DoRelease, code: codeSilentLost, why: "n2 leads"},
		{name: "a peer names another", facts: holder(foreign, polled(pollNamed)), do: DoRelease, code: codeSilentLost, why: "not our Patroni: scope is other, n2 leads"},
		{name: "nobody leads", facts: holder(mute, polled(pollNobody)), do: DoRelease, code: codeSilentLost, why: "lock gone"},

		{name: "was paused", facts: holder(mute, wasPaused, polled(pollSilent)), do: DoKeep, code: codeSilentPaused, why: "cluster was paused", until: leased},
		{name: "is paused, and nobody leads", facts: holder(mute, wasPaused, agree(pollNobody)), do: DoKeep, code: codeSilentPaused, until: leased},
		{name: "is paused, past the lease", facts: holder(here(0), mute, wasPaused, agree(pollUs)), do: DoKeep, code: codeSilentPaused, until: pausedRolled},
		{name: "no pause any more", facts: holder(mute, wasPaused, polled(pollNobody)), do: DoRelease, code: codeSilentLost},
		{name: "a pause that we never heard of", facts: holder(mute, agree(pollNobody)), do: DoKeep, code: codeSilentPaused, until: leased},
		{name: "was paused, PostgreSQL down", facts: holder(mute, wasPaused, pg(PGDown)), do: DoAsk, code: codeUnheard, ask: askPeers},
		{name: "is paused, PostgreSQL down", facts: holder(mute, wasPaused, pg(PGDown), agree(pollNobody)), do: DoKeep, code: codeSilentPaused, until: leased},
		{name: "is paused, PostgreSQL down, another leads", facts: holder(mute, wasPaused, pg(PGDown), agree(pollOther)), do: DoHandOver, code: codeSilentDown},
		{name: "no pause any more, PostgreSQL down", facts: holder(mute, wasPaused, pg(PGDown), polled(pollNobody)), do: DoHandOver, code: codeSilentDown},
		{name: "is paused, another leads", facts: holder(mute, wasPaused, agree(pollNamed)), do: DoRelease, code: codeSilentLost, why: "n2 leads"},
		{name: "was paused, the lock lasts less", facts: holder(mute, wasPaused, polled(pollSilent), lead(10*time.Second)), do: DoKeep, code: codeSilentPaused, until: now.Add(9 * time.Second)},
		{name: "was paused, another answers, before it can lead", facts: holder(mute, wasPaused, polled(pollSilent), answering, lead(19*time.Second-1)), do: doNothing, code: codeSilentLeased},
		{name: "was paused, another answers", facts: holder(mute, wasPaused, polled(pollSilent), answering, lead(19*time.Second)), do: DoRelease, code: codeSilentLost, why: "cluster was paused, another host answers for the address"},
		{name: "is paused, another answers", facts: holder(mute, wasPaused, agree(pollUs), answering), do: DoKeep, code: codeSilentPaused, until: leased},
		{name: "was paused, partly here, past the lock", facts: partly(mute, wasPaused, polled(pollSilent), lead(30*time.Second), note(func(n *VIPState) { n.LeaseEnd = now.Add(1) })), do: doNothing, code: codeSilentLeased},
		{name: "was not paused, another answers, past the lock", facts: holder(mute, polled(pollSilent), answering, lead(19*time.Second)), do: doNothing, code: codeSilentLeased},
		{name: "was not paused, another answers", facts: holder(mute, polled(pollSilent), answering), do: doNothing, code: codeSilentLeased},
		{name: "was paused, PostgreSQL unknown", facts: holder(mute, wasPaused, pg(PGUnknown), polled(pollSilent)), do: DoKeep, code: codeSilentPaused, until: leased},
		{name: "was paused, partly here", facts: partly(mute, wasPaused, polled(pollSilent)), do: DoRelease, code: codeSilentExpired},

		{name: "leased", facts: holder(mute, polled(pollSilent)), do: doNothing, code: codeSilentLeased, why: "Patroni silent: connection refused, lease ends in 10s"},
		{name: "the lease ends in a moment", facts: holder(here(1), mute, polled(pollUnclear)), do: doNothing, code: codeSilentLeased},
		{name: "the lease ends now", facts: holder(here(0), mute, polled(pollUs)), do: DoRelease, code: codeSilentExpired, why: "nobody vouches for this VIP"},
		{name: "the peers name us", facts: holder(here(time.Second), mute, polled(pollUs)), do: DoKeep, code: codeSilentLeased, why: "the peers name us", until: rolled},
		{name: "the peers name us, unleased", facts: holder(unleased, here(time.Second), mute, polled(pollUs)), do: DoKeep, code: codeSilentLeased, until: rolled, forever: true},
		{name: "less far than was vouched for", facts: holder(here(5*time.Second+1), mute, polled(pollUs)), do: doNothing, code: codeSilentLeased},
		{name: "as far again", facts: holder(here(5*time.Second), mute, polled(pollUs)), do: DoKeep, code: codeSilentLeased, until: rolled},
		{name: "up to the last proved lock", facts: holder(here(time.Second), mute, polled(pollUs), lead(26*time.Second)), do: DoKeep, code: codeSilentLeased, until: now.Add(3 * time.Second)},
		{name: "past the last proved lock", facts: holder(here(time.Second), mute, polled(pollUs), lead(28*time.Second+1)), do: doNothing, code: codeSilentLeased},
		{name: "partly here is not rolled", facts: partly(mute, polled(pollUs), note(func(n *VIPState) { n.LeaseEnd = now.Add(1) })), do: doNothing, code: codeSilentLeased},
		{name: "20/2/3, rolled", facts: holder(here(time.Second), timing(20, 2, 3), mute, polled(pollUs), lead(16*time.Second)), do: DoKeep, code: codeSilentLeased, until: now.Add(3 * time.Second)},

		{name: "without a note the kernel's end counts", facts: holder(bare, mute, polled(pollSilent)), do: doNothing, code: codeSilentLeased, why: "lease ends in 10s"},
		{name: "the kernel's end counts beside an old note's", facts: holder(note(func(n *VIPState) { n.LeaseEnd = now }), mute, polled(pollSilent)), do: doNothing, code: codeSilentLeased, why: "lease ends in 10s"},
		{name: "permanent without a note", facts: holder(forever, mute, polled(pollSilent)), do: DoRelease, code: codeSilentExpired},
	})
}
