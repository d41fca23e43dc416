package main

// relapses are the faults that vipctl has had, or was built not to have.
var relapses = []relapse{
	{
		name: "a wall clock that was set back is not noticed",
		file: "reconcile/policy/clusterstate.go",
		now:  "case last.Offset != 0 && back > slack:",
		then: "case last.Offset != 0 && back > slack && false:",
	},
	{
		name: "S that a question for the cluster moved is proof",
		file: "reconcile/policy/lease.go",
		now:  "if ours || readBetween(f) {",
		then: "if (ours || readBetween(f)) && false {",
	},
	{
		name: "the usual lease without room",
		file: "reconcile/policy/lease.go",
		now:  "case !t.Roomy(f.Interval):",
		then: "case !t.Roomy(f.Interval) && false:",
	},
	{
		name: "a lowered ttl is heard of after 30 s",
		file: "reconcile/run.go",
		now:  "w.Kind == policy.Leader && !w.Unlocked && r.learnedTiming == nil && !r.slow {",
		then: "w.Kind == policy.Leader && !w.Unlocked && r.learnedTiming == nil && !r.slow && false {",
	},
	{
		name: "a lease of two ttls in a pause, and under a hold",
		file: "reconcile/policy/lease.go",
		now:  "rolled := f.Now.Add(2 * f.Interval).Add(rollSlack)",
		then: "rolled := f.Now.Add(2 * f.timing().TTL)",
	},
	{
		name: "a hand-over survives a new promotion",
		file: "reconcile/viprun.go",
		now:  "return s.HandOver == nil || s.Generation != h.Generation",
		then: "return false",
	},
	{
		name: "a frozen process acts on old evidence",
		file: "reconcile/policy/facts.go",
		now:  "return f.Reply.Counts() && (f.Now.Sub(f.Reply.At) > EvidenceAge || f.Reply.At.Before(f.VIP.Changed))",
		then: "return false",
	},
	{
		name: "a tick claims without a second witness",
		file: "reconcile/policy/facts.go",
		now:  "return f.NotAsWanted() && f.Reply.Running() || f.unproven()",
		then: "return f.unproven()",
	},
	{
		name: "the address has no end",
		file: "reconcile/policy/keep.go",
		now:  "Forever: !f.Leased || !ticking(f)}",
		then: "Forever: true}",
	},
	{
		name: "a claim that was cut short is not finished",
		file: "reconcile/policy/facts.go",
		now:  "return f.MayBeHere() && unfinished && f.VIP.HandOver == nil",
		then: "return f.MayBeHere() && unfinished && f.VIP.HandOver == nil && false",
	},
	{
		name: "S' that nobody heard of shortens the lease",
		file: "reconcile/policy/lease.go",
		now:  "|| gap > t.LoopWait+f.Interval && end.Before(least) {",
		then: "|| gap > t.LoopWait+f.Interval && end.Before(least) && false {",
	},
	{
		name: "a lease as long as the lock, whatever the next refresh comes to",
		file: "reconcile/policy/lease.go",
		now:  "end := r.SeenAt.Add(t.TTL).Add(-t.LoopWait)",
		then: "end := r.SeenAt.Add(t.TTL + 2*time.Second)",
	},
}
