package policy

import (
	"testing"
	"time"
)

func TestLeaderRows(t *testing.T) {
	end := now.Add(16 * time.Second) // min(S + ttl - loop_wait, S' + ttl) - 1 s
	cut := note(func(n *VIPState) { n.Phase = Claiming })
	checkRows(t, []rowCase{
		{name: "here", facts: holder(leads()), do: DoKeep, code: codeLeader, why: "leader", until: end},
		{name: "here, not leased", facts: holder(leads(), unleased), do: DoKeep, code: codeLeader, until: end, forever: true},
		{name: "missing", facts: absent(alone, leads()), do: DoKeep, code: codeAddressMissing, why: "address missing", until: end},
		{name: "partly here", facts: partly(alone, leads()), do: DoKeep, code: codeAddressMissing, until: end},
		{name: "unknown where", facts: facts(alone, leads(), func(f *Facts) { f.Address.Presence = PresenceUnknown }), do: DoKeep, code: codeAddressMissing, until: end},
		{name: "cut short", facts: holder(leads(), cut), do: DoKeep, code: codeClaimCutShort, why: "cut short", until: end},
		{name: "put back after a release", facts: holder(leads(), note(func(n *VIPState) { n.Phase = Released })), do: DoKeep, code: codeClaimCutShort, why: "put back after its release", until: end},
		{name: "a claim cut short that waits for a successor", facts: holder(leads(), cut, handover(1)), do: DoKeep, code: codeLeader, until: end},
		{name: "no note at all", facts: holder(leads(), note(func(n *VIPState) { *n = VIPState{} })), do: DoKeep, code: codeLeader, until: end},
		{name: "cut short and missing", facts: absent(alone, leads(), cut), do: DoKeep, code: codeAddressMissing, until: end},
		{name: "nobody asked", facts: holder(), do: DoAsk, code: codeUnheard, ask: askFirst},
		{name: "starting, here", facts: holder(leads(state("starting"))), do: DoKeep, code: codeLeaderNotRunning, why: "leader, PostgreSQL is starting", until: end},
		{name: "starting, missing", facts: absent(leads(state("starting"))), do: doNothing, code: codeLeaderNotRunning, why: "PostgreSQL is starting"},
		{name: "starting, partly here", facts: partly(leads(state("starting"))), do: doNothing, code: codeLeaderNotRunning},
	})
}

