package policy

import (
	"testing"
	"time"
)

const second = time.Second

// settings are the clusters of the lease tests, as ttl, loop_wait and retry_timeout.
var settings = map[string]change{
	"30/10/10": timing(30, 10, 10),
	"20/2/3":   timing(20, 2, 3),
	"20/10/5":  timing(20, 10, 5), // no room for a tick between two loops
	"60/10/10": timing(60, 10, 10),
}

// ends are the ends of one kind of lease in each of those clusters, relative to now.
type ends struct{ d30, d20, tight, d60 time.Duration }

func (e ends) of(name string) Moment {
	return now.Add(map[string]time.Duration{"30/10/10": e.d30, "20/2/3": e.d20, "20/10/5": e.tight, "60/10/10": e.d60}[name])
}

// TestLockLease has the rows of POLICY.md's lease table that a 200 leads to. Replies were heard
// now.
func TestLockLease(t *testing.T) {
	just := heard(0)
	before := func(ago time.Duration) change { return past(func(m *ClusterState) { m.SeenBefore = now.Add(-ago) }) }
	no := before(now.SinceBoot()) // 0: none
	for name, c := range map[string]struct {
		facts func(change) Facts
		want  ends
	}{
		"S now":                             {func(c change) Facts { return holder(c, no, leads(just, seen(0))) }, ends{19 * second, 17 * second, 5 * second, 49 * second}},
		"S 1 s old":                         {func(c change) Facts { return holder(c, no, leads(just, seen(second))) }, ends{18 * second, 16 * second, 5 * second, 48 * second}},
		"S 10 s old":                        {func(c change) Facts { return holder(c, no, leads(just, seen(10*second))) }, ends{9 * second, 7 * second, 5 * second, 39 * second}},
		"S 14 s old":                        {func(c change) Facts { return holder(c, no, leads(just, seen(14*second))) }, ends{5 * second, 3 * second, 4 * second, 35 * second}},
		"S 17 s old":                        {func(c change) Facts { return holder(c, no, leads(just, seen(17*second))) }, ends{2 * second, 0, 1 * second, 32 * second}},
		"S 25 s old":                        {func(c change) Facts { return holder(c, no, leads(just, seen(25*second))) }, ends{-6 * second, -8 * second, -7 * second, 24 * second}},
		"S' a loop ago, to the second":      {func(c change) Facts { return holder(c, before(10*second), leads(just, seen(0))) }, ends{19 * second, 9 * second, 5 * second, 49 * second}},
		"S' a little over a loop ago":       {func(c change) Facts { return holder(c, before(11*second), leads(just, seen(0))) }, ends{18 * second, 8 * second, 5 * second, 48 * second}},
		"S' long ago":                       {func(c change) Facts { return holder(c, before(25*second), leads(just, seen(0))) }, ends{5 * second, 5 * second, 5 * second, 34 * second}},
		"S' not long ago":                   {func(c change) Facts { return holder(c, before(second), leads(just, seen(0))) }, ends{19 * second, 17 * second, 5 * second, 49 * second}},
		"S' as long ago as may be":          {func(c change) Facts { return holder(c, before(18*second), leads(just, seen(0))) }, ends{11 * second, 5 * second, 5 * second, 41 * second}},
		"failsafe":                          {func(c change) Facts { return holder(c, leads(just, failsafe)) }, ends{8 * second, 13 * second, 5 * second, 38 * second}},
		"failsafe, S frozen long ago":       {func(c change) Facts { return holder(c, leads(just, failsafe, seen(time.Hour))) }, ends{8 * second, 13 * second, 5 * second, 38 * second}},
		"failsafe, S missing":               {func(c change) Facts { return holder(c, leads(just, failsafe, unseen)) }, ends{8 * second, 13 * second, 5 * second, 38 * second}},
		"S missing":                         {func(c change) Facts { return holder(c, leads(just, unseen)) }, ends{10 * second, 15 * second, 5 * second, 40 * second}},
		"S missing, heard 2 s ago":          {func(c change) Facts { return holder(c, leads(heard(2*second), unseen)) }, ends{8 * second, 13 * second, 3 * second, 38 * second}},
		"S 1 s old, heard 2 s ago: no room": {func(c change) Facts { return holder(c, no, leads(heard(2*second), seen(second))) }, ends{18 * second, 16 * second, 3 * second, 48 * second}},
	} {
		for cluster, set := range settings {
			if got, want := lockLease(c.facts(set)), c.want.of(cluster); got != want {
				t.Errorf("%s, %s: ends in %v, want %v", cluster, name, got.Sub(now), want.Sub(now))
			}
		}
	}
}

