package policy

import (
	"fmt"
	"testing"
	"time"
)

// now is the moment at which the tests decide; leases in them are multiples of seconds around it.
var now = SinceBoot(1000 * time.Second)

// everyCombination calls check with facts of every kind, some millions of them.
func everyCombination(check func(Facts)) {
	for _, trigger := range allTriggers() {
		for _, word := range allWords() {
			for _, note := range allNotes() {
				for _, here := range []Presence{PresenceNo, PresencePartly, PresenceYes} { // unknown counts as partly everywhere
					for _, pg := range []PG{PGUnknown, PGDown, PGAlive} {
						for _, poll := range allPolls() {
							f := base()
							f.Trigger, f.Reply, f.VIP, f.PG, f.Peers = trigger, word, note, pg, poll
							f.Address = AddressState{Presence: here, End: note.LeaseEnd}
							everyStage(f, check)
						}
					}
				}
			}
		}
	}
}

// everyStage varies what a run goes through: how often it asked, and the second look.
func everyStage(f Facts, check func(Facts)) {
	switch f.Reply.Kind {
	case Unasked:
		check(f)
	case Silent, NotOurs:
		f.Asked = 1
		check(f)
		f.Cluster.Reply.Paused = true
		check(f)
		f.Cluster.Reply.Paused = false
	default:
		for _, f.Asked = range []int{1, maxAsked} {
			check(f)
		}
		f.Cluster.Unproven = &unproven{Since: now.Add(-time.Second), Why: "the wall clock was set back by 5m0s"}
		check(f)
		f.Cluster.Unproven = nil
	}
	f.Confirming = true
	check(f)
}

// base is a healthy cluster with Patroni's defaults, whose last loop was a second ago.
func base() Facts {
	leading := PatroniReply{Kind: Leader, Role: rolePrimary, State: "running", LastSeen: 9990, SeenAt: now.Add(-3 * time.Second), At: now.Add(-2 * time.Second)}
	return Facts{
		Now: now, Interval: 2 * time.Second, Follow: followPrimary, Leased: true,
		Trigger: Trigger{Event: EventTick, At: now},
		Cluster: ClusterState{
			Timing: Timing{30 * time.Second, 10 * time.Second, 10 * time.Second},
			Reply:  leading, Leading: leading, SeenBefore: now.Add(-13 * time.Second), LastTick: now.Add(-2 * time.Second),
		},
	}
}

func allTriggers() []Trigger {
	young, old := now.Add(-10*time.Millisecond), now.Add(-EvidenceAge).Add(-1)
	return []Trigger{
		{Event: EventTick, At: young},
		{Event: eventOnStop, Role: roleDemoted, At: young},
		{Event: eventOnReload, Role: rolePrimary, At: young},
		{Event: eventOnRoleChange, Role: rolePrimary, At: young},
		{Event: eventOnRoleChange, Role: rolePrimary, At: old},
		{Event: eventOnRoleChange, Role: roleReplica, At: young},
		{Event: eventOnStart, Role: rolePrimary, At: young},
		{Event: eventOnStart, Role: roleUnknown, At: young},
		{Event: EventOperator, Order: OrderClaim, By: "ann", At: young},
		{Event: EventOperator, Order: OrderRelease, By: "ann", At: young},
		{Event: EventOperator, Order: OrderClaim, Force: true, By: "ann", At: young},
		{Event: EventOperator, Order: OrderRelease, Force: true, By: "ann", At: young},
	}
}

func allWords() []PatroniReply {
	words := []PatroniReply{{}, {Kind: Silent, Why: "connection refused", At: now}, {Kind: NotOurs, Why: "scope is x", At: now}}
	for _, state := range []string{"running", "stopping", "crashed"} {
		for flags := range 8 {
			w := PatroniReply{
				State: state, Name: "n1", At: now.Add(-100 * time.Millisecond),
				Paused: flags&1 != 0, Unlocked: flags&2 != 0, Failsafe: flags&4 != 0,
			}
			for _, role := range []Role{rolePrimary, roleReplica, roleStandbyLeader} {
				if role != rolePrimary && state != "running" || role == roleStandbyLeader && flags != 0 {
					continue // nothing in the policy tells these apart
				}
				w.Kind, w.Role, w.SeenAt = NotLeader, role, now.Add(-3*time.Second)
				words = append(words, w)
				for _, seen := range []Moment{Moment{}, now.Add(-3 * time.Second), now.Add(-19 * time.Second), now.Add(-40 * time.Second)} {
					w.Kind, w.SeenAt = Leader, seen
					words = append(words, w)
				}
			}
		}
	}
	return append(words, PatroniReply{Kind: Leader, Role: rolePrimary, State: "running", SeenAt: now.Add(-4 * time.Second), At: now.Add(-EvidenceAge).Add(-1)})
}

