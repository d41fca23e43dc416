package reconcile

import (
	"time"
)

// Note is what a VIP's processes tell each other through /run. Fields are added, never renamed: a newer vipctl reads an
// older one's notes and the other way round.
type VIPState struct {
	// Generation counts the claims. A hand-over that began under another generation must not touch the address.
	Generation uint64 `json:"generation"`
	// Claimed is when the address was last put on the link and announced; 0 while a claim is under way or was cut
	// short, and after a release.
	Claimed Moment `json:"claimed,omitempty"`
	// Ours is set when a claim has put the address on the link, or a renewal has taken over one that was found there. From
	// then on, until a release, it is no address of the host's own, also while the next claim is under way.
	Ours bool `json:"ours,omitempty"`
	// Announced is when the neighbours were last told.
	Announced Moment `json:"announced,omitempty"`
	// LeaseEnd is until when the last verdict vouched for the address, also where the kernel's address has no end.
	LeaseEnd Moment `json:"lease_end,omitempty"`
	// Forever is set where that verdict gave the address no end: LeaseEnd is what is vouched for, and nothing ends it then.
	Forever bool `json:"forever,omitempty"`
	// Changed is when the address was last claimed or released: a word heard before it says nothing about now.
	Changed Moment `json:"changed,omitempty"`
	// Failure is the error of the last claim or release, so that one that goes on is recorded once.
	Failure string `json:"failure,omitempty"`
	// Probed is when the neighbours were last asked who else answers for the address, and Answering who did: a proxy, or
	// a host that has it too. None of them can be told from a successor, so that none counts as one.
	Probed    Moment `json:"probed,omitempty"`
	Answering []MAC  `json:"answering,omitempty"`
	// Repeats counts the transitions of ticks, by what was done and the code.
	Repeats Repeats `json:"repeats,omitempty"`
	// Hold is an operator's, also where the address is not here.
	Hold *OperatorHold `json:"hold,omitempty"`
	// HandOver is set while the address waits for its successor.
	HandOver *HandOver `json:"hand_over,omitempty"`
}

// HandOver is the wait of an address, on a host whose PostgreSQL is down, for its successor.
type HandOver struct {
	Generation uint64 `json:"generation"`
	Began      Moment `json:"began"`
	Until      Moment `json:"until"`
}

// OperatorHold keeps the policy from moving a VIP on this host for a while.
type OperatorHold struct {
	By    string `json:"by"`
	Until Moment `json:"until"`
}

// Memory is what is the cluster's and not one VIP's.
type ClusterState struct {
	Reply       PatroniReply      `json:"word"`        // the last word that was heard
	Leading    PatroniReply      `json:"leading"`     // the last word with 200
	SeenBefore Moment    `json:"seen_before"` // SeenAt of the word before the last change of dcs_last_seen
	RefusedAt  Moment    `json:"refused_at"`  // the first 503 of the present row of them; 0 when the last word was none
	Timing     Timing    `json:"timing"`      // zero when never heard
	TimingAt   Moment    `json:"timing_at"`
	TimingChange    *TimingChange  `json:"changed,omitempty"`  // the last change of Timing
	Unproven   *Unproven `json:"unproven,omitempty"` // why dcs_last_seen proves nothing; nil while it does
	Peers      []Peer    `json:"peers,omitempty"`
	PeersAt    Moment    `json:"peers_at"`
	LastTick   Moment    `json:"last_tick"`
	Callback   Callback  `json:"callback"`
	Warned     []string  `json:"warned,omitempty"` // what is said once a boot, and has been
	Said       Repeats   `json:"said,omitempty"`   // the warnings of ticks, by their text
}

// Changed is a change of the cluster's settings: what counted before it, and when it was heard.
type TimingChange struct {
	From Timing `json:"from"`
	At   Moment `json:"at"`
}

// learn takes the cluster's settings, as the DCS has them, into the memory.
func (m *ClusterState) LearnTiming(t Timing, at Moment) {
	if t != m.Timing && m.Timing != (Timing{}) {
		m.TimingChange = &TimingChange{From: m.timing(), At: at}
	}
	m.Timing, m.TimingAt = t, at
}

// remember takes a word into the memory; older words than the last, and silence, change nothing.
func (m *ClusterState) Remember(w PatroniReply) {
	if !w.Counts() || w.At < m.Reply.At {
		return
	}
	m.suspectLoops(w)
	if w.LastSeen != m.Reply.LastSeen {
		m.SeenBefore = m.Reply.SeenAt
	}
	switch {
	case w.Kind == Leader:
		m.Leading, m.RefusedAt = w, 0
	case m.RefusedAt == 0:
		m.RefusedAt = w.At
	}
	m.Reply = w
}

// Callback is the trace of the last callback, which Patroni may kill at any instant.
type Callback struct {
	Event Event  `json:"event,omitempty"`
	Began Moment `json:"began,omitempty"`
	Ended Moment `json:"ended,omitempty"` // 0 while it runs, or when it was cut short
}

// Stamp is a wall-clock time that is written as RFC 3339 in UTC with milliseconds.
type Stamp struct{ time.Time }

// StampFormat is how a [Stamp] is written.
const StampFormat = "2006-01-02T15:04:05.000Z"

// MarshalJSON writes the stamp in [StampFormat].
func (s Stamp) MarshalJSON() ([]byte, error) {
	return []byte(s.UTC().Format(`"` + StampFormat + `"`)), nil
}

// Record is one transition as it is logged, stored and shown. It is the JSON contract of `vipctl history`.
type Record struct {
	At      Stamp   `json:"at"`
	VIP     string  `json:"vip"`
	Trigger Event   `json:"trigger"`
	By      string  `json:"by"`
	Do      Change  `json:"do"`
	Code    Code    `json:"code"`
	Reason  string  `json:"reason"`
	TookMS  float64 `json:"took_ms"` // from the process's start to the end of the change
	Phases  Phases  `json:"phases"`
	Error   string  `json:"error"`
}

// Phases says where a transition's milliseconds went.
type Phases struct {
	Observe float64 `json:"observe"` // asking Patroni and its peers
	Lock    float64 `json:"lock"`
	Address float64 `json:"address"` // the kernel calls
	Frame   float64 `json:"frame"`   // until the announcement was on the wire
	Note    float64 `json:"note"`
}

// Change is what happened to an address.
type Change string

// The changes that make a record.
const (
	ChangeClaim    Change = "claim"
	ChangeRelease  Change = "release"
	ChangeHandOver Change = "hand_over"
	ChangeConflict Change = "conflict" // nothing moved, but another host answers for the address
	ChangeRoute    Change = "route"    // a provider's network was pointed here, or could not be
	ChangeHold     Change = "hold"     // an operator's hold began
	ChangeUnhold   Change = "unhold"   // an operator ended it
)