// TestWitnessRows: a 200 that needs a second witness, see unproven.go.
func TestWitnessRows(t *testing.T) {
	end, rolled := now.Add(16*time.Second), now.Add(5*time.Second)
	back := past(func(m *ClusterState) {
		m.Unproven = &unproven{Since: now.Add(-time.Minute), Why: "the wall clock was set back by 5m0s"}
	})
	contested := note(func(n *VIPState) { n.Answering = []MAC{"02:00:00:00:00:02"} })
	dcs := func(f *Facts) { f.Peers.ByDCS = true }
	future := leads(func(w *PatroniReply) { w.SeenAt = Moment{} })
	glanced := polled(pollGlance)
	witness := Question{Peers: true, DCS: true}
	checkRows(t, []rowCase{
		{name: "a claim asks", facts: absent(leads()), do: DoAsk, code: codeUnheard, ask: askPeers},
		{name: "a claim asks behind a glance", facts: partly(leads(), glanced), do: DoAsk, code: codeUnheard, ask: askPeers},
		{name: "a claim that another is named for", facts: absent(leads(), polled(pollNamed)), do: doNothing, code: codeLeaderUnproven, why: "leader, but the peers name n2"},
		{name: "a claim while nobody is named yet", facts: absent(leads(), polled(pollNobody)), do: DoKeep, code: codeAddressMissing, until: end},
		{name: "a claim while they differ", facts: absent(leads(), polled(pollUnclear)), do: DoKeep, code: codeAddressMissing, until: end},
		{name: "no claim, no question", facts: absent(leads(state("starting"))), do: doNothing, code: codeLeaderNotRunning},
		{name: "here, a glance is enough", facts: holder(leads(), glanced), do: DoKeep, code: codeLeader, until: end},

		{name: "contested", facts: holder(leads(), contested, glanced), do: DoAsk, code: codeUnheard, ask: witness},
		{name: "contested, nobody answers", facts: holder(leads(), contested, alone), do: DoKeep, code: codeLeader, until: end},
		{name: "contested, another is named", facts: holder(leads(), contested, polled(pollNamed)), do: doNothing, code: codeLeaderUnproven, why: "lease ends in 10s"},
		{name: "contested, another is named by the DCS, lease over", facts: holder(here(0), leads(), contested, polled(pollNamed), dcs), do: DoRelease, code: codeLeaderUnproven, why: "but the DCS names n2, lease ended"},
		{name: "the lease has ended", facts: holder(here(0), leads(), glanced), do: DoAsk, code: codeUnheard, ask: askPeers},
		{name: "the lease has ended, nobody answers", facts: holder(here(0), leads(), alone), do: DoKeep, code: codeLeader, until: end},
		{name: "the lease ends in a moment", facts: holder(here(1), leads(), glanced), do: DoKeep, code: codeLeader, until: end},

		{name: "clock set back", facts: holder(leads(), back, glanced), do: DoAsk, code: codeUnheard, ask: witness},
		{name: "clock set back, named", facts: holder(here(time.Second), leads(), back, polled(pollUs)), do: DoKeep, code: codeLeaderUnproven, why: "leader, and the peers name us: the wall clock was set back by 5m0s", until: rolled},
		{name: "clock set back, named by the DCS", facts: holder(here(time.Second), leads(), back, polled(pollUs), dcs), do: DoKeep, code: codeLeaderUnproven, why: "the DCS names us", until: rolled},
		{name: "clock set back, named, a longer proof stays", facts: holder(leads(), back, polled(pollUs)), do: DoKeep, code: codeLeaderUnproven, until: now.Add(10 * time.Second)},
		{name: "clock set back, named, missing", facts: absent(leads(), back, polled(pollUs)), do: DoKeep, code: codeLeaderUnproven, until: rolled},
		{name: "loops have stopped, named, missing", facts: absent(leads(heard(0), seen(28*time.Second)), back, polled(pollUs)), do: doNothing, code: codeLeaderUnproven, why: "leader, DCS last seen 28s ago"},
		{name: "loops may still come, named, missing", facts: absent(leads(heard(0), seen(28*time.Second-1)), back, polled(pollUs)), do: DoKeep, code: codeLeaderUnproven, until: now.Add(5 * time.Second)},
		{name: "loops have stopped, named, here", facts: holder(here(time.Second), leads(heard(0), seen(28*time.Second)), back, polled(pollUs)), do: DoKeep, code: codeLeaderUnproven, until: now.Add(5 * time.Second)},
		{name: "clock set back, silence", facts: holder(leads(), back, alone), do: doNothing, code: codeLeaderUnproven, why: "nobody else says so: the wall clock was set back by 5m0s, lease ends in 10s"},
		{name: "clock set back, silence, missing", facts: absent(leads(), back, alone), do: doNothing, code: codeLeaderUnproven},
		{name: "clock set back, silence, lease over", facts: holder(here(0), leads(), back, alone), do: DoRelease, code: codeLeaderUnproven, why: "lease ended"},
		{name: "clock set back, nobody leads", facts: holder(leads(), back, polled(pollNobody)), do: doNothing, code: codeLeaderUnproven},
		{name: "clock set back, rolled, nobody leads", facts: holder(here(5*time.Second), leads(), back, polled(pollNobody)), do: DoRelease, code: codeLeaderUnproven, why: "leader, but the peers name nobody: the wall clock was set back by 5m0s"},
		{name: "clock set back, proved for longer, nobody leads", facts: holder(here(5*time.Second+1), leads(), back, polled(pollNobody)), do: doNothing, code: codeLeaderUnproven},
		{name: "clock set back, rolled, the DCS names another", facts: holder(here(time.Second), leads(), back, polled(pollNamed), dcs), do: DoRelease, code: codeLeaderUnproven, why: "the DCS names n2"},
		{name: "clock set back, rolled, a peer names another", facts: holder(here(time.Second), leads(), back, polled(pollNamed)), do: doNothing, code: codeLeaderUnproven},
		{name: "rolled, nobody leads by the peers, and nothing speaks against us", facts: holder(here(time.Second), leads(), polled(pollNobody)), do: DoKeep, code: codeLeader, until: end},
		{name: "clock set back, failsafe", facts: holder(leads(failsafe), back, polled(pollUnclear)), do: DoKeep, code: codeLeaderFailsafe, until: now.Add(7900 * time.Millisecond)},
		{name: "clock set back, failsafe, another is named", facts: holder(leads(failsafe), back, polled(pollNamed)), do: doNothing, code: codeLeaderUnproven},
		{name: "clock set back, stopping", facts: holder(leads(state("stopping")), back), do: doNothing, code: codeLeaderStopping},
		{name: "clock set back, two leaders, we were promoted last", facts: holder(here(time.Second), leads(func(w *PatroniReply) { w.Timeline = 2 }), back, asked(2), rival(), dcs), do: DoKeep, code: codeTwoLeaders, why: "it yields", until: rolled},
		{name: "clock set back, two leaders, we were promoted last, and nothing else says so", facts: holder(here(time.Second), leads(func(w *PatroniReply) { w.Timeline = 2 }), back, asked(2), rival()), do: DoKeep, code: codeTwoLeaders, until: now.Add(time.Second)},
		{name: "clock set back, two leaders: once more", facts: holder(leads(), back, rival()), do: DoAsk, code: codeTwoLeaders, ask: Question{Patroni: true, Peers: true, DCS: true, After: time.Second}},
		{name: "clock set back, two leaders on one timeline", facts: holder(leads(), back, asked(2), rival(func(w *PatroniReply) { w.LastSeen-- })), do: DoRelease, code: codeTwoLeaders, why: "we yield"},
		{name: "clock set back, rolled, another leads that is being promoted", facts: holder(here(5*time.Second), leads(), back, rival()), do: DoRelease, code: codeTwoLeaders, why: "we yield"},
		{name: "clock set back, rolled, another leads, and the DCS names us", facts: holder(here(time.Second), leads(), back, rival(), dcs), do: DoAsk, code: codeTwoLeaders, ask: Question{Patroni: true, Peers: true, DCS: true, After: time.Second}},
		{name: "clock set back, rolled, another leads on an older timeline", facts: holder(here(time.Second), leads(func(w *PatroniReply) { w.Timeline = 2 }), back, rival()), do: DoAsk, code: codeTwoLeaders, ask: Question{Patroni: true, Peers: true, DCS: true, After: time.Second}},
		{name: "dcs_last_seen in the future", facts: holder(future, glanced), do: DoAsk, code: codeUnheard, ask: witness},
		{name: "dcs_last_seen in the future, silence", facts: holder(future, alone), do: doNothing, code: codeLeaderUnproven, why: "dcs_last_seen is in the future"},

		{name: "promoted behind us", facts: holder(leads(), rival(func(w *PatroniReply) { w.Timeline = 2 })), do: DoRelease, code: codeTwoLeaders, why: "we yield"},
		{name: "promoted behind us, missing", facts: absent(leads(), rival(func(w *PatroniReply) { w.Timeline = 2 })), do: doNothing, code: codeTwoLeaders},
		{name: "promoted behind us, in pause", facts: holder(leads(paused), rival(func(w *PatroniReply) { w.Timeline = 2 })), do: DoAsk, code: codeTwoLeaders, ask: Question{Patroni: true, Peers: true, After: time.Second}},
		{name: "denied, and another leads", facts: holder(denies(), polled(pollOther)), do: DoRelease, code: codeNotLeader},
	})
}

