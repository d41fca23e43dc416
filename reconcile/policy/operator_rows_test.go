package policy

import (
	"testing"
	"time"
)

func TestHeldRows(t *testing.T) {
	hour := heldFor(time.Hour)
	contested := note(func(n *VIPState) { n.Answering = []MAC{"02:00:00:00:00:02"} })
	locked, leased, short := now.Add(16*time.Second), now.Add(10*time.Second), now.Add(5*time.Second) // by the lock, as before, to the hold's own end
	checkRows(t, []rowCase{
		{name: "callbacks wait", facts: holder(hour, callback(eventOnStop, roleDemoted), pg(PGDown)), do: doNothing, code: codeHeld, why: "held by ann for another 1h0m0s"},
		{name: "a promotion waits", facts: absent(hour, callback(eventOnRoleChange, rolePrimary)), do: doNothing, code: codeHeld},
		{name: "for a moment more", facts: holder(heldFor(1), callback(eventOnStop, roleDemoted)), do: doNothing, code: codeHeld},
		{name: "no more", facts: holder(heldFor(0), callback(eventOnStop, roleDemoted), pg(PGDown)), do: DoHandOver, code: codeStopped},
		{name: "missing", facts: absent(hour, leads()), do: doNothing, code: codeHeld},
		{name: "partly here", facts: partly(hour, leads()), do: doNothing, code: codeHeld},
		{name: "asks", facts: holder(hour), do: DoAsk, code: codeUnheard, ask: askPatroni},
		{name: "leader", facts: holder(hour, leads()), do: DoKeep, code: codeHeld, until: locked},
		{name: "leader, not leased", facts: holder(hour, leads(), unleased), do: DoKeep, code: codeHeld, until: locked, forever: true},
		{name: "leader, and the lease goes on after the hold", facts: holder(heldFor(5*time.Second), leads()), do: DoKeep, code: codeHeld, until: now.Add(16 * time.Second)},
		{name: "leader, and another host answers", facts: holder(hour, leads(), contested), do: DoAsk, code: codeUnheard, ask: Question{Peers: true, DCS: true}},
		{name: "leader, and another host answers, asked", facts: holder(hour, leads(), contested, alone), do: DoKeep, code: codeHeld, until: locked},
		{name: "a peer was promoted behind us", facts: holder(hour, leads(), rival(func(w *PatroniReply) { w.Timeline = 2 })), do: DoRelease, code: codeHoldOverruled, why: "but n2 leads"},
		{name: "a peer was promoted before us", facts: holder(hour, leads(func(w *PatroniReply) { w.Timeline = 2 }), rival()), do: DoKeep, code: codeHeld, until: locked},
		{name: "denied, and another host answers", facts: holder(hour, denies(), contested), do: DoAsk, code: codeUnheard, ask: askPeers},
		{name: "denied, and a peer leads on our timeline", facts: holder(hour, denies(), rival()), do: DoRelease, code: codeHoldOverruled},
		{name: "denied", facts: holder(hour, denies()), do: DoAsk, code: codeUnheard, ask: askPeers},
		{name: "denied, no peer answers", facts: holder(hour, denies(), polled(pollSilent)), do: DoKeep, code: codeHeld, until: leased},
		{name: "denied, not leased", facts: holder(hour, denies(), polled(pollSilent), unleased), do: DoKeep, code: codeHeld, until: leased, forever: true},
		{name: "denied, to the hold's end", facts: holder(heldFor(5*time.Second), denies(), polled(pollNobody)), do: DoKeep, code: codeHeld, until: short},
		{name: "silent and down", facts: holder(hour, mute, pg(PGDown), polled(pollUs)), do: DoKeep, code: codeHeld, until: leased},
		{name: "silent, from tick to tick", facts: holder(hour, mute, here(time.Second), heldFor(time.Hour), polled(pollSilent)), do: DoKeep, code: codeHeld, until: now.Add(7 * time.Second)},
		{name: "silent", facts: holder(hour, mute), do: DoAsk, code: codeUnheard, ask: askPeers},
		{name: "a peer leads", facts: holder(hour, denies(), polled(pollOther)), do: DoRelease, code: codeHoldOverruled, why: "held by ann for another 1h0m0s, but n2 leads"},
		{name: "a peer names another", facts: holder(hour, mute, polled(pollNamed)), do: DoRelease, code: codeHoldOverruled},
		{name: "a peer leads, and so do we", facts: holder(hour, leads(), polled(pollOther)), do: DoKeep, code: codeHeld, until: locked},
	})
}

