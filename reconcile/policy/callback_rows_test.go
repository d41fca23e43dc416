package policy

import (
	"testing"
	"time"
)

func TestStoppedRows(t *testing.T) {
	stop := callback(eventOnStop, roleDemoted)
	at := func(ago time.Duration) change { return func(f *Facts) { f.Trigger.At = now.Add(-ago) } }
	claimed := func(m Moment) change { return note(func(n *VIPState) { n.Changed = m }) }
	atOnce := Question{Patroni: true, Within: 200 * time.Millisecond}
	checkRows(t, []rowCase{
		{name: "PostgreSQL down", facts: holder(stop, pg(PGDown)), do: DoHandOver, code: codeStopped, why: "handing over"},
		{name: "PostgreSQL unknown", facts: holder(stop, pg(PGUnknown)), do: DoRelease, code: codeStopped, why: "PostgreSQL stopped"},
		{name: "PostgreSQL alive", facts: holder(stop), do: DoAsk, code: codeUnheard, ask: atOnce},
		{name: "alive, and the lock never left", facts: holder(stop, leads()), do: DoKeep, code: codeLeader, until: now.Add(16 * time.Second)},
		{name: "alive, denied", facts: holder(stop, denies()), do: DoRelease, code: codeNotLeader},
		{name: "alive, silent", facts: holder(stop, mute), do: DoRelease, code: codeDemoted, why: "on_stop as demoted, Patroni silent"},
		{name: "alive, as young as evidence may be", facts: holder(stop, at(EvidenceAge)), do: DoAsk, code: codeUnheard, ask: atOnce},
		{name: "alive, older", facts: holder(stop, at(EvidenceAge+1)), do: DoAsk, code: codeUnheard, ask: Question{Patroni: true}},
		{name: "alive, older, address claimed before", facts: holder(stop, at(time.Second), claimed(now.Add(-time.Second))), do: DoAsk, code: codeUnheard, ask: atOnce},
		{name: "alive, address claimed since", facts: holder(stop, at(time.Second), claimed(now.Add(-time.Second).Add(1))), do: DoAsk, code: codeUnheard, ask: Question{Patroni: true}},
		{name: "unknown, older", facts: holder(stop, pg(PGUnknown), at(EvidenceAge+1)), do: DoRelease, code: codeStopped},
		{name: "unknown, of a leader", facts: holder(stop, pg(PGUnknown), leads()), do: DoRelease, code: codeStopped},
		{name: "partly here", facts: partly(stop, pg(PGUnknown)), do: DoRelease, code: codeStopped},
		{name: "not here", facts: absent(stop, pg(PGDown)), do: doNothing, code: codeNotHolder, why: "not here"},
	})
}

func TestReloadRows(t *testing.T) {
	reload := callback(eventOnReload, rolePrimary)
	checkRows(t, []rowCase{
		{name: "here", facts: holder(reload, pg(PGDown)), do: doNothing, code: codeReload, why: "a reload moves nothing"},
		{name: "here and denied", facts: holder(reload, denies()), do: doNothing, code: codeReload},
		{name: "not here", facts: absent(reload, leads()), do: doNothing, code: codeReload},
	})
}