// TestALongSilenceProvesNothing has an S' so long before S that it cannot be the loop before.
func TestALongSilenceProvesNothing(t *testing.T) {
	for ago, want := range map[time.Duration]time.Duration{
		18 * second:   11 * second, // S' + ttl - 1 s
		18*second + 1: 5 * second,  // rolling
		300 * second:  5 * second,
	} {
		f := holder(past(func(m *ClusterState) { m.SeenBefore = now.Add(-ago) }), leads(heard(0), seen(0)))
		if got := lockLease(f).Sub(now); got != want {
			t.Errorf("S' %v before S: ends in %v, want %v", ago, got, want)
		}
	}
}

// TestLoopsThatNobodyHeard has an S' that is not the loop before: a lease made of it would end before
// the next tick, on a leader whose Patroni answers.
func TestLoopsThatNobodyHeard(t *testing.T) {
	for _, c := range []struct {
		timing   change
		gap, age time.Duration // between S' and S, and of S
		want     time.Duration
	}{
		{timing(20, 2, 3), 12 * time.Second, time.Second, 6 * time.Second},   // S' + ttl - 1 s
		{timing(20, 2, 3), 13*time.Second + 1, time.Second, 5 * time.Second}, // that would be less than the next tick needs
		{timing(20, 2, 3), 16 * time.Second, time.Second, 5 * time.Second},
		{timing(30, 10, 10), 12 * time.Second, 13 * time.Second, 4 * time.Second}, // S' is the loop before
		{timing(30, 10, 10), 12*time.Second + 1, 13 * time.Second, 5 * time.Second},
	} {
		f := holder(c.timing, past(func(m *ClusterState) { m.SeenBefore = now.Add(-c.age - c.gap) }), leads(heard(0), seen(c.age)))
		if got := lockLease(f).Sub(now); got != c.want {
			t.Errorf("S' %v before S, S %v old: ends in %v, want %v", c.gap, c.age, got, c.want)
		}
	}
}

// TestLeaseFloors has settings so short that the lease would flap between two ticks.
func TestLeaseFloors(t *testing.T) {
	short := timing(20, 10, 10)
	for name, c := range map[string]struct {
		facts Facts
		want  time.Duration
	}{
		"failsafe":               {holder(short, leads(heard(0), failsafe)), 5 * second},
		"failsafe, at the floor": {holder(timing(27, 10, 10), leads(heard(0), failsafe)), 5 * second},
		"failsafe, above it":     {holder(timing(28, 10, 10), leads(heard(0), failsafe)), 6 * second},
		"S missing":              {holder(short, leads(heard(0), unseen)), 5 * second},
		"S missing, above it":    {holder(timing(26, 10, 10), leads(heard(0), unseen)), 6 * second},
		"never beyond the lock":  {holder(short, leads(heard(0), unseen), func(f *Facts) { f.Interval = 30 * second }), 18 * second},
		"never heard: 20/10/5":   {holder(timing(0, 0, 0), leads(heard(0), unseen)), 5 * second},
	} {
		if got := lockLease(c.facts).Sub(now); got != c.want {
			t.Errorf("%s: ends in %v, want %v", name, got, c.want)
		}
	}
}

func TestRoomy(t *testing.T) {
	for _, c := range []struct {
		ttl, loop, interval time.Duration
		want                bool
	}{
		{30, 10, 2, true}, {20, 2, 2, true}, {60, 10, 2, true}, {20, 10, 2, false},
		{25, 10, 2, true}, {24, 10, 2, false}, {30, 10, 7, true}, {30, 10, 8, false},
	} {
		timing := Timing{TTL: c.ttl * second, LoopWait: c.loop * second, RetryTimeout: second}
		if got := timing.Roomy(c.interval * second); got != c.want {
			t.Errorf("ttl %d, loop_wait %d, interval %d: roomy %v, want %v", c.ttl, c.loop, c.interval, got, c.want)
		}
	}
}