// TestDoubt: what makes dcs_last_seen prove nothing, and what ends that.
func TestDoubt(t *testing.T) {
	memory := func() ClusterState {
		m := base().Cluster
		m.Reply.Offset, m.Reply.LastSeen = time.Hour, 9990
		return m
	}
	word := func(traits ...trait) PatroniReply {
		f := facts(leads(append([]trait{func(w *PatroniReply) { w.Offset = time.Hour }}, traits...)...))
		return f.Reply
	}
	moved := func(by time.Duration) trait { return func(w *PatroniReply) { w.Offset += by } }
	for name, c := range map[string]struct {
		word PatroniReply
		why  string
	}{
		"healthy":                             {word(), ""},
		"set back by as much as clocks drift": {word(moved(-slack)), ""},
		"set back by more":                    {word(moved(-slack - 1)), "the wall clock was set back by 2s"},
		"set forward":                         {word(moved(time.Hour)), ""},
		"its lock is over":                    {word(seen(28*time.Second + 100*time.Millisecond - 1)), ""},
		"its lock was over when it was asked": {word(seen(28*time.Second+100*time.Millisecond), heard(0)), "Patroni's loops had stopped"},
		"a lock that is over, in failsafe":    {word(seen(time.Minute), failsafe), ""},
		"a lock that is over, in a pause":     {word(seen(time.Minute), paused), ""},
		"a denial, and its lock is over":      {facts(denies(seen(time.Minute))).Reply, "the wall clock was set back by 1h0m0s"},
	} {
		m := memory()
		m.Remember(c.word)
		if got := m.Unproven; (got == nil) != (c.why == "") || got != nil && (got.Why != c.why || got.Since != c.word.At) {
			t.Errorf("%s: %+v, want %q", name, got, c.why)
		}
	}
	m := ClusterState{}
	m.Remember(word(seen(time.Minute)))
	if m.Unproven != nil {
		t.Error("doubted before ttl was known")
	}
	m = memory()
	m.Remember(word(moved(-time.Minute)))
	m.Remember(word(moved(-time.Minute), seen(time.Minute), heard(0)))
	if m.Unproven == nil || m.Unproven.Why != "the wall clock was set back by 1m0s" || m.Unproven.Since != now {
		t.Errorf("the first reason, since the last word: %+v", m.Unproven)
	}
	const life = 42 * time.Second // loop_wait + ttl + 2 s
	for name, c := range map[string]struct {
		poll Poll
		over bool
	}{
		"named, not for long enough": {Poll{result: pollUs, At: now.Add(life)}, false},
		"named for longer":           {Poll{result: pollUs, At: now.Add(life).Add(1)}, true},
		"nobody answered":            {Poll{result: pollSilent, At: now.Add(time.Hour)}, false},
		"another is named":           {Poll{result: pollNamed, At: now.Add(time.Hour)}, false},
	} {
		m := memory()
		m.Unproven = &unproven{Since: now, Why: "x"}
		if m.Vouch(c.poll); (m.Unproven == nil) != c.over {
			t.Errorf("%s: over: %v, want %v", name, m.Unproven == nil, c.over)
		}
	}
}

