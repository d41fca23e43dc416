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
	Sight Sight
	Note  Note
	PG    PG

	// What Patroni said, now and before.
	Word  Word
	Asked int // how often the local Patroni was asked in this run
	Stale int // further questions, put because an answer was too old to count; not in Asked
	Peers Poll
	Past  Memory

	// Again is set when a tick looks once more.
	Again bool
	// Confirming is set on the second look, after the address was claimed on argv's proof or on an old word.
	Confirming bool
}

// holder reports whether the address may be here: what cannot be seen must be released all the same.
func (f Facts) holder() bool { return f.Sight.Here != PresenceNo }

// missing reports whether a claim would change anything.
func (f Facts) missing() bool { return f.Sight.Here != PresenceYes }

// cutShort reports whether the last claim was killed between its first and its last system call. Without any note
// (a wiped /run) there is nothing to finish: the address is taken over as it is.
func (f Facts) cutShort() bool {
	return f.holder() && f.Note.Generation > 0 && f.Note.Claimed == 0 && f.Note.HandOver == nil
}

// handingOver reports whether a hand-over of the present claim is under way.
func (f Facts) handingOver() bool {
	return f.holder() && f.Note.HandOver != nil && f.Note.HandOver.Generation == f.Note.Generation
}

// end is until when the address is vouched for. Without a note, or with an old one that could not be replaced, the
// kernel's own lifetime is all there is; an address that has neither has no end that anybody knows, which is 0: past.
func (f Facts) end() Moment { return max(f.Note.LeaseEnd, f.Sight.End) }

// left is how long the address is vouched for yet, for people.
func (f Facts) left() time.Duration { return (f.end() - f.Now).Round(100 * time.Millisecond) }

// outdated reports whether what Patroni said may no longer count: said too long ago, or before another process of ours
// moved the address.
func (f Facts) outdated() bool {
	return f.Word.Heard() && (f.Now-f.Word.At > EvidenceAge || f.Word.At < f.Note.Changed)
}

// Polled is what the peers, asked side by side, come to.
type Polled string

// The outcomes of a poll.
const (
	Unpolled    Polled = ""
	PollSilent  Polled = "silent"  // no peer answered
	PollUnclear Polled = "unclear" // the answers differ, or do not say who leads
	PollNobody  Polled = "nobody"  // every answer says that there is no leader
	PollUs      Polled = "us"      // every answer names us
	PollNamed   Polled = "named"   // a peer names another member that did not answer for itself
	PollOther   Polled = "another" // another member says that it leads
	PollGlance  Polled = "glance"  // none says so at once; the rest was not asked for
)

// Poll is the outcome of asking the peers.
type Poll struct {
	Result Polled
	Name   string // PollNamed, PollOther: who
	Word   Word   // PollOther: that member's own word
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
func Summarize(words []PeerWord, self string, at Moment, t Timing) Poll {
	p := Poll{Result: PollSilent, At: at}
	var answers, nobody, us, paused int
	for _, w := range words {
		switch {
		case w.Word.Answer == Leader:
			return Poll{Result: PollOther, Name: w.Peer.Name, Word: w.Word, Paused: w.Word.Paused, At: at}
		case w.Word.Answer != NotLeader:
			continue
		case w.Word.Unlocked && (w.Word.Failsafe || w.Word.blind(at, t)):
		case w.Word.Unlocked:
			nobody++
		case w.Names != "" && w.Names == self:
			us++
		case w.Names != "":
			p.Result, p.Name = PollNamed, w.Names
		}
		answers++
		if w.Word.Paused {
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
