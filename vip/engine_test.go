package vip

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/reconcile/policy"
)

// desk is an engine with one address on a real link. Everything else around it is played: a member
// of a cluster, its notes, its history and the time, which passes when somebody waits.
type desk struct {
	reconcile.Store // what is not played is not called
	reconcile.Patroni

	time sync.Mutex
	now  policy.Moment

	remembering sync.Mutex
	memory      policy.ClusterState

	answer  policy.ReplyKind
	pg      policy.PG
	note    policy.VIPState
	records []string
	engine  *reconcile.Engine
}

const deskTick = 2 * time.Second

// newDesk begins as a replica, some minutes after the boot.
func newDesk(address func(d *desk) reconcile.Address) *desk {
	d := &desk{now: policy.SinceBoot(10 * time.Minute), answer: policy.NotLeader, pg: policy.PGAlive}
	d.engine = &reconcile.Engine{
		Ports: reconcile.Ports{Patroni: d, Store: d, History: d, Clock: d, Interval: deskTick, Refresh: time.Minute},
		VIPs:  []reconcile.VIP{{Name: "a", Address: address(d), Follow: policy.Follow("primary"), Leased: true, HandOver: 5 * time.Second}},
	}
	return d
}

func (d *desk) Now() policy.Moment {
	d.time.Lock()
	defer d.time.Unlock()
	return d.now
}

func (d *desk) Wall() time.Time { return time.Unix(1_800_000_000, 0).Add(d.Now().SinceBoot()) }

func (d *desk) Wait(ctx context.Context, pause time.Duration) error {
	d.time.Lock()
	defer d.time.Unlock()
	d.now = d.now.Add(max(pause, 0))
	return ctx.Err()
}

func (d *desk) Reply(context.Context) policy.PatroniReply {
	now, wall := d.Now(), d.Wall()
	if d.answer == policy.Silent {
		return policy.PatroniReply{Kind: d.answer, Why: "played", At: now}
	}
	role := policy.Role("replica")
	if d.answer == policy.Leader {
		role = policy.Role("primary")
	}
	return policy.PatroniReply{Kind: d.answer, Role: role, State: "running", Timeline: 1, LastSeen: wall.Unix(), At: now}
}

func (d *desk) Poll(context.Context, []policy.Peer) []policy.PeerReply { return nil }

func (d *desk) Timing(context.Context) (policy.Timing, error) {
	return policy.Timing{TTL: 30 * time.Second, LoopWait: 10 * time.Second, RetryTimeout: 10 * time.Second}, nil
}

func (d *desk) Rivals(context.Context, []policy.Peer) []policy.PeerReply { return nil }
func (d *desk) Members(context.Context) (reconcile.Members, error)       { return reconcile.Members{}, nil }
func (d *desk) Name() string                                             { return "us" }
func (d *desk) Postmaster(context.Context) policy.PG                     { return d.pg }

func (d *desk) Lock(string, time.Duration) (func(), error) { return func() {}, nil }
func (d *desk) VIPState(string) (policy.VIPState, error)   { return d.note, nil }

func (d *desk) SaveVIPState(_ string, n policy.VIPState) error {
	d.note = n
	return nil
}

func (d *desk) ClusterState() (policy.ClusterState, error) {
	d.remembering.Lock()
	defer d.remembering.Unlock()
	return d.memory, nil
}

func (d *desk) UpdateClusterState(change func(*policy.ClusterState)) error {
	d.remembering.Lock()
	defer d.remembering.Unlock()
	change(&d.memory)
	return nil
}

func (d *desk) Append(r reconcile.Record) error {
	line := fmt.Sprintf("%s %s", r.Do, r.Code)
	if r.Error != "" {
		line += ": " + r.Error
	}
	d.records = append(d.records, line)
	return nil
}

// held is what a static address asks for.
func (d *desk) held() (policy.Moment, bool) { return d.note.LeaseEnd, !d.note.LeaseEnd.IsZero() }

// run runs the engine once, two seconds after the run before.
func (d *desk) run(t *testing.T, e policy.Event) reconcile.Outcome {
	t.Helper()
	d.now = d.now.Add(deskTick)
	return d.engine.Run(t.Context(), policy.Trigger{Event: e, By: "timer", At: d.now})[0]
}

