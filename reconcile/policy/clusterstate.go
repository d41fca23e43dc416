package policy

import (
	"fmt"
	"time"
)

// ClusterState is what the processes on this host tell each other of the cluster, through /run.
type ClusterState struct {
	Reply      PatroniReply `json:"reply"`       // the last that counts
	Leading    PatroniReply `json:"leading"`     // the last 200
	SeenBefore Moment       `json:"seen_before"` // SeenAt of the reply before the last change of dcs_last_seen
	RefusedAt  Moment       `json:"refused_at"`  // the first 503 of the present row of them; 0 when the last reply was none
	Timing     Timing       `json:"timing"`      // zero when never heard
	TimingAt   Moment       `json:"timing_at"`

	TimingChange *timingChange `json:"timing_change,omitempty"` // the last change of Timing
	Unproven     *unproven     `json:"unproven,omitempty"`      // why dcs_last_seen proves nothing; nil while it does

	Peers    []Peer   `json:"peers,omitempty"`
	PeersAt  Moment   `json:"peers_at"`
	LastTick Moment   `json:"last_tick"`
	Callback Callback `json:"callback"`
	Warned   []string `json:"warned,omitempty"` // what is said once a boot, and has been
	Said     repeats  `json:"said,omitempty"`   // the warnings of ticks, by their text
}

// timingChange is a change of the cluster's settings: what counted before it, and when it was
// heard.
type timingChange struct {
	From Timing `json:"from"`
	At   Moment `json:"at"`
}

// unproven says since when a newer dcs_last_seen proves no refresh of the lock, and why.
//
// Patroni's loops write dcs_last_seen, and refresh the lock. But Patroni reads the DCS for whoever
// asks for the cluster as well, and it times its sleep, and its own leadership, by the wall clock.
// Where that clock is set back, Patroni sleeps for as long, goes on saying 200, and refreshes
// nothing (patroni/__main__.py, schedule_next_run; patroni/ha.py, is_leader; patroni#3560). From
// there on a newer value proves nothing, and a second witness is asked in each tick: the peers, and
// where none answers our own Patroni's view of the DCS.
type unproven struct {
	Since Moment `json:"since"`
	Why   string `json:"why"` // for people
}

// Callback is the trace of the last callback. Patroni may kill a callback at any instant.
type Callback struct {
	Event Event  `json:"event,omitempty"`
	Began Moment `json:"began,omitzero"`
	Ended Moment `json:"ended,omitzero"` // 0 while it runs, or when it was cut short
}

// unheardTiming stands in until Patroni has told its own: short enough to be safe with any setting
// that Patroni accepts.
var unheardTiming = Timing{TTL: 20 * time.Second, LoopWait: 10 * time.Second, RetryTimeout: 5 * time.Second}

// slack is how far ahead of this host's wall clock dcs_last_seen may be. It is also how far the
// wall clock and the boot clock may drift apart between two replies without a step.
const slack = 2 * time.Second

// timing is the cluster's, or the stand-in where it was never heard. Patroni's loops read new
// settings first and refresh the lock with them a loop later. Until the loop of S' is surely one of
// those, the more careful of new and old counts.
func (s ClusterState) timing() Timing {
	t, c := s.Timing, s.TimingChange
	switch {
	case t == (Timing{}):
		return unheardTiming
	case c == nil || s.Reply.SeenAt.IsZero():
		return t
	}
	careful := Timing{min(t.TTL, c.From.TTL), max(t.LoopWait, c.From.LoopWait), max(t.RetryTimeout, c.From.RetryTimeout)}
	if !s.SeenBefore.After(c.At.Add(careful.LoopWait)) {
		return careful
	}
	return t
}

// LearnTiming takes in the cluster's settings, as the DCS has them.
func (s *ClusterState) LearnTiming(t Timing, at Moment) {
	if t != s.Timing && s.Timing != (Timing{}) {
		s.TimingChange = &timingChange{From: s.timing(), At: at}
	}
	s.Timing, s.TimingAt = t, at
}

