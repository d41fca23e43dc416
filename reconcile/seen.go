package reconcile

import "time"

// slack is how far ahead of this host's wall clock dcs_last_seen may be, and how far the two clocks may drift apart
// between two words without a step.
const slack = 2 * time.Second

// date puts dcs_last_seen on the boot clock. The wall clock is needed just once for each new value, and it may have been
// set since Patroni wrote it down: a value that was heard before keeps its moment, and a new one right after a step is
// read by the clock that makes sense of it, by the older reading where both do.
func (m ClusterState) Date(w PatroniReply, now Moment, wall time.Time) PatroniReply {
	w.Offset = time.Duration(wall.UnixNano()) - now
	last := m.Reply
	if w.LastSeen == 0 {
		return w
	}
	if w.LastSeen == last.LastSeen && last.SeenAt != 0 {
		w.SeenAt = last.SeenAt
		return w
	}
	age, sane := m.age(w, now, w.Offset)
	if stepped := last.Offset != 0 && (w.Offset-last.Offset).Abs() > slack; stepped {
		if before, good := m.age(w, now, last.Offset); good && (!sane || before > age) {
			age, sane = before, true
		}
	}
	if age >= -slack {
		w.SeenAt = max(now-max(age, 0), 1)
	}
	return w
}

// datePeer puts a peer's dcs_last_seen on our boot clock, by the peer's own wall clock where it says what that is: the clocks of
// two hosts may differ, or be set.
func (m ClusterState) DatePeer(w PatroniReply, now Moment, wall time.Time) PatroniReply {
	if w.Date == 0 || w.LastSeen == 0 {
		return m.Date(w, now, wall)
	}
	if age := time.Duration(w.Date-w.LastSeen) * time.Second; age >= -slack {
		w.SeenAt = max(now-max(age, 0), 1)
	}
	return w
}

// narrow finds out, of a word of our own Patroni that has been dated and heard by now, when within its whole second the
// DCS was read: before the answer that says so first, and after the last question that an older value answered.
func (m ClusterState) Narrow(w PatroniReply, now Moment) PatroniReply {
	last := m.Reply
	switch {
	case w.SeenAt == 0:
		return w
	case w.SeenAt == last.SeenAt && w.LastSeen == last.LastSeen:
		w.SeenBy = last.SeenBy
		return w
	}
	w.SeenBy = min(now, w.SeenAt+time.Second)
	if last.LastSeen != 0 && last.LastSeen < w.LastSeen {
		w.SeenAt = max(w.SeenAt, min(last.At, w.SeenBy))
	}
	return w
}

// age is how long ago LastSeen was by a wall clock that is offset from the boot clock, and whether that can be: not in
// the future, and not longer ago than Patroni itself would trust it.
func (m ClusterState) age(w PatroniReply, now Moment, offset time.Duration) (age time.Duration, sane bool) {
	age = now + offset - time.Duration(w.LastSeen)*time.Second
	ttl := m.Timing.TTL
	if ttl == 0 {
		ttl = unheardTiming.TTL
	}
	return age, age >= -slack && age <= 2*ttl
}
