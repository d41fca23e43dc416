package policy

import (
	"strings"
	"testing"
	"time"
)

// rowCase is one case of the policy: facts, and the verdict that they must lead to.
type rowCase struct {
	name  string
	facts Facts
	do    Do
	code  Code
	why   string // a part of the reason

	until   Moment // for a hold
	forever bool
	ask     Question // for DoAsk
}

func checkRows(t *testing.T, rows []rowCase) {
	t.Helper()
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			got := Decide(r.facts)
			want := Verdict{Do: r.do, Code: r.code, Why: got.Why, Until: r.until, Forever: r.forever, Ask: r.ask}
			if got != want {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
			if !strings.Contains(got.Why, r.why) {
				t.Errorf("reason %q, want %q in it", got.Why, r.why)
			}
		})
	}
}

// change makes one fact other than base has it.
type change func(*Facts)

func facts(changes ...change) Facts {
	f := base()
	for _, c := range changes {
		c(&f)
	}
	return f
}

// holder is a host with the address, claimed a minute ago and vouched for during the next 10 s.
func holder(changes ...change) Facts {
	return facts(append([]change{here(10 * time.Second)}, changes...)...)
}

// absent is a host without the address, and without a trace of it.
func absent(changes ...change) Facts {
	gone := func(f *Facts) { f.Address = AddressState{Presence: PresenceNo} }
	return facts(append([]change{gone, pg(PGUnknown)}, changes...)...)
}

// partly is a host that has the address, but not as wanted, and no note of it.
func partly(changes ...change) Facts {
	some := func(f *Facts) { f.Address = AddressState{Presence: PresencePartly} }
	return facts(append([]change{some, pg(PGAlive)}, changes...)...)
}

// here puts the address on the link, with its end so far ahead, or behind.
func here(end time.Duration) change {
	return func(f *Facts) {
		f.Address = AddressState{Presence: PresenceYes, End: now.Add(end)}
		f.VIP = VIPState{Generation: 1, Phase: Claimed, Claimed: now.Add(-time.Minute), LeaseEnd: now.Add(end)}
		f.PG = PGAlive
	}
}

func pg(state PG) change { return func(f *Facts) { f.PG = state } }

func asked(times int) change { return func(f *Facts) { f.Asked = times } }

func unleased(f *Facts) { f.Leased = false }

func secondLook(f *Facts) { f.Confirming = true }

func follow(what Follow) change { return func(f *Facts) { f.Follow = what } }

func note(edit func(*VIPState)) change { return func(f *Facts) { edit(&f.VIP) } }

func past(edit func(*ClusterState)) change { return func(f *Facts) { edit(&f.Cluster) } }

// handover is the wait for a successor of the claim of that generation.
func handover(generation uint64) change {
	return note(func(n *VIPState) {
		n.HandOver = &HandOver{Generation: generation, Began: now.Add(-1), Until: now.Add(4 * time.Second)}
	})
}

// heldFor is an operator's hold that lasts so much longer.
func heldFor(d time.Duration) change {
	return note(func(n *VIPState) { n.Hold = &OperatorHold{By: "ann", Until: now.Add(d)} })
}

// timing sets ttl, loop_wait and retry_timeout, in seconds.
func timing(ttl, loop, retry time.Duration) change {
	return past(func(m *ClusterState) { m.Timing = Timing{ttl * time.Second, loop * time.Second, retry * time.Second} })
}

// callback is one that Patroni started 10 ms ago.
func callback(e Event, r Role) change {
	return func(f *Facts) { f.Trigger = Trigger{Event: e, Role: r, At: now.Add(-10 * time.Millisecond)} }
}

// trait makes one part of a word other than usual.
type trait func(*PatroniReply)

// leads is Patroni's 200 of a running primary, 100 ms old, whose last loop was 3 s ago.
func leads(traits ...trait) change { return says(Leader, rolePrimary, traits...) }

// denies is Patroni's 503 of a running primary, the oddest one.
func denies(traits ...trait) change { return says(NotLeader, rolePrimary, traits...) }

func says(a ReplyKind, r Role, traits ...trait) change {
	return func(f *Facts) {
		f.Reply = PatroniReply{
			Kind: a, Role: r, State: "running", Name: "n1", Timeline: 1, LastSeen: 9990,
			SeenAt: now.Add(-3 * time.Second), At: now.Add(-100 * time.Millisecond),
		}
		for _, t := range traits {
			t(&f.Reply)
		}
		f.Asked = 1
	}
}

// mute is a Patroni that does not answer.
func mute(f *Facts) {
	f.Reply = PatroniReply{Kind: Silent, Why: "connection refused", At: now.Add(-100 * time.Millisecond)}
	f.Asked = 1
}

// foreign is an answer that is not our Patroni's.
func foreign(f *Facts) {
	mute(f)
	f.Reply.Kind, f.Reply.Why = NotOurs, "scope is other"
}

func paused(w *PatroniReply)   { w.Paused = true }
func unlocked(w *PatroniReply) { w.Unlocked = true }
func failsafe(w *PatroniReply) { w.Failsafe = true }

func as(r Role) trait { return func(w *PatroniReply) { w.Role = r } }

func state(s string) trait { return func(w *PatroniReply) { w.State = s } }

// seen sets the age of dcs_last_seen, heard that of the word.
func seen(ago time.Duration) trait { return seenWithin(ago, 0) }

// seenWithin leaves open when within a while that was.
func seenWithin(ago, blur time.Duration) trait {
	return func(w *PatroniReply) { w.SeenAt, w.SeenBy = now.Add(-ago), now.Add(-ago).Add(blur) }
}

func unseen(w *PatroniReply) { w.LastSeen, w.SeenAt = 0, Moment{} }

func heard(ago time.Duration) trait { return func(w *PatroniReply) { w.At = now.Add(-ago) } }

// polled is what the peers say, right now.
func polled(r pollResult) change {
	return func(f *Facts) {
		f.Peers = Poll{result: r, At: now}
		if f.Peers.elsewhere() {
			f.Peers.Name = "n2"
		}
	}
}

// alone is a member whose peers were asked, and are silent.
func alone(f *Facts) { polled(pollSilent)(f) }

// rival is a peer that leads too.
func rival(traits ...trait) change {
	return func(f *Facts) {
		w := PatroniReply{Kind: Leader, Role: rolePrimary, State: "running", Name: "n2", Timeline: 1, LastSeen: 9990}
		for _, t := range traits {
			t(&w)
		}
		f.Peers = Poll{result: pollOther, Name: "n2", Reply: w, At: now}
	}
}

var (
	askPatroni = Question{Patroni: true}
	askFirst   = Question{Patroni: true, Rivals: true}
	askPeers   = Question{Peers: true}
)