func TestPromotedRows(t *testing.T) {
	promote := callback(eventOnRoleChange, rolePrimary)
	exec := now.Add(-10 * time.Millisecond)
	end := exec.Add(19 * time.Second) // ttl - loop_wait - 1 s
	before := func(c Callback) change { return past(func(m *ClusterState) { m.Callback = c }) }
	started := func(ago time.Duration) change { return func(f *Facts) { f.Trigger.At = now.Add(-ago) } }
	changed := func(at Moment) change { return note(func(n *VIPState) { n.Changed = at }) }
	claim := rowCase{do: DoKeep, code: codePromoted, why: "promoted to primary", until: end}
	first := rowCase{do: DoAsk, code: codeUnheard, ask: askPatroni}
	like := func(r rowCase, name string, f Facts) rowCase { r.name, r.facts = name, f; return r }

	old := like(claim, "started exactly 2 s ago", absent(promote, started(2*time.Second)))
	old.until = now.Add(17 * time.Second)
	unleasedClaim := like(claim, "not leased", absent(promote, unleased))
	unleasedClaim.forever = true
	standby := like(claim, "a standby leader, followed", absent(callback(eventOnRoleChange, roleStandbyLeader), follow(followLeader)))
	standby.why = "promoted to standby_leader"

	checkRows(t, []rowCase{
		like(claim, "not here", absent(promote)),
		like(claim, "here", holder(promote)),
		old,
		like(first, "started over 2 s ago", absent(promote, started(2*time.Second+1))),
		like(claim, "the address was moved just before", absent(promote, changed(exec))),
		like(first, "the address was moved since", absent(promote, changed(exec.Add(1)))),
		like(claim, "the callback before ran for exactly 1 s", absent(promote, before(Callback{eventOnStop, exec.Add(-time.Second).Add(-1), exec.Add(-1)}))),
		like(first, "the callback before ran for longer", absent(promote, before(Callback{eventOnStop, exec.Add(-time.Second).Add(-2), exec.Add(-1)}))),
		like(claim, "it ended a second ago", absent(promote, before(Callback{eventOnStop, exec.Add(-10 * time.Second), exec.Add(-time.Second)}))),
		like(first, "it ended just less than that ago", absent(promote, before(Callback{eventOnStop, exec.Add(-10 * time.Second), exec.Add(-time.Second).Add(1)}))),
		like(first, "the callback before was cut short", absent(promote, before(Callback{Event: eventOnStop, Began: exec.Add(-time.Minute).Add(1)}))),
		like(claim, "it was cut short a minute ago", absent(promote, before(Callback{Event: eventOnStop, Began: exec.Add(-time.Minute)}))),
		{name: "it may have waited: the lock, and SQL a moment behind", facts: absent(alone, promote, leads(as(roleReplica))), do: DoKeep, code: codePromoted, why: "promoted to primary", until: now.Add(16 * time.Second)},
		{name: "it may have waited: not running", facts: absent(promote, leads(as(roleReplica), state("starting"))), do: doNothing, code: codeLeaderChanging},
		{name: "it may have waited: paused", facts: absent(promote, leads(as(roleReplica), paused)), do: doNothing, code: codeLeaderChanging},
		{name: "it may have waited: not fresh", facts: absent(promote, leads(as(roleReplica), seen(40*time.Second))), do: doNothing, code: codeLeaderChanging},
		{name: "it may have waited: not the leader", facts: absent(promote, denies(as(roleReplica))), do: doNothing, code: codeNotHolder},
		unleasedClaim,
		standby,
		{name: "a word is there", facts: absent(alone, promote, leads()), do: DoKeep, code: codeAddressMissing, until: now.Add(16 * time.Second)},
		{name: "a denial is there", facts: absent(promote, denies()), do: doNothing, code: codeNotHolder},
		{name: "too old, and silent", facts: absent(promote, started(3*time.Second), mute), do: doNothing, code: codeStartUnconfirmed, why: "on_role_change as primary, Patroni silent: connection refused"},
	})
}

// TestClaimLeases has the ends of a claim on argv's proof, by what is known of the timer.
func TestClaimLeases(t *testing.T) {
	promote := callback(eventOnRoleChange, rolePrimary)
	exec := now.Add(-10 * time.Millisecond)
	boot := func(exec, now Moment) change {
		return func(f *Facts) { f.Now, f.Trigger.At, f.Cluster = now, exec, ClusterState{} }
	}
	tickAt := func(at Moment) change { return past(func(m *ClusterState) { m.LastTick = at }) }
	claim := func(name string, f Facts, until Moment, forever bool) rowCase {
		return rowCase{name: name, facts: f, do: DoKeep, code: codePromoted, until: until, forever: forever}
	}
	checkRows(t, []rowCase{
		claim("a tick exactly 60 s ago", absent(promote, tickAt(exec.Add(-time.Minute))), exec.Add(19*time.Second), false),
		claim("a tick over 60 s ago", absent(promote, tickAt(exec.Add(-time.Minute).Add(-1))), exec.Add(19*time.Second), true),
		claim("a tick while this one starts", absent(promote, tickAt(exec.Add(1))), exec.Add(19*time.Second), false),
		claim("no tick ever", absent(promote, tickAt(Moment{})), exec.Add(19*time.Second), true),
		claim("just under 2 minutes after boot", absent(promote, boot(SinceBoot(2*time.Minute-1), SinceBoot(2*time.Minute))), SinceBoot(3*time.Minute-1), false),
		claim("exactly 2 minutes after boot", absent(promote, boot(SinceBoot(2*time.Minute), SinceBoot(2*time.Minute))), SinceBoot(2*time.Minute+9*time.Second), true),
		claim("no tick since the boot a moment ago", absent(promote, boot(SinceBoot(30*time.Second), SinceBoot(30*time.Second))), SinceBoot(90*time.Second), false),
		claim("a tick soon after boot", absent(promote, boot(SinceBoot(30*time.Second), SinceBoot(30*time.Second)), tickAt(SinceBoot(29*time.Second))), SinceBoot(39*time.Second), false),
		claim("20/2/3", absent(promote, timing(20, 2, 3)), exec.Add(17*time.Second), false),
		claim("20/10/5", absent(promote, timing(20, 10, 5)), exec.Add(9*time.Second), false),
		claim("60/10/10", absent(promote, timing(60, 10, 10)), exec.Add(49*time.Second), false),
		claim("a timing never heard is 20/10/5", absent(promote, timing(0, 0, 0)), exec.Add(9*time.Second), false),
	})
}