// wants runs five ticks and compares the records of all of them.
func (d *desk) wants(t *testing.T, after string, here policy.Presence, records ...string) {
	t.Helper()
	for range 5 {
		d.run(t, policy.EventTick)
	}
	if !slices.Equal(d.records, records) {
		t.Errorf("%s: records %q, want %q", after, d.records, records)
	}
	d.records = nil
	if s, err := d.engine.VIPs[0].Address.State(); err != nil || s.Presence != here {
		t.Errorf("%s: %+v %v, want %s", after, s, err, here)
	}
}

func deskOfStatic(t *testing.T) *desk {
	s := static(t, "10.77.0.5/32").Static
	return newDesk(func(d *desk) reconcile.Address {
		s.held, s.clock = d.held, d.Now
		return s
	})
}

// Whatever becomes of the address, each change makes one record, and five ticks no more.
func TestStaticInTheEngine(t *testing.T) {
	newLAN(t).plug(t, us, "eth0")
	const failed = "claim address_missing: keep 10.77.0.5: this host does not answer for the address: on no link of this host"
	d := deskOfStatic(t)
	d.wants(t, "a replica without it", policy.PresenceNo)
	d.answer = policy.Leader
	d.wants(t, "a leader without it", policy.PresenceNo, failed)
	if d.note.Phase == policy.Claimed {
		t.Errorf("a failed claim is noted as done: %+v", d.note)
	}
	addAddr(t, "eth0", "10.77.0.5/32")
	d.wants(t, "configured at last", policy.PresenceYes, "claim claim_cut_short")
	generation := d.note.Generation
	d.wants(t, "renewed", policy.PresenceYes)
	if d.note.Generation != generation || d.note.LeaseEnd.Before(d.now) {
		t.Errorf("renewals made it %+v", d.note)
	}
	delAddr(t, "eth0", "10.77.0.5/32")
	d.wants(t, "removed by somebody", policy.PresenceNo, failed)
	addAddr(t, "eth0", "10.77.0.5/32")
	d.wants(t, "back", policy.PresenceYes, "claim claim_cut_short")
	d.answer = policy.NotLeader
	d.wants(t, "demoted", policy.PresenceNo, "release not_leader")
	d.answer = policy.Leader
	d.wants(t, "promoted", policy.PresenceYes, "claim address_missing")
	if got := addrs(t, "eth0"); !slices.Equal(got, []string{"10.77.0.5/32"}) {
		t.Errorf("the link has %v", got)
	}
}

// When nobody renews, the note's end is the lease's: there is no kernel to end it.
func TestStaticEndsWithItsLease(t *testing.T) {
	newLAN(t).plug(t, us, "eth0")
	addAddr(t, "eth0", "10.77.0.5/32")
	d := deskOfStatic(t)
	d.answer = policy.Leader
	d.wants(t, "promoted", policy.PresenceYes, "claim address_missing")
	d.answer = policy.Silent
	d.run(t, policy.EventTick)
	if s, _ := d.engine.VIPs[0].Address.State(); s.Presence != policy.PresenceYes || len(d.records) > 0 {
		t.Errorf("silent before the end: %+v, %v", s, d.records)
	}
	d.now = d.note.LeaseEnd
	d.wants(t, "silent past the end", policy.PresenceNo, "release lease_ended")
}

// A hand-over waits for its limit, and then lets go of the address.
func TestStaticHandsOver(t *testing.T) {
	newLAN(t).plug(t, us, "eth0")
	addAddr(t, "eth0", "10.77.0.5/32")
	d := deskOfStatic(t)
	d.answer = policy.Leader
	d.wants(t, "promoted", policy.PresenceYes, "claim address_missing")
	d.pg, d.answer = policy.PGDown, policy.NotLeader
	began := d.now
	o := d.run(t, policy.Event("on_stop"))
	if waited := d.now.Sub(began) - deskTick; o.Err != nil || waited < 5*time.Second || waited > 6*time.Second {
		t.Errorf("%v after %v", o.Err, waited)
	}
	d.wants(t, "stopped", policy.PresenceNo, "hand_over stopped")
	if got := addrs(t, "eth0"); !slices.Equal(got, []string{"10.77.0.5/32"}) {
		t.Errorf("the link has %v", got)
	}
}

