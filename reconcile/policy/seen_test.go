package policy

import (
	"testing"
	"time"
)

// written is when, by the wall clock, Patroni read the DCS in the tests below.
const written int64 = 1_790_000_000

// TestDate puts one dcs_last_seen on the boot clock: the wall clock is ahead of it by lead, and was
// ahead by the last lead when the word before was heard.
func TestDate(t *testing.T) {
	for name, c := range map[string]struct {
		lead time.Duration // the wall clock's, over written, when the word is heard
		step time.Duration // what the wall clock was set forward by since the last word
		ttl  time.Duration
		want time.Duration // the age that it comes to; -1 for missing
	}{
		"now":                                   {lead: 0, want: 0},
		"a second ago":                          {lead: time.Second, want: time.Second},
		"long ago":                              {lead: time.Hour, want: 999*time.Second + 999999999},
		"in the future by exactly the slack":    {lead: -2 * time.Second, want: 0},
		"in the future by more":                 {lead: -2*time.Second - 1, want: -1},
		"in the future by a little":             {lead: -1, want: 0},
		"an hour forward, written after":        {lead: time.Second, step: time.Hour, want: time.Second},
		"an hour forward, written before":       {lead: time.Hour + time.Second, step: time.Hour, want: time.Second},
		"an hour forward, and by the slack":     {lead: time.Hour - 2*time.Second, step: time.Hour, want: 0},
		"an hour forward, and by more":          {lead: time.Hour - 2*time.Second - 1, step: time.Hour, want: 999*time.Second + 999999999},
		"an hour back, written after":           {lead: time.Second, step: -time.Hour, want: time.Second},
		"an hour back, written before":          {lead: time.Second - time.Hour, step: -time.Hour, want: time.Second},
		"3 s forward, written after":            {lead: time.Second, step: 3 * time.Second, want: time.Second},
		"3 s forward, written before: older":    {lead: 4 * time.Second, step: 3 * time.Second, want: 4 * time.Second},
		"3 s back, written after: older":        {lead: time.Second, step: -3 * time.Second, want: 4 * time.Second},
		"3 s back, written before":              {lead: -2 * time.Second, step: -3 * time.Second, want: time.Second},
		"3 s back, in the future by either":     {lead: -6 * time.Second, step: -3 * time.Second, want: -1},
		"2 s back is a drift":                   {lead: time.Second, step: -2 * time.Second, want: time.Second},
		"over 2 s back is a step":               {lead: time.Second, step: -2*time.Second - 1, want: 3*time.Second + 1},
		"a drift forward":                       {lead: time.Second, step: time.Second, want: time.Second},
		"a drift back":                          {lead: time.Second, step: -time.Second, want: time.Second},
		"a drift of what is insane":             {lead: -3 * time.Second, step: -2 * time.Second, want: -1},
		"older than twice the ttl by one clock": {lead: time.Second, step: -60 * time.Second, want: time.Second},
		"as old as twice the ttl by one clock":  {lead: time.Second, step: -59 * time.Second, want: 60 * time.Second},
		"old by both clocks":                    {lead: 100 * time.Second, step: -10 * time.Second, want: 100 * time.Second},
		"without a ttl, 40 s is old":            {lead: time.Second, step: -40 * time.Second, ttl: -1, want: time.Second},
		"without a ttl, 39 s is not":            {lead: time.Second, step: -38 * time.Second, ttl: -1, want: 39 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			m := ClusterState{Timing: Timing{TTL: 30 * time.Second}}
			if c.ttl != 0 {
				m.Timing = Timing{}
			}
			wall := time.Unix(written, 0).Add(c.lead)
			offset := SinceBoot(time.Duration(wall.UnixNano())).Sub(now)
			m.Reply = PatroniReply{LastSeen: written - 10, SeenAt: now.Add(-11 * time.Second), Offset: offset - c.step}
			got := m.Date(PatroniReply{Kind: Leader, LastSeen: written}, now, wall)
			want := PatroniReply{Kind: Leader, LastSeen: written, Offset: offset, SeenAt: now.Add(-c.want)}
			if c.want < 0 {
				want.SeenAt = Moment{}
			}
			if got != want {
				t.Errorf("got %+v (%v ago), want %+v", got, now.Sub(got.SeenAt), want)
			}
		})
	}
}

func TestDateOfTheFirstWord(t *testing.T) {
	for lead, want := range map[time.Duration]Moment{
		time.Second: now.Add(-time.Second), -2 * time.Second: now, -3 * time.Second: Moment{}, -time.Hour: Moment{}, time.Hour: SinceBoot(1),
	} {
		got := ClusterState{}.Date(PatroniReply{LastSeen: written}, now, time.Unix(written, 0).Add(lead))
		if got.SeenAt != want {
			t.Errorf("wall clock %v ahead: seen at %v, want %v", lead, got.SeenAt, want)
		}
	}
}