func TestStartedRows(t *testing.T) {
	for _, e := range []Event{eventOnStart, eventOnRestart} {
		start := callback(e, rolePrimary)
		checkRows(t, []rowCase{
			{name: "asks", facts: absent(start), do: DoAsk, code: codeUnheard, ask: askPatroni},
			{name: "silent", facts: holder(start, mute), do: doNothing, code: codeStartUnconfirmed, why: string(e) + " as primary, Patroni silent"},
			{name: "not ours", facts: absent(start, foreign), do: doNothing, code: codeStartUnconfirmed, why: "not our Patroni: scope is other"},
			{name: "leader", facts: absent(alone, start, leads()), do: DoKeep, code: codeAddressMissing, until: now.Add(16 * time.Second)},
			{name: "denied", facts: holder(start, denies(as(roleReplica))), do: DoRelease, code: codeNotLeader},
			{name: "as a replica", facts: holder(callback(e, roleReplica), mute), do: DoRelease, code: codeDemoted, why: string(e) + " as replica"},
		})
	}
}

func TestSteppedDownRows(t *testing.T) {
	demote := callback(eventOnRoleChange, roleReplica)
	checkRows(t, []rowCase{
		{name: "asks, for 200 ms", facts: holder(demote), do: DoAsk, code: codeUnheard, ask: Question{Patroni: true, Within: 200 * time.Millisecond}},
		{name: "an unknown role asks too", facts: holder(callback(eventOnRoleChange, roleUnknown)), do: DoAsk, code: codeUnheard, ask: Question{Patroni: true, Within: 200 * time.Millisecond}},
		{name: "a standby leader, not followed", facts: holder(callback(eventOnRoleChange, roleStandbyLeader), mute), do: DoRelease, code: codeDemoted},
		{name: "not here", facts: absent(demote), do: doNothing, code: codeNotHolder, why: "not here"},
		{name: "not here, and leading", facts: absent(demote, leads()), do: doNothing, code: codeNotHolder, why: "leader as primary"},
		{name: "still the leader", facts: holder(demote, leads()), do: DoKeep, code: codeLeader, until: now.Add(16 * time.Second)},
		{name: "still the leader, as a replica", facts: holder(demote, leads(as(roleReplica))), do: DoKeep, code: codeLeaderChanging, until: now.Add(16 * time.Second)},
		{name: "denied", facts: holder(demote, denies(as(roleReplica), state("starting"))), do: DoRelease, code: codeNotLeader, why: "not the leader, replica, starting"},
		{name: "denied, running primary", facts: holder(demote, denies()), do: DoRelease, code: codeNotLeader},
		{name: "denied and down", facts: holder(demote, denies(), pg(PGDown)), do: DoHandOver, code: codePostgreSQLDown},
		{name: "denied, down by Patroni's word alone", facts: holder(demote, denies(state("stopped")), pg(PGUnknown)), do: DoRelease, code: codeNotLeader},
		{name: "silent", facts: holder(demote, mute), do: DoRelease, code: codeDemoted, why: "on_role_change as replica, Patroni silent: connection refused"},
		{name: "silent and down", facts: holder(demote, mute, pg(PGDown)), do: DoRelease, code: codeDemoted},
		{name: "not ours", facts: holder(demote, foreign), do: DoRelease, code: codeDemoted, why: "not our Patroni"},
		{name: "handing over", facts: holder(demote, handover(1), pg(PGDown)), do: DoHandOver, code: codeHandingOver},
		{name: "handing over, PostgreSQL up again", facts: holder(demote, handover(1)), do: DoAsk, code: codeUnheard, ask: Question{Patroni: true, Within: 200 * time.Millisecond}},
		{name: "an old hand-over", facts: holder(demote, handover(7), pg(PGDown), mute), do: DoRelease, code: codeDemoted},
	})
}

func TestConfirmRows(t *testing.T) {
	again := callback(eventOnRoleChange, rolePrimary)
	checkRows(t, []rowCase{
		{name: "asks", facts: holder(again, secondLook), do: DoAsk, code: codeUnheard, ask: askPatroni},
		{name: "confirmed", facts: holder(again, secondLook, leads()), do: DoKeep, code: codeLeader, until: now.Add(16 * time.Second)},
		{name: "denied once", facts: holder(again, secondLook, denies()), do: DoAsk, code: codeAskAgain, ask: Question{Patroni: true, After: 200 * time.Millisecond}},
		{name: "denied twice", facts: holder(again, secondLook, denies(), asked(2)), do: DoRelease, code: codeClaimUndone, why: "claimed, but not the leader, primary, running"},
		{name: "silent", facts: holder(again, secondLook, mute), do: doNothing, code: codeClaimUnconfirmed, why: "claimed, Patroni silent"},
		{name: "not ours", facts: holder(again, secondLook, foreign), do: doNothing, code: codeClaimUnconfirmed, why: "not our Patroni"},
	})
}
