package policy

import (
	"testing"
	"time"
)

func TestNextLookAt(t *testing.T) {
	for name, c := range map[string]struct {
		facts Facts
		want  time.Duration // from now; 0 is never
	}{
		"the next loop is far off":   {holder(leads(heard(0), seen(3*time.Second))), 0},
		"just after the next tick":   {holder(leads(heard(0), seen(8030*time.Millisecond))), 0},
		"just before the next tick":  {holder(leads(heard(0), seen(8031*time.Millisecond))), 1979 * time.Millisecond},
		"in a moment":                {holder(leads(heard(0), seen(10009*time.Millisecond))), time.Millisecond},
		"late":                       {holder(leads(heard(0), seen(10010*time.Millisecond))), 20 * time.Millisecond},
		"very late":                  {holder(leads(heard(0), seen(10509*time.Millisecond))), 20 * time.Millisecond},
		"overdue":                    {holder(leads(heard(0), seen(10510*time.Millisecond))), 0},
		"a little vague":             {holder(leads(heard(0), seenWithin(9*time.Second, 40*time.Millisecond))), 1050 * time.Millisecond},
		"vague":                      {holder(leads(heard(0), seenWithin(9*time.Second, 42*time.Millisecond))), 1026 * time.Millisecond},
		"vague, in the middle":       {holder(leads(heard(0), seenWithin(10480*time.Millisecond, 950*time.Millisecond))), 480 * time.Millisecond},
		"vague, before the middle":   {holder(leads(heard(0), seenWithin(10479*time.Millisecond, 950*time.Millisecond))), time.Millisecond},
		"vague, middle next tick's":  {holder(leads(heard(0), seenWithin(9*time.Second, time.Second))), 1505 * time.Millisecond},
		"nobody knows by when":       {holder(leads(heard(0), seen(3*time.Second), func(w *PatroniReply) { w.SeenBy = Moment{} })), 0},
		"not here":                   {absent(leads(heard(0), seen(10*time.Second))), 0},
		"S missing":                  {holder(leads(heard(0), unseen)), 0},
		"20/2/3":                     {holder(timing(20, 2, 3), leads(heard(0), seen(time.Second))), 1010 * time.Millisecond},
		"silent, the last roll":      {silentLed(15900 * time.Millisecond), 50 * time.Millisecond},
		"not ours, the last roll":    {silentLed(15900*time.Millisecond, foreign), 50 * time.Millisecond},
		"silent, just whole seconds": {silentLed(15950 * time.Millisecond), 0},
		"silent, a last roll later":  {silentLed(15951 * time.Millisecond), 999 * time.Millisecond},
		"silent, another roll comes": {silentLed(13900 * time.Millisecond), 0},
		"silent, in time":            {silentLed(15001*time.Millisecond, lateTick), 949 * time.Millisecond},
		"silent, next tick's":        {silentLed(15*time.Second, lateTick), 0},
		"silent, nobody names us":    {silentLed(15900*time.Millisecond, polled(pollSilent)), 0},
		"silent, proved":             {silentLed(17 * time.Second), 950 * time.Millisecond},
		"silent, unproved":           {silentLed(17*time.Second + 1), 200 * time.Millisecond},
		"silent, the peers differ":   {silentLed(17*time.Second+1, polled(pollUnclear)), 200 * time.Millisecond},
		"proved, the peers differ":   {silentLed(17*time.Second, polled(pollUnclear)), 0},
		"set back, the peers differ": {setBack(5*time.Second, polled(pollUnclear)), 200 * time.Millisecond},
		"not ours, unproved":         {silentLed(17*time.Second+1, foreign), 200 * time.Millisecond},
		"unproved, the last roll":    {silentLed(17900 * time.Millisecond), 50 * time.Millisecond},
		"unproved, just whole":       {silentLed(17950 * time.Millisecond), 200 * time.Millisecond},
		"unproved, nobody names us":  {silentLed(17900*time.Millisecond, polled(pollSilent)), 0},
		"unproved, next tick's":      {silentLed(17*time.Second+1, func(f *Facts) { f.Trigger.At = now.Add(-1780 * time.Millisecond) }), 0},
		"silent, paused":             {silentLed(3*time.Second, func(f *Facts) { f.Peers.Paused = true }), 200 * time.Millisecond},
		"silent, long paused":        {silentLed(40*time.Second, func(f *Facts) { f.Peers.Paused = true }), 200 * time.Millisecond},
		"silent, was paused":         {silentLed(3*time.Second, polled(pollSilent), past(func(m *ClusterState) { m.Reply.Paused = true })), 200 * time.Millisecond},
		"silent, not here":           {absent(mute, polled(pollUs), ledAgo(25900*time.Millisecond)), 0},
		"clock set back, rolled":     {setBack(5*time.Second, polled(pollUs)), 200 * time.Millisecond},
		"clock set back, proved":     {setBack(5*time.Second+1, polled(pollUs)), 0},
		"clock set back, silence":    {setBack(5*time.Second, polled(pollSilent)), 0},
		"clock set back, no turn":    {setBack(5*time.Second, polled(pollUs), func(f *Facts) { f.Trigger.At = now.Add(-1780 * time.Millisecond) }), 0},
		"not the leader":             {holder(denies(heard(0), seen(10*time.Second))), 0},
		"stopping":                   {holder(leads(heard(0), seen(0), state("stopping"))), 100 * time.Millisecond},
		"stopping, S missing":        {holder(leads(heard(0), unseen, state("stopping"))), 100 * time.Millisecond},
		"stopping, last look":        {holder(leads(heard(0), state("stopping")), func(f *Facts) { f.Trigger.At = now.Add(-1800 * time.Millisecond) }), 100 * time.Millisecond},
		"stopping, next tick's":      {holder(leads(heard(0), state("stopping")), func(f *Facts) { f.Trigger.At = now.Add(-1801 * time.Millisecond) }), 0},
		"stopping, not here":         {absent(leads(heard(0), state("stopping"))), 0},
		"stopping, not the leader":   {holder(denies(heard(0), state("stopping"))), 0},
		"a callback":                 {holder(leads(heard(0), seen(10*time.Second)), func(f *Facts) { f.Trigger.Event = eventOnStart }), 0},
	} {
		at, wanted := NextLook(c.facts)
		switch {
		case wanted != (c.want != 0):
			t.Errorf("%s: wanted %v", name, wanted)
		case wanted && at.Sub(now) != c.want:
			t.Errorf("%s: in %v, want %v", name, at.Sub(now), c.want)
		}
	}
}