func allNotes() []VIPState {
	return []VIPState{
		{},
		{Generation: 1, LeaseEnd: now.Add(10 * time.Second), Phase: Claimed, Claimed: now.Add(-time.Minute), Hold: &OperatorHold{By: "ann", Until: now.Add(time.Hour)}},
		{Generation: 1, LeaseEnd: now.Add(10 * time.Second), Phase: Claimed, Claimed: now.Add(-time.Minute)},
		{Generation: 1, LeaseEnd: now.Add(-time.Second), Phase: Claimed, Claimed: now.Add(-time.Minute)},
		{Generation: 1, LeaseEnd: now.Add(10 * time.Second), Phase: Claiming},
		{Generation: 1, LeaseEnd: now.Add(2 * time.Second), Phase: Claimed, Claimed: now.Add(-time.Minute)},
		{Generation: 1, LeaseEnd: now.Add(10 * time.Second), Phase: Claimed, Claimed: now.Add(-time.Minute), HandOver: &HandOver{Generation: 1, Began: now.Add(-1), Until: now.Add(4 * time.Second)}},
	}
}

func allPolls() []Poll {
	return []Poll{
		{}, {result: pollSilent, At: now}, {result: pollUnclear, At: now}, {result: pollNobody, At: now},
		{result: pollUs, At: now}, {result: pollUs, Paused: true, At: now},
		{result: pollNamed, Name: "n3", At: now},
		{result: pollOther, Name: "n2", Reply: PatroniReply{Kind: Leader, Name: "n2", Timeline: 2}, At: now},
		{result: pollOther, Name: "n2", Reply: PatroniReply{Kind: Leader, Name: "n2"}, At: now},
	}
}

// laws are what must hold whatever the facts are. Each returns a complaint, or "".
var laws = map[string]func(Facts, Verdict) string{
	"a claim needs proof": func(f Facts, v Verdict) string {
		argv := f.Trigger.Event == eventOnRoleChange && f.Follow.Wants(f.Trigger.Role) && f.Now.Sub(f.Trigger.At) <= EvidenceAge
		proof := f.Reply.Kind == Leader && f.Now.Sub(f.Reply.At) <= EvidenceAge || evidence(f).Kind == Unasked && argv
		if v.Do == DoKeep && f.NotAsWanted() && !proof {
			return "held without a word or argv"
		}
		return ""
	},
	"nothing is claimed on one word alone": func(f Facts, v Verdict) string {
		if v.Do == DoKeep && f.NotAsWanted() && evidence(f).Kind == Leader && !f.Peers.full() {
			return "claimed, and nobody else was asked"
		}
		return ""
	},
	"what proves nothing needs a witness": func(f Facts, v Verdict) string {
		exempt := f.Reply.Paused || f.Reply.Failsafe || f.VIP.HeldAt(f.Now) || evidence(f).Kind != Leader
		if !exempt && v.Do == DoKeep && f.unproven() && v.Until.After(leaseEnd(f)) && !f.Peers.us() {
			return "renewed"
		}
		return ""
	},
	"what was rolled goes with the word that it was rolled on": func(f Facts, v Verdict) string {
		exempt := f.Reply.Paused || f.Reply.Failsafe || f.Reply.State == "stopping" || f.VIP.HeldAt(f.Now) || evidence(f).Kind != Leader
		if !exempt && f.Trigger.Event == EventTick && f.Follow.Wants(f.Reply.Role) && f.Address.Presence == PresenceYes && lockGone(f) && v.Do != DoRelease {
			return "kept"
		}
		return ""
	},
	"two leaders: the lower timeline goes": func(f Facts, v Verdict) string {
		lower := !f.Reply.Paused && evidence(f).Kind == Leader && f.Follow.Wants(f.Reply.Role) && f.Peers.result == pollOther && outvoted(f)
		if lower && v.Do == DoKeep {
			return "held"
		}
		return ""
	},
	"the only leader releases nothing": func(f Facts, v Verdict) string {
		nobody := f.unproven() && f.Peers.result == pollNobody // our word proves nothing, and theirs is that there is no leader
		only := f.Reply.Kind == Leader && f.Follow.Wants(f.Reply.Role) && !f.Peers.elsewhere() && !nobody && evidence(f) == f.Reply
		ended := v.Do == DoRelease && !leaseEnd(f).After(f.Now)
		if f.Trigger.Event != EventTick && f.HandingOver() && f.PG == PGDown {
			return "" // PostgreSQL is down and somebody else is awaited: nobody asks before going on
		}
		if (v.Do == DoRelease || v.Do == DoHandOver) && only && f.MayBeHere() && f.Trigger.Event != eventOnStop && !ended && f.Now.Before(lockLease(f)) {
			return "released"
		}
		return ""
	},
	"silence renews nothing without peers": func(f Facts, v Verdict) string {
		if v.Do == DoKeep && f.Reply.IsSilent() && f.Peers.result != pollUs && !f.Cluster.Reply.Paused && !f.Peers.Paused && !f.VIP.HeldAt(f.Now) {
			return "renewed"
		}
		return ""
	},
	"nothing is kept past the lease": func(f Facts, v Verdict) string {
		if v.Do == DoKeep && !v.Until.After(f.Now) {
			return "held until the past"
		}
		denied := f.Reply.Kind == NotLeader || f.Reply.Kind == Silent && f.Trigger.Event == EventTick
		if v.Do == doNothing && denied && f.Trigger.Event != EventOperator && !f.VIP.HeldAt(f.Now) && f.Trigger.Event != eventOnReload && f.MayBeHere() && !leaseEnd(f).After(f.Now) && !f.Confirming {
			return "kept"
		}
		return ""
	},
	"a 200 vouches no longer than the lock lasts": func(f Facts, v Verdict) string {
		w := f.Reply
		if v.Do != DoKeep || f.VIP.HeldAt(f.Now) || evidence(f).Kind != Leader || w.Paused || w.Failsafe || w.SeenAt.IsZero() || f.unproven() {
			return ""
		}
		if last := w.SeenAt.Add(f.timing().TTL).Add(-leaseSafety); v.Until.After(last) {
			return fmt.Sprintf("until %v, after %v", v.Until, last)
		}
		return ""
	},
	"a hand-over needs a PostgreSQL that is down": func(f Facts, v Verdict) string {
		if v.Do == DoHandOver && f.PG != PGDown {
			return "handed over"
		}
		return ""
	},
	"questions come to an end": func(f Facts, v Verdict) string {
		if v.Do == DoAsk && v.Ask.Patroni && f.Asked+f.Stale >= maxAsked {
			return "asked Patroni again"
		}
		if v.Do == DoAsk && !v.Ask.Patroni && f.Peers.result != unpolled {
			return "polled again"
		}
		return ""
	},
	"every verdict has a reason": func(f Facts, v Verdict) string {
		if v.Do == "" || v.Code == "" || v.Why == "" {
			return "none"
		}
		return ""
	},
	"a reload moves nothing": func(f Facts, v Verdict) string {
		if f.Trigger.Event == eventOnReload && !f.Confirming && v.Do != doNothing {
			return string(v.Do)
		}
		return ""
	},
	"what is not here is not handed over": func(f Facts, v Verdict) string {
		if v.Do == DoHandOver && f.Address.Presence == PresenceNo {
			return "handed over"
		}
		return ""
	},
}