// Remember takes in a reply. A reply that is older than the last, and silence, change nothing.
func (s *ClusterState) Remember(r PatroniReply) {
	if !r.Counts() || r.At.Before(s.Reply.At) {
		return
	}
	s.suspectLoops(r)
	if r.LastSeen != s.Reply.LastSeen {
		s.SeenBefore = s.Reply.SeenAt
	}
	switch {
	case r.Kind == Leader:
		s.Leading, s.RefusedAt = r, Moment{}
	case s.RefusedAt.IsZero():
		s.RefusedAt = r.At
	}
	s.Reply = r
}

// suspectLoops takes note of a reply after which dcs_last_seen proves nothing: the wall clock was
// set back since the reply before, or Patroni says that it leads when its lock is over.
// [ClusterState.Vouch] ends that.
func (s *ClusterState) suspectLoops(r PatroniReply) {
	last := s.Reply
	back := last.Offset - r.Offset
	known := s.Timing != (Timing{})
	over := known && r.Kind == Leader && !r.Paused && !r.Failsafe && r.lockOver(s.timing())
	switch {
	case last.Offset != 0 && back > slack:
		s.Unproven = &unproven{Since: r.At, Why: fmt.Sprintf("the wall clock was set back by %v", back.Round(time.Second))}
	case over && s.Unproven != nil:
		s.Unproven = &unproven{Since: r.At, Why: s.Unproven.Why}
	case over:
		s.Unproven = &unproven{Since: r.At, Why: "Patroni's loops had stopped"}
	}
}

// Date puts a reply's dcs_last_seen on the boot clock. The wall clock is needed just once for each
// new value, and it may have been set since Patroni wrote the value. A value that was heard before
// keeps its moment. A new one right after a step is read by the clock that makes sense of it, by
// the older reading where both do.
func (s ClusterState) Date(r PatroniReply, now Moment, wall time.Time) PatroniReply {
	r.Offset = SinceBoot(time.Duration(wall.UnixNano())).Sub(now)
	last := s.Reply
	if r.LastSeen == 0 {
		return r
	}
	if r.LastSeen == last.LastSeen && !last.SeenAt.IsZero() {
		r.SeenAt = last.SeenAt
		return r
	}
	age, sane := s.age(r, now, r.Offset)
	if stepped := last.Offset != 0 && (r.Offset-last.Offset).Abs() > slack; stepped {
		if before, good := s.age(r, now, last.Offset); good && (!sane || before > age) {
			age, sane = before, true
		}
	}
	if age >= -slack {
		r.SeenAt = now.Add(-max(age, 0)).Max(SinceBoot(1))
	}
	return r
}

// DatePeer puts a peer's dcs_last_seen on our boot clock, by the peer's own wall clock where its
// reply has that: the clocks of two hosts may differ, or be set.
func (s ClusterState) DatePeer(r PatroniReply, now Moment, wall time.Time) PatroniReply {
	if r.Date == 0 || r.LastSeen == 0 {
		return s.Date(r, now, wall)
	}
	if age := time.Duration(r.Date-r.LastSeen) * time.Second; age >= -slack {
		r.SeenAt = now.Add(-max(age, 0)).Max(SinceBoot(1))
	}
	return r
}

// Narrow finds out when, within the whole second of dcs_last_seen, our Patroni read the DCS: before
// the reply that has the new value first, and after the last question that an older value answered.
// The reply must have been dated.
func (s ClusterState) Narrow(r PatroniReply, now Moment) PatroniReply {
	last := s.Reply
	switch {
	case r.SeenAt.IsZero():
		return r
	case r.SeenAt == last.SeenAt && r.LastSeen == last.LastSeen:
		r.SeenBy = last.SeenBy
		return r
	}
	r.SeenBy = now.Min(r.SeenAt.Add(time.Second))
	if last.LastSeen != 0 && last.LastSeen < r.LastSeen {
		r.SeenAt = r.SeenAt.Max(last.At.Min(r.SeenBy))
	}
	return r
}

// age is how long ago LastSeen was by a wall clock with this offset from the boot clock, and
// whether that can be: not in the future, and not longer ago than Patroni itself would trust it.
func (s ClusterState) age(r PatroniReply, now Moment, offset time.Duration) (age time.Duration, sane bool) {
	age = now.SinceBoot() + offset - time.Duration(r.LastSeen)*time.Second
	ttl := s.Timing.TTL
	if ttl == 0 {
		ttl = unheardTiming.TTL
	}
	return age, age >= -slack && age <= 2*ttl
}