func TestDateKeepsWhatWasHeard(t *testing.T) {
	wall := time.Unix(written, 0).Add(time.Second)
	m := ClusterState{Reply: PatroniReply{LastSeen: written, SeenAt: SinceBoot(700 * time.Second)}}
	if got := m.Date(PatroniReply{LastSeen: written}, now, wall); got.SeenAt != SinceBoot(700*time.Second) {
		t.Errorf("the same value is seen at %v, want where it was", got.SeenAt)
	}
	m.Reply.SeenAt = Moment{}
	if got := m.Date(PatroniReply{LastSeen: written}, now, wall); got.SeenAt != now.Add(-time.Second) {
		t.Errorf("the same value, never dated, is seen at %v, want a second ago", got.SeenAt)
	}
	if got := m.Date(PatroniReply{}, now, wall); !got.SeenAt.IsZero() || got.Offset == 0 {
		t.Errorf("no value at all: %+v, want none, and the offset", got)
	}
}

// TestNarrow: a value that was written somewhere within the second that ended 2 s ago, heard just
// now.
func TestNarrow(t *testing.T) {
	at := now.Add(-3 * time.Second)
	heard := PatroniReply{LastSeen: written, SeenAt: at, At: now.Add(-10 * time.Millisecond)}
	for name, c := range map[string]struct {
		last     PatroniReply
		word     PatroniReply
		from, by Moment
	}{
		"first word":                       {PatroniReply{}, heard, at, at.Add(time.Second)},
		"no date":                          {PatroniReply{LastSeen: written - 2, At: at.Add(1)}, PatroniReply{LastSeen: written}, Moment{}, Moment{}},
		"the same value":                   {PatroniReply{LastSeen: written, SeenAt: at, SeenBy: at.Add(5), At: at.Add(400)}, heard, at, at.Add(5)},
		"another value of the same moment": {PatroniReply{LastSeen: written - 2, SeenAt: at, SeenBy: at.Add(5), At: at.Add(-1)}, heard, at, at.Add(time.Second)},
		"the same value, never dated":      {PatroniReply{LastSeen: written, At: at.Add(400 * time.Millisecond)}, heard, at, at.Add(time.Second)},
		"asked before it was written":      {PatroniReply{LastSeen: written - 2, At: at.Add(-1)}, heard, at, at.Add(time.Second)},
		"asked within its second":          {PatroniReply{LastSeen: written - 2, At: at.Add(400 * time.Millisecond)}, heard, at.Add(400 * time.Millisecond), at.Add(time.Second)},
		"asked later than its second":      {PatroniReply{LastSeen: written - 2, At: at.Add(2 * time.Second)}, heard, at.Add(time.Second), at.Add(time.Second)},
		"the last value was newer: a step": {PatroniReply{LastSeen: written + 2, At: at.Add(400 * time.Millisecond)}, heard, at, at.Add(time.Second)},
		"heard within its second": {
			PatroniReply{LastSeen: written - 2, At: now.Add(-time.Second)}, PatroniReply{LastSeen: written, SeenAt: now.Add(-300 * time.Millisecond)},
			now.Add(-300 * time.Millisecond), now,
		},
	} {
		got := ClusterState{Reply: c.last}.Narrow(c.word, now)
		if got.SeenAt != c.from || got.SeenBy != c.by {
			t.Errorf("%s: between %v and %v, want %v and %v", name, got.SeenAt.Sub(at), got.SeenBy.Sub(at), c.from.Sub(at), c.by.Sub(at))
		}
	}
}

// TestDatePeer: a peer's dcs_last_seen is dated by the peer's own clock, where HTTP's Date says
// what that is. Ours is an hour off.
func TestDatePeer(t *testing.T) {
	wall := time.Unix(written, 0).Add(time.Hour)
	for name, c := range map[string]struct {
		date, seen int64
		want       Moment
	}{
		"now":                        {written, written, now},
		"5 s ago":                    {written, written - 5, now.Add(-5 * time.Second)},
		"in the future by the slack": {written, written + 2, now},
		"in the future by more":      {written, written + 3, Moment{}},
		"before this host's boot":    {written, written - 2000, SinceBoot(1)},
		"it does not say":            {0, written, now.Add(-time.Hour).Max(SinceBoot(1))},
		"it has not read the DCS":    {written, 0, Moment{}},
		"neither":                    {0, 0, Moment{}},
	} {
		got := (ClusterState{}).DatePeer(PatroniReply{Kind: NotLeader, Date: c.date, LastSeen: c.seen}, now, wall)
		if got.SeenAt != c.want {
			t.Errorf("%s: at %v, want %v", name, got.SeenAt, c.want)
		}
	}
}