// forced reports whether an operator overrides the policy; no law binds that.
func forced(f Facts) bool { return f.Trigger.Force }

func TestLaws(t *testing.T) {
	reached := map[Code]bool{}
	broken := map[string]bool{}
	everyCombination(func(f Facts) {
		v := Decide(f)
		reached[v.Code] = true
		for name, law := range laws {
			if complaint := law(f, v); !forced(f) && complaint != "" && !broken[name] {
				broken[name] = true
				t.Errorf("%s: %s\nverdict %+v\nfacts %+v", name, complaint, v, f)
			}
		}
	})
	for _, code := range allCodes {
		if !reached[code] {
			t.Errorf("no facts lead to %s", code)
		}
	}
	for code := range reached {
		if !known(code) {
			t.Errorf("%s is not among the documented codes", code)
		}
	}
}

// allCodes is every code that a verdict can have.
var allCodes = []Code{
	codeHeld, codeHoldOverruled, codeOperator, codeRefused,
	codeStopped, codePromoted, codeClaimUndone, codeClaimUnconfirmed, codeStartUnconfirmed, codeDemoted, codeReload,
	codeTwoLeaders, codeLeaderPaused, codePausedNoDCS, codeLeaderFailsafe, codeLeaderStopping, codeLeaderUnproven, codeLeaderStale,
	codeAddressMissing, codeClaimCutShort, codeLeader, codeLeaderNotRunning, codeLeaderChanging, codeNotFollowed,
	codeHandingOver, codePostgreSQLDown, codeAskAgain, codeLockRetaken, codeNotLeader, codeSilentDown, codeSilentLost,
	codeSilentPaused, codeSilentLeased, codeSilentExpired, codeLeaseEnded, codeNotHolder, codeUnheard,
}

func known(c Code) bool {
	for _, k := range allCodes {
		if k == c {
			return true
		}
	}
	return false
}