func TestRollingLease(t *testing.T) {
	for _, c := range []struct{ seen, heard, want time.Duration }{
		{0, 0, 5 * second}, {23 * second, 0, 5 * second}, {24 * second, 0, 4 * second}, {28 * second, 0, 0},
		{10 * second, second, 4 * second}, {24 * second, second, 4 * second}, {25 * second, second, 3 * second},
	} {
		f := holder(leads(seen(c.seen), heard(c.heard)))
		if got := rollingLease(f).Sub(now); got != c.want {
			t.Errorf("S %v old, heard %v ago: ends in %v, want %v", c.seen, c.heard, got, c.want)
		}
	}
}

func TestFreshAndStalled(t *testing.T) {
	no := past(func(m *ClusterState) { m.SeenBefore = Moment{} })
	for _, c := range []struct {
		seen           time.Duration
		fresh, stalled bool
	}{
		{0, true, false}, {13 * second, true, false}, {13*second + 1, true, true},
		{17*second - 1, true, true}, {17 * second, false, true}, {time.Minute, false, true},
	} {
		f := holder(no, leads(heard(0), seen(c.seen)))
		if fresh(f) != c.fresh || stalled(f) != c.stalled {
			t.Errorf("S %v old: fresh %v, stalled %v; want %v, %v", c.seen, fresh(f), stalled(f), c.fresh, c.stalled)
		}
	}
	if f := holder(leads(unseen)); stalled(f) {
		t.Error("stalled without any S")
	}
}

// TestSteady has what was vouched for before, against a new end 5 s ahead.
func TestSteady(t *testing.T) {
	old := leads(heard(0), seen(14*second)) // the DCS stalls: a refresh that hung would have ended by now
	for name, c := range map[string]struct {
		facts Facts
		want  time.Duration
	}{
		"less was vouched for":            {holder(here(4*second), old), 5 * second},
		"the same":                        {holder(here(5*second), old), 5 * second},
		"more":                            {holder(here(6*second), old), 6 * second},
		"up to the lock's end":            {holder(here(14*second), old), 14 * second},
		"past it: a pause ended":          {holder(here(time.Minute), old), 14 * second},
		"past it: the ttl was lowered":    {holder(here(14*second), timing(22, 2, 3), old), 6 * second},
		"the DCS does not stall":          {holder(here(6*second), leads(heard(0), seen(13*second))), 5 * second},
		"without S nothing is known":      {holder(here(6*second), leads(unseen)), 5 * second},
		"of what is missing nothing is":   {absent(old, note(func(n *VIPState) { n.LeaseEnd = now.Add(6 * second) })), 5 * second},
		"partly here is as good as gone":  {partly(old, note(func(n *VIPState) { n.LeaseEnd = now.Add(6 * second) })), 5 * second},
		"without a note: the kernel's":    {holder(here(6*second), note(func(n *VIPState) { *n = VIPState{} }), old), 6 * second},
		"permanent, and no note":          {holder(old, func(f *Facts) { f.VIP, f.Address = VIPState{}, AddressState{Presence: PresenceYes, Forever: true} }), 5 * second},
		"S is old: the lock ends earlier": {holder(here(20*second), leads(seen(20*second))), 8 * second},
	} {
		if got := steady(c.facts, now.Add(5*second)).Sub(now); got != c.want {
			t.Errorf("%s: ends in %v, want %v", name, got, c.want)
		}
	}
}

