package reconcile

import (
	"errors"
	"reflect"
	"strings"
	"time"
)

const (
	// announceFor is how long after a claim every tick announces again: a neighbour or a switch may have missed it, or
	// heard the former holder after us.
	announceFor = 10 * time.Second
	// shortest is the shortest lifetime the kernel can be given.
	shortest = time.Second
)

// act carries a verdict out, under the lock: kernel calls and the note, no network and no disk. It reports whether a
// successor has to be waited for, without the lock.
func (v *vipRun) act(verdict Verdict) (wait bool) {
	switch verdict.Do {
	case DoKeep:
		v.hold(verdict)
	case DoRelease:
		v.release(verdict, ChangeRelease, verdict.Why)
	case DoHandOver:
		return v.beginHandOver(verdict)
	}
	return false
}

// hold claims the address, or moves its end. The note tells of a claim before the kernel does, so that one which is
// killed half-way is seen and finished by the next run.
func (v *vipRun) hold(verdict Verdict) {
	if !v.facts.NotAsWanted() && !v.facts.CutShort() {
		v.renew(verdict)
		return
	}
	n, now := v.facts.VIP, v.Clock.Now()
	n.Generation, n.Claimed, n.HandOver = n.Generation+1, 0, nil
	n.Changed, n.LeaseEnd, n.Forever = now, verdict.Until, verdict.Forever
	n.Repeats = n.Repeats.Without(string(ChangeRelease), string(ChangeHandOver))
	claimed, mended := v.facts.VIP.Claimed, v.facts.Address.Presence == PresencePartly
	again := v.facts.CutShort()
	saved := v.save(n)
	repeated := again && !saved // the note goes on telling of a claim that was cut short: each tick finishes it

	stop := v.timed(&v.times.address)
	err := v.vip.Address.Keep(verdict.end())
	stop()
	n.Ours = n.Ours || err == nil
	if err == nil {
		stop = v.timed(&v.times.frame)
		err = v.vip.Address.Announce()
		stop()
	}
	announced := v.Clock.Now()

	failure := n.Failure
	n.Failure = text(err)
	if err == nil {
		n.Claimed, n.Announced = announced, announced
	}
	if err == nil && mended && claimed != 0 { // here all the while, beside another copy: who else answers is asked as before
		n.Claimed = claimed
	}
	v.save(n)
	v.claimed, v.outcome.Err = err == nil, err
	if (err == nil || n.Failure != failure) && !repeated {
		v.record(ChangeClaim, verdict, verdict.Why)
	}
}

// renew moves the end of an address that is here, where it moves by as much as the kernel can tell.
func (v *vipRun) renew(verdict Verdict) {
	n, s, now := v.facts.VIP, v.facts.Address, v.Clock.Now()
	end := verdict.end()
	moves := s.Forever != (end == Forever) || !s.Forever && (end-s.End).Abs() >= shortest
	if moves && end-now >= shortest {
		v.outcome.Err = v.vip.Address.Keep(end)
	}
	if n.Claimed == 0 { // found without a note, after a wiped /run: taken over as it is
		n.Claimed = now
	}
	if n.HandOver != nil || n.Generation == 0 { // whoever waits for a successor must find another generation
		n.Generation, n.HandOver = n.Generation+1, nil
	}
	if n.AnnounceDue(now, v.Refresh, v.Interval) {
		err := v.vip.Address.Announce()
		if err == nil {
			n.Announced = now
		} else if !errors.Is(err, ErrUnasked) { // many VIPs take turns
			v.warnVIP("announce", err)
		}
	}
	n.LeaseEnd, n.Forever, n.Failure = verdict.Until, verdict.Forever, ""
	n.Ours = n.Ours || v.outcome.Err == nil
	if !reflect.DeepEqual(n, v.facts.VIP) {
		v.save(n)
	}
}