func TestEvidenceRows(t *testing.T) {
	changed := func(at Moment) change { return note(func(n *VIPState) { n.Changed = at }) }
	told := now.Add(-100 * time.Millisecond)
	checkRows(t, []rowCase{
		{name: "exactly 2 s old", facts: holder(leads(heard(2 * time.Second))), do: DoKeep, code: codeLeader, until: now.Add(16 * time.Second)},
		{name: "over 2 s old", facts: holder(leads(heard(2*time.Second + 1))), do: DoAsk, code: codeUnheard, ask: askFirst},
		{name: "over 2 s old, asked twice", facts: holder(leads(heard(3*time.Second)), asked(2)), do: DoAsk, code: codeUnheard, ask: askFirst},
		{name: "over 2 s old, asked thrice", facts: holder(leads(heard(3*time.Second)), asked(3)), do: DoAsk, code: codeUnheard, ask: askPeers},
		{name: "over 2 s old, and the two before", facts: holder(leads(heard(3*time.Second)), asked(1), func(f *Facts) { f.Stale = 2 }), do: DoAsk, code: codeUnheard, ask: askPeers},
		{name: "over 2 s old, asked thrice, peers too", facts: holder(leads(heard(3*time.Second)), asked(3), polled(pollSilent)), do: doNothing, code: codeSilentLeased, why: "Patroni silent: its replies came too late, lease ends in 10s"},
		{name: "a denial over 2 s old", facts: holder(denies(heard(2*time.Second + 1))), do: DoAsk, code: codeUnheard, ask: askFirst},
		{name: "silence has no age", facts: holder(mute, polled(pollSilent), func(f *Facts) { f.Reply.At = Moment{} }), do: doNothing, code: codeSilentLeased, why: "connection refused"},
		{name: "as old as the last change", facts: holder(leads(), changed(told)), do: DoKeep, code: codeLeader, until: now.Add(16 * time.Second)},
		{name: "older than the last change", facts: holder(leads(), changed(told.Add(1))), do: DoAsk, code: codeUnheard, ask: askFirst},
	})
}

