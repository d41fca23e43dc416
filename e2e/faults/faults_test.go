package faults_test

import (
	"context"
	"errors"
	"time"

	"github.com/vipctl/vipctl/e2e/lab"
)

// fault is one thing that a campaign lets happen, and how it ends. It says what
// docs/failure-modes.md admits for it.
type fault struct {
	name  string // with %s where the node is named
	on    place
	lasts []span // one is drawn, and a time from it
	begin deed
	end   deed // nil for what is over by itself; may be done twice, and where it has not begun

	stays   time.Duration // the VIP stays where it is if it happens to a leader, for so long at most
	planned bool          // Patroni loses no write
	silent  bool          // no ticks meanwhile, so that the VIP may be anywhere
	forgets bool          // a change there may have no record: a run was killed, or what it knew is gone
	lures   bool          // clients may reach another host
	pauses  bool
}

// deed is what is done to a scene. It returns soon, at the latest when ctx ends.
type deed func(ctx context.Context, s *scene) error

// place is which nodes a fault may happen to.
type place int

const (
	anywhere place = iota // the leader more often than a replica
	atReplica
	atLeader
	everywhere // to no node in particular
)

type span struct{ least, most time.Duration }

// lease is no longer than that of the campaign's cluster, with a loop and a tick to spare.
const lease = 10 * time.Second

// ever is for what the VIP always survives.
const ever = time.Hour

var (
	anyTime = []span{{200 * time.Millisecond, 3 * time.Second}, {3 * time.Second, 15 * time.Second}, {15 * time.Second, 35 * time.Second}}
	// untilDone is for what takes its time: it is cut short where it takes longer.
	untilDone = anyTime[1:]
	aFewTicks = []span{{interval, 5 * interval}}
	// atOnce is how long the consequences of something go on that is over at once.
	atOnce = anyTime[:1]
)

// faults are all that a campaign draws from.
var faults = []fault{
	{name: "switchover to %s", on: atReplica, lasts: atOnce, begin: switchover, planned: true},
	{name: "patronictl restart on %s", lasts: atOnce, begin: restart, stays: ever, planned: true},
	{name: "patronictl reload on %s", lasts: atOnce, begin: reload, stays: ever, planned: true},
	{name: "Patroni stopped on %s", lasts: untilDone, begin: terminate, end: startPatroni, planned: true},
	{name: "Patroni stopped on %s, its before_stop hook hangs", lasts: untilDone, begin: hangInStop, end: startAfterHang},
	{name: "Patroni killed on %s", lasts: anyTime, begin: killPatroni, end: startPatroni, stays: lease},
	{name: "Patroni frozen on %s", lasts: anyTime, begin: freezePatroni, end: thaw, stays: lease},
	{name: "before_stop hook hangs on %s", lasts: anyTime, begin: holdStop(true), end: holdStop(false), stays: ever},
	{name: "patroni.yml broken on %s", lasts: anyTime, begin: breakYAML(true), end: breakYAML(false), stays: ever},
	{name: "ttl raised to 40 s", on: everywhere, lasts: anyTime, begin: configure(`{"ttl": 40}`), end: configure(`{"ttl": 20}`), stays: ever},
	{name: "paused", on: everywhere, lasts: anyTime, begin: configure(`{"pause": true}`), end: configure(`{"pause": false}`), stays: ever, pauses: true},

	{name: "postmaster killed on %s", lasts: atOnce, begin: killPostmaster, stays: ever},

	{name: "node %s frozen", lasts: anyTime, begin: freezeNode, end: thaw, stays: lease},
	{name: "node %s frozen, its timer stopped", lasts: anyTime, begin: freezeAll, end: thawAll, stays: lease, silent: true, forgets: true},
	{name: "all processes of %s killed", lasts: anyTime, begin: crash, end: start, forgets: true},
	{name: "power of %s cut", lasts: anyTime, begin: powerOff, end: powerOn, silent: true, forgets: true},

	{name: "cable of %s pulled", lasts: anyTime, begin: pull, end: plug},
	{name: "%s cut off from the other nodes", lasts: anyTime, begin: partition, end: rejoin},
	{name: "etcd's packets dropped on %s", lasts: anyTime, begin: dropEtcd, end: passEtcd},
	{name: "etcd's packets dropped everywhere", on: everywhere, lasts: anyTime, begin: each(dropEtcd), end: each(passEtcd)},
	{name: "REST between nodes dropped on %s", lasts: anyTime, begin: dropREST, end: passREST, stays: ever},
	{name: "REST between nodes dropped everywhere", on: everywhere, lasts: anyTime, begin: each(dropREST), end: each(passREST), stays: ever},

	{name: "etcd killed on %s", lasts: anyTime, begin: killEtcd, end: startEtcd, stays: ever},
	{name: "etcd killed on %s and one more", on: atLeader, lasts: anyTime, begin: pair(killEtcd), end: pair(startEtcd)},

	{name: "timer stopped on %s", lasts: aFewTicks, begin: stopTimer, end: startTimer, stays: ever, silent: true, forgets: true},
	{name: "callbacks killed everywhere, switchover", on: everywhere, lasts: anyTime, begin: killCallbacks, end: spareCallbacks, forgets: true},
	{name: "/run full on %s", lasts: anyTime, begin: fillRun(true), end: fillRun(false), stays: ever},
	{name: "/run wiped on %s", lasts: atOnce, begin: wipeRun, stays: ever, forgets: true},
	{name: "VIP deleted on %s", on: atLeader, lasts: atOnce, begin: deleteVIP},
	{name: "VIP also on a host that is no member", on: everywhere, lasts: anyTime, begin: plugStranger, end: unplugStranger, stays: ever, lures: true},
}