// setBack is a leader whose wall clock was set back, and whose lease lasts so long yet.
func setBack(left time.Duration, changes ...change) Facts {
	back := past(func(m *ClusterState) { m.Unproven = &unproven{Since: now.Add(-time.Minute)} })
	return holder(append([]change{here(left), leads(heard(0), seen(3*time.Second)), back}, changes...)...)
}

// silentLed is a silent leader with 20/2/3 whose peers name it, and whose last loop was so long
// ago.
func silentLed(d time.Duration, changes ...change) Facts {
	all := []change{here(time.Second), timing(20, 2, 3), mute, polled(pollUs), ledAgo(d)}
	return holder(append(all, changes...)...)
}

// ledAgo is a last word with 200 whose loop was so long ago.
func ledAgo(d time.Duration) change {
	return past(func(m *ClusterState) { m.Leading.SeenAt, m.SeenBefore = now.Add(-d), Moment{} })
}

// lateTick is one that began 1030 ms ago.
func lateTick(f *Facts) { f.Trigger.At = now.Add(-1030 * time.Millisecond) }

func TestWholeSeconds(t *testing.T) {
	for _, c := range []struct{ now, end, want time.Duration }{
		{300 * time.Millisecond, 5 * time.Second, 950 * time.Millisecond},
		{300 * time.Millisecond, 5500 * time.Millisecond, 450 * time.Millisecond},
	} {
		if got := wholeSeconds(SinceBoot(c.now), SinceBoot(c.end)); got != SinceBoot(c.want) {
			t.Errorf("%v before %v: %v, want %v", c.now, c.end, got, c.want)
		}
	}
}