func TestStoppingRows(t *testing.T) {
	stopping := leads(state("stopping"))
	checkRows(t, []rowCase{
		{name: "here, not renewed", facts: holder(stopping), do: doNothing, code: codeLeaderStopping, why: "leader, stopping, lease ends in 10s"},
		{name: "missing", facts: absent(stopping), do: doNothing, code: codeLeaderStopping},
		{name: "the lease ends in a moment", facts: holder(here(1), stopping), do: doNothing, code: codeLeaderStopping},
		{name: "the lease ends now", facts: holder(here(0), stopping), do: DoRelease, code: codeLeaderStopping, why: "leader, stopping, lease ended"},
	})
}

func TestStaleRows(t *testing.T) {
	forgotten := past(func(m *ClusterState) { m.SeenBefore = Moment{} })
	stale := func(ago time.Duration, traits ...trait) change {
		return func(f *Facts) {
			forgotten(f)
			leads(append([]trait{seen(ago)}, traits...)...)(f)
			if f.Peers.result == unpolled {
				f.Peers = Poll{result: pollUs, At: now}
			}
		}
	}
	patient := timing(30, 10, 20) // a refresh may hang for so long that the usual lease ends before
	checkRows(t, []rowCase{
		{name: "the lease outlasts the next tick by a moment", facts: absent(alone, leads(seen(17*time.Second-1)), forgotten), do: DoKeep, code: codeAddressMissing, until: now.Add(2 * time.Second).Add(1)},
		{name: "the lease ends with the next tick", facts: absent(leads(seen(17*time.Second)), forgotten), do: DoAsk, code: codeUnheard, ask: askPeers},
		{name: "missing", facts: absent(stale(17 * time.Second)), do: doNothing, code: codeLeaderStale, why: "leader, DCS last seen 17s ago"},
		{name: "rolls", facts: holder(here(time.Second), stale(18*time.Second)), do: DoKeep, code: codeLeaderStale, why: "DCS last seen 18s ago, rolling", until: now.Add(4900 * time.Millisecond)},
		{name: "rolls up to the lock's end", facts: holder(here(time.Second), stale(26*time.Second)), do: DoKeep, code: codeLeaderStale, why: "rolling", until: now.Add(2 * time.Second)},
		{name: "a longer proof stays", facts: holder(stale(17*time.Second + 1)), do: DoKeep, code: codeLeaderStale, until: now.Add(10 * time.Second)},
		{name: "past the lock's end", facts: holder(here(time.Second), stale(28*time.Second)), do: doNothing, code: codeLeaderStale, why: "rolling, lease ends in 1s"},
		{name: "past the lease's end too", facts: holder(here(0), stale(28*time.Second)), do: DoRelease, code: codeLeaderStale, why: "lease ended"},
		{name: "starting does not roll", facts: holder(here(time.Second), stale(18*time.Second, state("starting"))), do: DoKeep, code: codeLeaderStale, why: "DCS last seen 18s ago", until: now.Add(time.Second)},
		{name: "a refresh may hang still", facts: holder(here(time.Second), patient, stale(23*time.Second)), do: doNothing, code: codeLeaderStale, why: "DCS last seen 23s ago, lease ends in 1s"},
		{name: "a refresh has hung for exactly so long", facts: holder(here(time.Second), patient, stale(23*time.Second+100*time.Millisecond)), do: doNothing, code: codeLeaderStale, why: "DCS last seen 23s ago, lease ends in 1s"},
		{name: "a refresh that hung is over", facts: holder(here(time.Second), patient, stale(23*time.Second+100*time.Millisecond+1)), do: DoKeep, code: codeLeaderStale, why: "rolling", until: now.Add(4900 * time.Millisecond).Add(-1)},
		{name: "in failsafe nobody is asked", facts: holder(leads(seen(40*time.Second), failsafe)), do: DoKeep, code: codeLeaderFailsafe, until: now.Add(7900 * time.Millisecond)},
		{name: "while stopping nobody is asked", facts: holder(leads(seen(18*time.Second), state("stopping"))), do: doNothing, code: codeLeaderStopping},
	})
}