// TestReadBetween: where S moves sooner than Patroni's loops, somebody else asks for the members,
// and S proves no refresh.
func TestReadBetween(t *testing.T) {
	seen := now.Add(-10 * time.Second)
	for name, c := range map[string]struct {
		before Moment
		word   int64 // LastSeen of the last word
		asked  Moment
		want   Moment
	}{
		"a loop before":            {seen.Add(-9900 * time.Millisecond), 7, Moment{}, seen.Add(29 * time.Second)},
		"sooner":                   {seen.Add(-9900 * time.Millisecond).Add(1), 7, Moment{}, seen.Add(19 * time.Second)},
		"nothing before":           {Moment{}, 7, Moment{}, seen.Add(29 * time.Second)},
		"another word is the last": {seen.Add(-time.Second), 8, Moment{}, seen.Add(29 * time.Second)},
		"our question before":      {seen.Add(-8 * time.Second), 7, seen.Add(-9 * time.Second), seen.Add(29 * time.Second)},
		"our question behind":      {seen.Add(-8 * time.Second), 7, seen.Add(-7 * time.Second), seen.Add(29 * time.Second)},
		"long before our question": {seen.Add(-8 * time.Second), 7, seen.Add(-7 * time.Second).Add(1), seen.Add(19 * time.Second)},
	} {
		f := facts(timing(30, 10, 10), past(func(m *ClusterState) {
			m.Leading.SeenAt, m.Leading.SeenBy, m.Leading.LastSeen = seen, seen, 7
			m.SeenBefore, m.Reply.LastSeen, m.PeersAt = c.before, c.word, c.asked
		}))
		if got := lastLease(f); got != c.want {
			t.Errorf("%s: ends %v after S, want %v", name, got.Sub(seen), c.want.Sub(seen))
		}
	}
}

// TestLastLease: what our own question for the members brings about is no loop.
func TestLastLease(t *testing.T) {
	seen := now.Add(-10 * time.Second)
	by := seen.Add(200 * time.Millisecond)
	for name, c := range map[string]struct {
		asked Moment
		want  Moment
	}{
		"never asked":            {Moment{}, seen.Add(29 * time.Second)},
		"asked right behind it":  {by.Add(1), seen.Add(29 * time.Second)},
		"asked just as it was":   {by, seen.Add(19 * time.Second)},
		"asked a second before":  {seen.Add(-time.Second), seen.Add(19 * time.Second)},
		"asked longer before":    {seen.Add(-time.Second).Add(-1), seen.Add(29 * time.Second)},
		"asked within its range": {seen.Add(100 * time.Millisecond), seen.Add(19 * time.Second)},
	} {
		f := facts(timing(30, 10, 10), past(func(m *ClusterState) {
			m.Leading.SeenAt, m.Leading.SeenBy, m.PeersAt, m.SeenBefore = seen, by, c.asked, Moment{}
		}))
		if got := lastLease(f); got != c.want {
			t.Errorf("%s: ends %v after S, want %v", name, got.Sub(seen), c.want.Sub(seen))
		}
	}
}

// New settings are read by one loop and used by the next, and the one behind that proves it. Who
// asks for the members makes Patroni read them too, up to a loop earlier.
func TestChangedSettings(t *testing.T) {
	const heard = 100 * second
	old, raised := Timing{30 * second, 5 * second, 10 * second}, Timing{60 * second, 10 * second, 5 * second}
	careful := Timing{30 * second, 10 * second, 10 * second}
	for name, c := range map[string]struct {
		memory ClusterState
		want   Timing
	}{
		"the same again":            {ClusterState{Timing: raised}, raised},
		"never heard before":        {ClusterState{SeenBefore: SinceBoot(heard)}, raised},
		"just now":                  {ClusterState{Timing: old, SeenBefore: SinceBoot(heard - second)}, careful},
		"a loop ago":                {ClusterState{Timing: old, SeenBefore: SinceBoot(heard + 10*second)}, careful},
		"longer ago":                {ClusterState{Timing: old, SeenBefore: SinceBoot(heard + 10*second + 1)}, raised},
		"changed before, and again": {ClusterState{Timing: Timing{40 * second, 5 * second, 5 * second}, TimingChange: &timingChange{old, SinceBoot(heard - second)}}, careful},
		"long ago, and again":       {ClusterState{Timing: old, TimingChange: &timingChange{Timing{20 * second, second, second}, SinceBoot(second)}, SeenBefore: SinceBoot(50 * second)}, careful},
	} {
		m := c.memory
		m.Reply.SeenAt = SinceBoot(heard)
		m.LearnTiming(raised, SinceBoot(heard))
		if got := m.timing(); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
		if m.Timing != raised || m.TimingAt != SinceBoot(heard) {
			t.Errorf("%s: keeps %v of %v", name, m.Timing, m.TimingAt)
		}
		if m.Reply.SeenAt = (Moment{}); m.timing() != raised {
			t.Errorf("%s, S missing: %v, want what was heard", name, m.timing())
		}
	}
}