func TestOrderRows(t *testing.T) {
	order := func(o Order, force bool) change {
		return func(f *Facts) {
			f.Trigger = Trigger{Event: EventOperator, Order: o, Force: force, By: "ann", At: now.Add(-10 * time.Millisecond)}
		}
	}
	claim, release := order(OrderClaim, false), order(OrderRelease, false)
	denied := denies(as(roleReplica))
	checkRows(t, []rowCase{
		{name: "claim by force", facts: absent(order(OrderClaim, true), denied), do: DoKeep, code: codeOperator, why: "claimed by ann", until: now.Add(time.Minute)},
		{name: "claim by force, not leased", facts: absent(order(OrderClaim, true), unleased), do: DoKeep, code: codeOperator, until: now.Add(time.Minute), forever: true},
		{name: "release by force", facts: holder(order(OrderRelease, true), leads()), do: DoRelease, code: codeOperator, why: "released by ann"},
		{name: "release by force, under a hold", facts: holder(order(OrderRelease, true), heldFor(time.Hour)), do: DoRelease, code: codeOperator},

		{name: "claim asks", facts: absent(claim), do: DoAsk, code: codeUnheard, ask: askPatroni},
		{name: "claim of the leader", facts: absent(alone, claim, leads()), do: DoKeep, code: codeAddressMissing, until: now.Add(16 * time.Second)},
		{name: "claim of the holder", facts: holder(claim, leads()), do: DoKeep, code: codeLeader, until: now.Add(16 * time.Second)},
		{name: "claim without the lock", facts: absent(claim, denied), do: doNothing, code: codeRefused, why: "not the leader"},
		{name: "claim in silence", facts: absent(claim, mute), do: doNothing, code: codeRefused, why: "Patroni silent"},
		{name: "claim that a tick would undo", facts: holder(claim, denied), do: doNothing, code: codeRefused, why: "not the leader, replica"},
		{name: "claim past the lease", facts: holder(here(0), claim, mute, polled(pollSilent)), do: doNothing, code: codeRefused, why: "nobody vouches"},

		{name: "release asks", facts: holder(release), do: DoAsk, code: codeUnheard, ask: askPatroni},
		{name: "release of the leader", facts: holder(release, leads()), do: doNothing, code: codeRefused, why: "leader"},
		{name: "release of the leader, without a lease", facts: holder(alone, here(0), release, leads()), do: doNothing, code: codeRefused, why: "leader"},
		{name: "release without the lock", facts: holder(release, denied), do: DoRelease, code: codeOperator, why: "released by ann"},
		{name: "release while the lock is re-taken", facts: holder(release, denies(), asked(2), polled(pollUs)), do: doNothing, code: codeRefused, why: "lock being re-taken"},
		{name: "release of what is not here", facts: absent(release, mute), do: DoRelease, code: codeOperator},
		{name: "release before the lease's end", facts: holder(here(1), release, mute, polled(pollSilent)), do: doNothing, code: codeRefused, why: "lease ends in"},
		{name: "release at the lease's end", facts: holder(here(0), release, mute, polled(pollSilent)), do: DoRelease, code: codeOperator},
		{name: "release of what is down", facts: holder(release, denied, pg(PGDown)), do: DoRelease, code: codeOperator},
		{name: "another order", facts: holder(order("dance", false), leads()), do: doNothing, code: codeRefused},
		{name: "another order, by force", facts: holder(order("dance", true), denied), do: doNothing, code: codeRefused},
	})
}