func TestPausedRows(t *testing.T) {
	var (
		end    = now.Add(16 * time.Second) // as without a pause
		rolled = now.Add(7 * time.Second)  // now + 2 interval + 3 s
	)
	quiet := polled(pollSilent)
	odd := []trait{paused, unlocked}
	gone := func(ago time.Duration) change { return leads(append(odd, seen(ago))...) }
	checkRows(t, []rowCase{
		{name: "asks the peers", facts: holder(leads(paused)), do: DoAsk, code: codeUnheard, ask: askPeers},
		{name: "in failsafe too", facts: holder(leads(paused, failsafe)), do: DoAsk, code: codeUnheard, ask: askPeers},
		{name: "here", facts: holder(leads(paused), quiet), do: DoKeep, code: codeLeaderPaused, why: "leader, cluster paused", until: end},
		{name: "missing", facts: absent(leads(paused), quiet), do: DoKeep, code: codeLeaderPaused, until: end},
		{name: "missing, starting", facts: absent(leads(paused, state("starting")), quiet), do: doNothing, code: codeLeaderPaused, why: "cluster paused, PostgreSQL is starting"},
		{name: "starting", facts: holder(leads(paused, state("starting")), quiet), do: DoKeep, code: codeLeaderPaused, until: end},
		{name: "locked, S old", facts: holder(leads(paused, seen(time.Minute)), quiet), do: DoKeep, code: codeLeaderPaused, until: rolled},
		{name: "unlocked, S as old as a loop and its retries", facts: absent(gone(20*time.Second+100*time.Millisecond), quiet), do: doNothing, code: codeLeaderPaused, why: "no leader key in sight"},
		{name: "here, unlocked, S no older", facts: holder(gone(20*time.Second+100*time.Millisecond), quiet), do: DoKeep, code: codeLeaderPaused, until: now.Add(7900 * time.Millisecond)},
		{name: "here, DCS unreachable, a peer names another", facts: holder(gone(time.Minute), polled(pollNamed)), do: DoRelease, code: codePausedNoDCS, why: "paused, DCS unreachable"},
		{name: "unlocked, S older, missing", facts: absent(gone(20*time.Second+100*time.Millisecond+1), quiet), do: doNothing, code: codePausedNoDCS, why: "paused, DCS unreachable"},
		{name: "unlocked, S older, here", facts: holder(gone(time.Minute), quiet), do: DoKeep, code: codePausedNoDCS, until: rolled},
		{name: "and another host answers", facts: holder(gone(time.Minute), quiet, pausedFor(19*time.Second), answering), do: DoRelease, code: codePausedNoDCS, why: "another host answers"},
		{name: "within the lock", facts: holder(gone(time.Minute), quiet, pausedFor(19*time.Second-1), answering), do: DoKeep, code: codePausedNoDCS, until: rolled},
		{name: "with a peer that knows", facts: holder(gone(time.Minute), polled(pollUs), pausedFor(19*time.Second), answering), do: DoKeep, code: codePausedNoDCS, until: rolled},
		{name: "unlocked, no S, missing", facts: absent(leads(paused, unlocked, unseen), quiet), do: doNothing, code: codePausedNoDCS},
		{name: "unlocked, S older, no pause", facts: holder(leads(unlocked, seen(21*time.Second)), quiet), do: DoKeep, code: codeLeaderStale, why: "rolling", until: now.Add(7 * time.Second)},
		{name: "20/2/3", facts: holder(timing(20, 2, 3), leads(paused), quiet), do: DoKeep, code: codeLeaderPaused, until: rolled},
	})
}