// switchover asks for it, and does not wait for it: another fault may be in its way.
func switchover(_ context.Context, s *scene) error {
	s.aside(func(ctx context.Context) error { return s.tr.lab.Cluster.Switchover(ctx, s.node) })
	return nil
}

func restart(_ context.Context, s *scene) error { s.aside(s.node.REST.Restart); return nil }
func reload(_ context.Context, s *scene) error  { s.aside(s.node.REST.Reload); return nil }

func terminate(_ context.Context, s *scene) error     { s.node.Patroni.Terminate(); return nil }
func killPatroni(_ context.Context, s *scene) error   { s.node.Patroni.Kill(); return nil }
func freezePatroni(_ context.Context, s *scene) error { s.node.Patroni.Freeze(); return nil }

// startPatroni kills a Patroni that has not ended yet, as systemd does when TimeoutStopSec= is over.
func startPatroni(_ context.Context, s *scene) error {
	s.node.Patroni.Kill()
	return s.node.Patroni.Start()
}

func holdStop(on bool) deed {
	return func(_ context.Context, s *scene) error { return s.node.Patroni.HoldStop(on) }
}

func hangInStop(ctx context.Context, s *scene) error {
	return errors.Join(holdStop(true)(ctx, s), terminate(ctx, s))
}

func startAfterHang(ctx context.Context, s *scene) error {
	return errors.Join(startPatroni(ctx, s), holdStop(false)(ctx, s))
}

func breakYAML(on bool) deed {
	return func(_ context.Context, s *scene) error { return s.node.Patroni.BreakYAML(on) }
}

func configure(patch string) deed {
	return func(ctx context.Context, s *scene) error { return s.tr.lab.Cluster.Configure(ctx, patch) }
}

func killPostmaster(_ context.Context, s *scene) error { return s.node.Postgres.Kill() }

func freezeNode(_ context.Context, s *scene) error { s.node.Freeze(); return nil }
func freezeAll(_ context.Context, s *scene) error  { s.node.FreezeAll(); return nil }
func thaw(_ context.Context, s *scene) error       { s.node.Thaw(); return nil }
func crash(_ context.Context, s *scene) error      { return s.node.Crash() }
func powerOff(_ context.Context, s *scene) error   { return s.node.PowerOff() }
func start(_ context.Context, s *scene) error      { return s.node.Start() }

func thawAll(_ context.Context, s *scene) error {
	s.node.Thaw()
	s.node.Timer.Start()
	return nil
}

func powerOn(_ context.Context, s *scene) error {
	return errors.Join(s.node.Link.Plug(), s.node.Start())
}

func pull(_ context.Context, s *scene) error      { return s.node.Link.Pull() }
func plug(_ context.Context, s *scene) error      { return s.node.Link.Plug() }
func partition(_ context.Context, s *scene) error { return s.node.Link.Partition() }
func rejoin(_ context.Context, s *scene) error    { return s.node.Link.Rejoin() }
func dropEtcd(_ context.Context, s *scene) error  { return s.node.Link.DropEtcd() }
func passEtcd(_ context.Context, s *scene) error  { return s.node.Link.PassEtcd() }
func dropREST(_ context.Context, s *scene) error  { return s.node.Link.DropREST() }
func passREST(_ context.Context, s *scene) error  { return s.node.Link.PassREST() }

func killEtcd(_ context.Context, s *scene) error  { s.node.Etcd.Kill(); return nil }
func startEtcd(_ context.Context, s *scene) error { return s.node.Etcd.Start() }

func stopTimer(_ context.Context, s *scene) error  { s.node.Timer.Stop(); return nil }
func startTimer(_ context.Context, s *scene) error { s.node.Timer.Start(); return nil }

func fillRun(on bool) deed {
	return func(_ context.Context, s *scene) error { return s.node.Vipctl.FillRun(on) }
}

func wipeRun(_ context.Context, s *scene) error   { return s.node.Vipctl.WipeRun() }
func deleteVIP(_ context.Context, s *scene) error { return s.node.Addresses.DeleteVIP() }

// killCallbacks kills each at an instant that the campaign's seed says, and has some called.
func killCallbacks(ctx context.Context, s *scene) error {
	killing, stop := context.WithCancel(s.tr.ctx)
	s.undo = func() error { stop(); return nil }
	if _, err := lab.KillRuns(killing, s.tr.lab.Nodes, "callback", func() time.Duration { return killAfter(s.random) }); err != nil {
		s.tr.Skip(err) // a kernel without CONFIG_PROC_EVENTS, or a container
	}
	return switchover(ctx, s.elsewhere(s.tr.other()))
}

func spareCallbacks(_ context.Context, s *scene) error { return s.undone() }

func plugStranger(_ context.Context, s *scene) (err error) {
	_, s.undo, err = s.tr.lab.Switch.PlugStranger(s.tr.lab.VIP)
	return err
}

func unplugStranger(_ context.Context, s *scene) error { return s.undone() }

// each does it on every node.
func each(do deed) deed {
	return func(ctx context.Context, s *scene) (err error) {
		for _, n := range s.tr.lab.Nodes {
			err = errors.Join(err, do(ctx, s.elsewhere(n)))
		}
		return err
	}
}

// pair does it on the scene's node and the one behind it.
func pair(do deed) deed {
	return func(ctx context.Context, s *scene) error {
		return errors.Join(do(ctx, s), do(ctx, s.elsewhere(s.tr.behind(s.node, 1))))
	}
}