// A link that is down is one failed claim, whether or not anybody would be told of it.
func TestDownLinkInTheEngine(t *testing.T) {
	for name, change := range map[string]func(*Options){"routed": routed, "ARP": func(*Options) {}} {
		t.Run(name, func(t *testing.T) {
			newLAN(t).plug(t, us, "eth0")
			k := kernel(t, "10.77.0.5/32", "eth0", change)
			d := newDesk(func(d *desk) reconcile.Address {
				k.clock = d.Now
				return k
			})
			linkDown(t, "eth0")
			d.answer = policy.Leader
			d.wants(t, "down", policy.PresencePartly, "claim address_missing: announce 10.77.0.5 on eth0: network is down")
			linkUp(t, "eth0")
			carries(t, "eth0")
			d.wants(t, "up", policy.PresenceYes, "claim claim_cut_short")
			d.answer = policy.NotLeader
			d.wants(t, "demoted", policy.PresenceNo, "release not_leader")
		})
	}
}

// A claim that nobody could be told of is one failed claim, repeated by each tick: the address
// stays and is renewed meanwhile, and is announced as soon as the cable is back.
func TestNoCarrierInTheEngine(t *testing.T) {
	l := newLAN(t)
	l.plug(t, us, "eth0")
	cable := func(change func(testing.TB, string)) {
		l.bridge.do(t, func() { change(t, "port1") })
	}
	k := kernel(t, "10.77.0.5/32", "eth0")
	d := newDesk(func(d *desk) reconcile.Address {
		k.clock = d.Now
		return k
	})
	cable(linkDown)
	d.answer = policy.Leader
	d.wants(t, "no carrier", policy.PresenceYes, "claim address_missing: announce 10.77.0.5 on eth0: no carrier: network is down")
	for range 20 { // for longer than a lease
		d.run(t, policy.EventTick)
		if s, err := k.State(); err != nil || s.End.Before(d.now.Add(10*time.Second)) || d.note.Phase == policy.Claimed {
			t.Fatalf("%+v %v at %v, noted %+v", s, err, d.now, d.note)
		}
	}
	cable(linkUp)
	carries(t, "eth0")
	d.wants(t, "plugged in", policy.PresenceYes, "claim claim_cut_short")

	// Pulled later, it is a warning, whenever an announcement is due.
	cable(linkDown)
	for range 40 {
		if o := d.run(t, policy.EventTick); o.Err != nil {
			t.Fatal(o.Err)
		}
	}
	d.wants(t, "pulled", policy.PresenceYes)
	d.answer = policy.NotLeader
	d.wants(t, "demoted", policy.PresenceNo, "release not_leader")
}

// A copy on another link neither ends ours nor keeps a tick from renewing it; one that was there
// first is one failed claim, until it is gone.
func TestCopyElsewhereInTheEngine(t *testing.T) {
	newLAN(t).plug(t, us, "eth0")
	warnings := 0
	k := kernel(t, "10.77.0.5/32", "eth0", func(o *Options) { o.Warn = func(error) { warnings++ } })
	d := newDesk(func(d *desk) reconcile.Address {
		k.clock = d.Now
		return k
	})
	onLo := func() {
		addAddr(t, "lo", "10.77.0.5/32")
		t.Cleanup(func() { _ = netlink.AddrDel(nil, &netlink.Addr{IPNet: k.ipNet(), LinkIndex: 1}) })
	}
	d.answer = policy.Leader
	d.wants(t, "promoted", policy.PresenceYes, "claim address_missing")
	onLo()
	for range 20 { // for longer than a lease
		if o := d.run(t, policy.EventTick); o.Err != nil || o.Verdict.Do != policy.DoKeep {
			t.Fatalf("with a copy on lo: %+v", o)
		}
	}
	if s, err := k.State(); err != nil || s.Presence != policy.PresenceYes || s.Detail != "also on lo" || s.End.Before(d.note.LeaseEnd.Add(-2*time.Second)) {
		t.Errorf("%+v %v, leased until %v", s, err, d.note.LeaseEnd)
	}
	if warnings == 0 {
		t.Error("nobody was told of the copy on lo")
	}
	d.wants(t, "renewed", policy.PresenceYes)
	d.answer = policy.NotLeader
	d.wants(t, "demoted", policy.PresenceNo, "release not_leader")
	d.answer = policy.Leader
	d.wants(t, "promoted with a copy on lo", policy.PresenceNo, "claim address_missing: keep 10.77.0.5/32 on eth0: address is on another link: lo")
	delAddr(t, "lo", "10.77.0.5/32")
	d.wants(t, "on lo no more", policy.PresenceYes, "claim address_missing")
}