// announceDue reports whether an address that stays should be announced again. Against another host that answers for it
// each tick does, but not each look within one.
func (n VIPState) AnnounceDue(now Moment, refresh, interval time.Duration) bool {
	contested := len(n.Answering) > 0 && now-n.Announced >= interval/2
	return contested || now-n.Claimed < announceFor || now-n.Announced >= refresh
}

// release takes the address away, also where it was not seen. It makes a record only where the address was here, or claimed.
func (v *vipRun) release(verdict Verdict, c Change, why string) {
	stop := v.timed(&v.times.address)
	err := v.vip.Address.Release()
	stop()
	released := v.Clock.Now()

	was := v.facts.VIP
	seen := v.facts.Address.Presence == PresenceYes || v.facts.Address.Presence == PresencePartly
	n := VIPState{Generation: was.Generation, Changed: released, Failure: text(err), Hold: was.Hold}
	n.Repeats = was.Repeats.Without(string(ChangeClaim))
	if err != nil {
		n.Claimed, n.Ours, n.LeaseEnd, n.Forever = was.Claimed, was.Ours, was.LeaseEnd, was.Forever
	}
	saved := v.save(n) // where it cannot be, the note goes on telling of a claim
	v.outcome.Err = err
	if (seen || saved && (was.Claimed != 0 || was.HandOver != nil)) && (err == nil || n.Failure != was.Failure) {
		v.record(c, verdict, why)
	}
}

// end is the end that the kernel is given.
func (v Verdict) end() Moment {
	if v.Forever {
		return Forever
	}
	return v.Until
}

// save keeps the note, or says why not.
func (v *vipRun) save(n VIPState) (saved bool) {
	defer v.timed(&v.times.note)()
	err := v.Store.SaveVIPState(v.vip.Name, n)
	v.warnVIP("save the note", err)
	v.facts.VIP = n
	return err == nil
}

// record makes the record of a transition and tells of it at once. What ticks do again and again is counted instead.
func (v *vipRun) record(c Change, verdict Verdict, why string) {
	if v.trigger.Event == EventTick && v.outcome.Err == nil { // a failure that goes on is told once anyway
		key := string(c) + " " + string(verdict.Code)
		if c == ChangeConflict {
			key += " " + why // one host after the other is news
		}
		tell, words := v.count(key)
		if !tell {
			return
		}
		why += words
	}
	v.tell(c, verdict.Code, why)
}

// count takes note of a tick's transition, and reports whether it is told, with its count.
func (v *vipRun) count(what string) (tell bool, words string) {
	n := v.facts.VIP
	n.Repeats, tell, words = n.Repeats.Count(what, v.Clock.Now(), v.Clock.Wall())
	v.save(n)
	if words == "" {
		return tell, ""
	}
	words = "; " + words
	if v.Movers != nil && tell {
		for _, other := range v.Movers() {
			words += "; " + other + " runs here"
		}
	}
	return tell, words
}

// tellEnded tells how often something came that has stayed away since.
func (v *vipRun) tellEnded() {
	rest, what, ended := v.facts.VIP.Repeats.Ended(v.Clock.Now())
	if what == "" || v.trigger.Event != EventTick {
		return
	}
	n := v.facts.VIP
	n.Repeats = rest
	if v.save(n) {
		words := strings.SplitN(what, " ", 3)
		v.tell(Change(words[0]), Code(words[1]), "it came "+ended.String()+", and no more")
	}
}

// tell makes a record.
func (v *vipRun) tell(c Change, code Code, why string) {
	r := Record{
		At: Stamp{v.Clock.Wall()}, VIP: v.vip.Name, Trigger: v.trigger.Event, By: v.trigger.By,
		Do: c, Code: code, Reason: why,
		TookMS: milliseconds(v.Clock.Now() - v.trigger.At), Phases: v.times.phases(), Error: text(v.outcome.Err),
	}
	v.outcome.Records = append(v.outcome.Records, r)
	v.history.write(r)
	if v.Tell != nil {
		v.Tell(r)
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
