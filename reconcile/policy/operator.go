package policy

import (
	"fmt"
	"time"
)

// orderRows decides what `vipctl claim` and `vipctl release` come to. Without --force that is what
// a tick would do, or nothing.
var orderRows = &table{"Operators", []row{
	{
		code: codeOperator,
		when: "claim --force",
		fits: func(f Facts) bool { return f.Trigger.Order == OrderClaim && f.Trigger.Force },
		then: func(f Facts) Verdict {
			return Verdict{Do: DoKeep, Why: "claimed by " + f.Trigger.By, Until: operatorsLease(f), Forever: !f.Leased}
		},
	},
	{
		code: codeOperator,
		when: "release --force",
		fits: func(f Facts) bool { return f.Trigger.Order == OrderRelease && f.Trigger.Force },
		then: func(f Facts) Verdict { return release("released by %s", f.Trigger.By) },
	},
	{
		when: "a tick would ask, or a claim is ordered and a tick would keep the address",
		fits: func(f Facts) bool {
			do := tickRows.decide(f).Do
			return do == DoAsk || f.Trigger.Order == OrderClaim && do == DoKeep
		},
		next: tickRows,
	},
	{
		code: codeOperator,
		when: "a release is ordered, and a tick would release the address or hand it over, or it is not here",
		fits: func(f Facts) bool {
			do := tickRows.decide(f).Do
			return f.Trigger.Order == OrderRelease && (do == DoRelease || do == DoHandOver || !f.MayBeHere())
		},
		then: func(f Facts) Verdict { return release("released by %s", f.Trigger.By) },
	},
	{
		code: codeRefused,
		then: func(f Facts) Verdict { return nothing("%s", tickRows.decide(f).Why) },
	},
}}

// heldRows decides while an operator's hold is in force. Callbacks change nothing, and ticks keep
// the address where it is. Where another member leads the address goes, since two nodes that accept
// writes are worse than a broken promise to an operator. The hold stays, and nothing is claimed
// here until it ends.
var heldRows = &table{"An operator's hold is in force", []row{
	{
		code: codeHeld,
		when: "a callback, or the address is not here",
		fits: func(f Facts) bool { return f.Trigger.Event != EventTick || f.NotAsWanted() },
		then: func(f Facts) Verdict { return nothing("%s", heldBy(f)) },
	},
	{
		code: codeUnheard,
		when: "a tick, and Patroni was not asked",
		fits: func(f Facts) bool { return f.Reply.Kind == Unasked },
		then: func(Facts) Verdict { return ask(Question{Patroni: true}) },
	},
	{
		code: codeUnheard,
		when: "200 that needs a second witness, which was not asked",
		fits: func(f Facts) bool { return f.Reply.Kind == Leader && f.needsWitness() && !f.Peers.full() },
		then: func(f Facts) Verdict { return ask(f.witnesses()) },
	},
	{
		code: codeHoldOverruled,
		when: "200, and a peer leads too, and we yield",
		fits: func(f Facts) bool { return f.Reply.Kind == Leader && f.Peers.result == pollOther && weYield(f) },
		then: func(f Facts) Verdict { return release("%s, but %s leads", heldBy(f), f.Peers.Name) },
	},
	{
		code: codeHeld,
		when: "200: where the hold ends, the lease goes on",
		fits: func(f Facts) bool { return f.Reply.Kind == Leader },
		then: func(f Facts) Verdict {
			return Verdict{Do: DoKeep, Why: heldBy(f), Until: heldUntil(f).Max(lockLease(f)), Forever: !f.Leased}
		},
	},
	{
		code: codeUnheard,
		when: "503 or silent, and the peers were not asked",
		fits: func(f Facts) bool { return !f.Peers.full() },
		then: func(Facts) Verdict { return ask(Question{Peers: true}) },
	},
	{
		code: codeHoldOverruled,
		when: "503 or silent, and a peer leads or names another",
		fits: func(f Facts) bool { return f.Peers.elsewhere() },
		then: func(f Facts) Verdict { return release("%s, but %s leads", heldBy(f), f.Peers.Name) },
	},
	{
		code: codeHeld,
		then: func(f Facts) Verdict {
			return Verdict{Do: DoKeep, Why: heldBy(f), Until: heldUntil(f), Forever: !f.Leased || !ticking(f)}
		},
	},
}}

// heldUntil is until when a hold keeps the address, whatever the lock says.
func heldUntil(f Facts) Moment { return f.VIP.Hold.Until.Min(locklessLease(f)) }

// heldBy is who holds the VIP, for people.
func heldBy(f Facts) string {
	h := f.VIP.Hold
	return fmt.Sprintf("held by %s for another %v", h.By, h.Until.Sub(f.Now).Round(time.Second))
}
