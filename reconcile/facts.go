package reconcile

import "time"

// EvidenceAge is how long argv counts from the process's start, and a word from the question: a process that was
// frozen in between must not act on what was true before.
const EvidenceAge = 2 * time.Second

// Facts is everything a decision may depend on. It is a value: two equal Facts give equal verdicts.
type Facts struct {
	Trigger  Trigger
	Now      Moment
	Interval time.Duration // between two ticks

	// The VIP's configuration.
	Follow Follow
	Leased bool // lease: auto; otherwise the kernel's address never ends by itself

	// What this host knows by itself.
	Address AddressState
	VIP  VIPState
	PG    PG

	// What Patroni said, now and before.
	Reply  PatroniReply
	Asked int // how often the local Patroni was asked in this run
	Stale int // further questions, put because an answer was too old to count; not in Asked
	Peers Poll
	Cluster  ClusterState

	// Again is set when a tick looks once more.
	Again bool
	// Confirming is set on the second look, after the address was claimed on argv's proof or on an old word.
	Confirming bool
}

// holder reports whether the address may be here: what cannot be seen must be released all the same.
func (f Facts) MayBeHere() bool { return f.Address.Presence != PresenceNo }

// missing reports whether a claim would change anything.
func (f Facts) NotAsWanted() bool { return f.Address.Presence != PresenceYes }

// cutShort reports whether the last claim was killed between its first and its last system call. Without any note
// (a wiped /run) there is nothing to finish: the address is taken over as it is.
func (f Facts) CutShort() bool {
	return f.MayBeHere() && f.VIP.Generation > 0 && f.VIP.Claimed == 0 && f.VIP.HandOver == nil
}

// handingOver reports whether a hand-over of the present claim is under way.
func (f Facts) HandingOver() bool {
	return f.MayBeHere() && f.VIP.HandOver != nil && f.VIP.HandOver.Generation == f.VIP.Generation
}

// end is until when the address is vouched for. Without a note, or with an old one that could not be replaced, the
// kernel's own lifetime is all there is; an address that has neither has no end that anybody knows, which is 0: past.
func (f Facts) leaseEnd() Moment { return max(f.VIP.LeaseEnd, f.Address.End) }

// left is how long the address is vouched for yet, for people.
func (f Facts) leaseLeft() time.Duration { return (f.leaseEnd() - f.Now).Round(100 * time.Millisecond) }

// outdated reports whether what Patroni said may no longer count: said too long ago, or before another process of ours
// moved the address.
func (f Facts) Outdated() bool {
	return f.Reply.Counts() && (f.Now-f.Reply.At > EvidenceAge || f.Reply.At < f.VIP.Changed)
}

// Polled is what the peers, asked side by side, come to.
type PollResult string

// The outcomes of a poll.
const (
	Unpolled    PollResult = ""
	PollSilent  PollResult = "silent"  // no peer answered
	PollUnclear PollResult = "unclear" // the answers differ, or do not say who leads
	PollNobody  PollResult = "nobody"  // every answer says that there is no leader
	PollUs      PollResult = "us"      // every answer names us
	PollNamed   PollResult = "named"   // a peer names another member that did not answer for itself
	PollOther   PollResult = "another" // another member says that it leads
	PollGlance  PollResult = "glance"  // none says so at once; the rest was not asked for
)

// Poll is the outcome of asking the peers.
type Poll struct {
	Result PollResult
	Name   string // PollNamed, PollOther: who
	Reply   PatroniReply   // PollOther: that member's own word
	Paused bool   // somebody answered, and everybody who did says that the cluster is paused
	ByDCS  bool   // our own Patroni has looked into the DCS: where no peer answered, that is the result; beside PollOther it names us
	At     Moment
}

// full reports whether the peers were asked for all that they know.
func (p Poll) full() bool { return p.Result != Unpolled && p.Result != PollGlance }

// us reports whether this member is named as the leader.
func (p Poll) us() bool { return p.Result == PollUs || p.Result == PollOther && p.ByDCS }

// elsewhere reports whether the lock is known to be another member's.
func (p Poll) elsewhere() bool { return p.Result == PollOther || p.Result == PollNamed }

// Summarize turns the peers' words into one outcome. self is this member's name, at when they were asked. "No leader" of
// a peer that has not read the DCS for longer than a loop and its retries, or that is in failsafe mode, says only that
// it sees no DCS.
func Summarize(words []PeerReply, self string, at Moment, t Timing) Poll {
	p := Poll{Result: PollSilent, At: at}
	var answers, nobody, us, paused int
	for _, w := range words {
		switch {
		case w.Reply.Kind == Leader:
			return Poll{Result: PollOther, Name: w.Peer.Name, Reply: w.Reply, Paused: w.Reply.Paused, At: at}
		case w.Reply.Kind != NotLeader:
			continue
		case w.Reply.Unlocked && (w.Reply.Failsafe || w.Reply.blind(at, t)):
		case w.Reply.Unlocked:
			nobody++
		case w.Names != "" && w.Names == self:
			us++
		case w.Names != "":
			p.Result, p.Name = PollNamed, w.Names
		}
		answers++
		if w.Reply.Paused {
			paused++
		}
	}
	p.Paused = answers > 0 && paused == answers
	switch {
	case answers == 0 || p.Result == PollNamed:
	case nobody == answers:
		p.Result = PollNobody
	case us == answers:
		p.Result = PollUs
	default:
		p.Result = PollUnclear
	}
	return p
}