// pausedFor is a last 200, of a paused cluster, whose loop was so long ago.
func pausedFor(ago time.Duration) change {
	return past(func(m *ClusterState) { m.Reply.Paused, m.Leading.SeenAt = true, now.Add(-ago) })
}

func answering(f *Facts) { f.VIP.Answering = []MAC{"02:00:00:00:00:02"} }

func TestFailsafeRows(t *testing.T) {
	end := now.Add(7900 * time.Millisecond) // heard + ttl - loop_wait - retry_timeout - 2 s
	checkRows(t, []rowCase{
		{name: "missing", facts: absent(alone, leads(failsafe)), do: DoKeep, code: codeLeaderFailsafe, why: "leader in failsafe mode", until: end},
		{name: "missing, starting", facts: absent(leads(failsafe, state("starting"))), do: doNothing, code: codeLeaderFailsafe, why: "PostgreSQL is starting"},
		{name: "here", facts: holder(here(5*time.Second), leads(failsafe)), do: DoKeep, code: codeLeaderFailsafe, until: end},
		{name: "here, stopping", facts: holder(here(5*time.Second), leads(failsafe, state("stopping"))), do: DoKeep, code: codeLeaderFailsafe, until: end},
		{name: "a longer lease is of another kind", facts: holder(leads(failsafe)), do: DoKeep, code: codeLeaderFailsafe, until: end},
	})
}

func TestUnfollowedRows(t *testing.T) {
	end := now.Add(16 * time.Second)
	checkRows(t, []rowCase{
		{name: "replica, here", facts: holder(leads(as(roleReplica))), do: DoKeep, code: codeLeaderChanging, why: "leader lock held, PostgreSQL is running as replica", until: end},
		{name: "demoted, here", facts: holder(leads(as(roleDemoted), state("stopping"))), do: DoKeep, code: codeLeaderChanging, until: end},
		{name: "uninitialized, here", facts: holder(leads(as(roleUninitialized))), do: DoKeep, code: codeLeaderChanging, until: end},
		{name: "replica, missing", facts: absent(leads(as(roleReplica))), do: doNothing, code: codeLeaderChanging},
		{name: "replica, lease over", facts: holder(here(0), leads(as(roleReplica), seen(40*time.Second))), do: DoRelease, code: codeLeaderChanging},
		{name: "standby leader, here", facts: holder(leads(as(roleStandbyLeader))), do: DoRelease, code: codeNotFollowed, why: "leader, but standby_leader is not followed"},
		{name: "standby leader, missing", facts: absent(leads(as(roleStandbyLeader))), do: doNothing, code: codeNotHolder, why: "leader as standby_leader"},
		{name: "an unknown role", facts: holder(leads(as(roleUnknown))), do: DoRelease, code: codeNotFollowed},
		{name: "standby leader, followed", facts: holder(leads(as(roleStandbyLeader)), follow(followStandbyLeader)), do: DoKeep, code: codeLeader, until: end},
		{name: "primary, where a standby leader is followed", facts: holder(leads(), follow(followStandbyLeader)), do: DoRelease, code: codeNotFollowed},
		{name: "primary, where any leader is followed", facts: holder(leads(), follow(followLeader)), do: DoKeep, code: codeLeader, until: end},
		{name: "standby leader, where any leader is followed", facts: absent(alone, leads(as(roleStandbyLeader)), follow(followLeader)), do: DoKeep, code: codeAddressMissing, until: end},
	})
}
