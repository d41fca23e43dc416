package faults_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/vipctl/vipctl/e2e/lab"
)

// trial is one fault on a cluster, and what came of it. Times are in milliseconds; nil is what was
// not looked for, or did not happen.
type trial struct {
	*testing.T `json:"-"`
	ctx        context.Context
	lab        *lab.Lab
	leader     *lab.Node // when the trial began
	began      time.Time // the fault
	started    time.Time
	recording  *lab.Recording
	except     string // the node that clients reach through the VIP only
	settled    bool   // the cluster was put right after the fault
	window     bool   // one that stays open: writes through the VIP to a deposed primary are counted, and no failure

	Fault    string `json:"fault"`
	Settings string `json:"settings"` // ttl/loop_wait/retry_timeout, in seconds
	Holds    bool   `json:"holds"`    // all that the test asserts
	Seconds  int    `json:"seconds"`  // the trial took

	Outage *int64 `json:"outage_ms,omitempty"` // longest gap through the VIP beyond that of the clients that know every node
	Flush  *int64 `json:"flush_ms,omitempty"`  // the same of a client that forgets its neighbours every second
	Direct *int64 `json:"direct_ms,omitempty"` // longest gap of the clients that know every node
	Nobody *int64 `json:"nobody_ms,omitempty"` // the VIP was nowhere
	Two    *int64 `json:"two_ms,omitempty"`    // the VIP was on two nodes

	Gone     *int64 `json:"gone_ms,omitempty"`     // from the fault until the VIP left the old leader
	LockFree *int64 `json:"lock_ms,omitempty"`     // from the fault until the old leader no longer had the lock
	Early    *int64 `json:"early_ms,omitempty"`    // the VIP was gone so long before the lock was
	Election *int64 `json:"election_ms,omitempty"` // from then until the successor's first write on its own address
	Ahead    *int64 `json:"ahead_ms,omitempty"`    // the VIP was gone so long before the successor's first write

	Deposed    *int     `json:"deposed,omitempty"`    // writes through the VIP by a server that another had succeeded
	TakenBack  int      `json:"taken_back,omitempty"` // such writes of a server to which Patroni had given the lock back
	LostWrites *int     `json:"lost,omitempty"`       // acknowledged through the VIP, and not there in the end
	Notes      []string `json:"notes,omitempty"`
}

// note keeps a remark for the table.
func (tr *trial) note(format string, args ...any) {
	tr.Notes = append(tr.Notes, fmt.Sprintf(format, args...))
}

func (tr *trial) must(err error) {
	tr.Helper()
	if err != nil {
		tr.Fatal(err)
	}
}

// eventually waits until ok, for the given time at the most.
func (tr *trial) eventually(limit time.Duration, what string, ok func() bool) {
	tr.Helper()
	if !within(limit, ok) {
		tr.Fatalf("not within %v: %s", limit, what)
	}
}

// within waits until ok, and reports whether it was in the given time.
func within(limit time.Duration, ok func() bool) bool {
	for deadline := time.Now().Add(limit); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			return false
		}
	}
	return true
}

// other returns a node that does not lead.
func (tr *trial) other() *lab.Node {
	i := slices.Index(tr.lab.Nodes, tr.leader)
	return tr.lab.Nodes[(i+1)%len(tr.lab.Nodes)]
}

// holders returns the names of the nodes that have the VIP.
func (tr *trial) holders() []string {
	tr.Helper()
	holders, err := tr.lab.Holders.Now()
	tr.must(err)
	return holders
}

// alone waits until the node, and nobody else, has the VIP.
func (tr *trial) alone(n *lab.Node, limit time.Duration) {
	tr.Helper()
	tr.eventually(limit, n.Name+" alone has the VIP", func() bool { return slices.Equal(tr.holders(), []string{n.Name}) })
}

// elected waits until another node than the leader of before leads and has the VIP alone.
func (tr *trial) elected() *lab.Node {
	tr.Helper()
	tr.must(tr.lab.Cluster.Elected(tr.ctx, tr.leader))
	to, err := tr.lab.Cluster.Leader(tr.ctx)
	tr.must(err)
	tr.alone(to, 10*time.Second)
	return to
}

// while lets clients write from two seconds before the fault to two seconds after it, and keeps
// what they saw.
func (tr *trial) while(fault func()) {
	tr.Helper()
	w, err := tr.lab.Clients.Write(tr.ctx, lab.WriterOptions{Except: tr.except})
	tr.must(err)
	done := false
	defer func() {
		if !done { // the fault ended the test
			tr.recording, _ = w.Stop()
		}
	}()
	time.Sleep(2 * time.Second)
	tr.began = time.Now()
	fault()
	time.Sleep(2 * time.Second)
	done = true
	tr.recording, err = w.Stop()
	tr.must(err)
	tr.measure()
}

// measure turns what the clients saw into the trial's figures, and checks the promise that counts
// most.
func (tr *trial) measure() {
	tr.Helper()
	f := tr.recording.Figures()
	tr.Outage, tr.Flush = ms(f.Outage()), ms(f.FlushGap.Length()-f.DirectGap.Length())
	tr.Direct, tr.Nobody, tr.Two = ms(f.DirectGap.Length()), ms(f.NoHolder), ms(f.Two)
	if tr.except != "" { // nobody to compare with
		tr.Outage, tr.Flush, tr.Direct = ms(f.VIPGap.Length()), ms(f.FlushGap.Length()), nil
	}
	deposed := 0
	for _, a := range f.Deposed {
		if tr.overwritten(a) {
			tr.TakenBack++
		} else {
			deposed++
		}
	}
	tr.Deposed = &deposed
	if deposed > 0 && !tr.window {
		tr.Errorf("%d writes went through the VIP to a deposed primary, the first %+v", deposed, f.Deposed[0])
	}
	if tr.TakenBack > 0 {
		tr.note("%d writes by a server to which Patroni gave the lock back over its successor's head", tr.TakenBack)
	}
	if tr.overwrote() && tr.lab.Release.Since(3, 0, 3) {
		tr.Errorf("Patroni %s took the lock from another that had it: %+v", tr.lab.Release.Version, tr.lab.Lock.Changes())
	}
	if f.Writes == 0 {
		tr.Error("no write went through the VIP")
	}
}

// overwritten reports whether the server had the leader lock when it acknowledged the write, taken
// from a successor that had it. Patroni before 3.0.3 does so with etcd3 (patroni#2676): the VIP
// followed the lock.
func (tr *trial) overwritten(a lab.Ack) bool {
	var last lab.LockChange
	for _, c := range tr.lab.Lock.Changes() {
		if c.At.Before(a.End) {
			last = c
		}
	}
	return last.Node == a.Node && last.Over != ""
}

// succession measures how the lock and the VIP went from the old leader to the new one, and checks
// their order.
func (tr *trial) succession() {
	tr.Helper()
	gone, lock := tr.held(tr.leader, false, tr.began), tr.unlocked()
	changes := tr.recording.Figures().Changes
	if gone.IsZero() || lock.IsZero() || len(changes) == 0 || changes[0].Direct.IsZero() {
		tr.Fatalf("no succession: VIP gone %v, lock free %v, %+v", gone, lock, changes)
	}
	first := changes[0].Direct
	tr.Gone, tr.LockFree, tr.Early = ms(gone.Sub(tr.began)), ms(lock.Sub(tr.began)), ms(lock.Sub(gone))
	if lock.Before(gone) {
		tr.note("the VIP was there for %d ms when nobody had the lock any more", -*tr.Early)
	}
	tr.Election, tr.Ahead = ms(first.Sub(lock)), ms(first.Sub(gone))
	if gone.After(first) {
		tr.Errorf("the VIP left %s %v after its successor's first write", tr.leader.Name, gone.Sub(first))
	}
}

// held returns when the node first got or lost the VIP after a moment, or never.
func (tr *trial) held(n *lab.Node, has bool, after time.Time) (at time.Time) {
	for _, h := range tr.lab.Holders.Changes() {
		if h.Node == n.Name && h.Has == has && h.At.After(after) {
			return h.At
		}
	}
	return time.Time{}
}

// unlocked returns when the leader of before no longer had the lock, or never.
func (tr *trial) unlocked() time.Time {
	for _, c := range tr.lab.Lock.Changes() {
		if c.At.After(tr.began) && c.Node != tr.leader.Name {
			return c.At
		}
	}
	return time.Time{}
}

// two returns how long the VIP was on two nodes in a part of the recording.
func (tr *trial) two(from, to time.Time) time.Duration {
	r := lab.Recording{From: from, To: to, Holders: tr.lab.Holders.Changes()}
	return r.Figures().Two
}

// unmoved checks that the VIP has not left the leader, nor come to another node, since the writers
// began.
func (tr *trial) unmoved() {
	tr.Helper()
	for _, h := range tr.lab.Holders.Changes() {
		if h.At.After(tr.recording.From) {
			tr.Errorf("the VIP moved: %v after the fault, %s has it: %t", h.At.Sub(tr.began).Round(time.Millisecond), h.Node, h.Has)
		}
	}
}

const (
	// staysLimit is what clients may lose where the VIP stays: nothing, but for the measurement's
	// own.
	staysLimit = 100 * time.Millisecond
	// besideLimit is the same of a trial that shares the machine with those on other clusters.
	besideLimit = 300 * time.Millisecond
)

// atMost checks a figure.
func (tr *trial) atMost(what string, got *int64, limit time.Duration) {
	tr.Helper()
	switch {
	case got == nil || *got > loosened(limit).Milliseconds():
		tr.Errorf("%s: %s ms, want %v at most", what, number(got), loosened(limit))
	case *got > limit.Milliseconds():
		tr.Logf("%s: %s ms, beyond the promise of %v", what, number(got), limit)
	}
}

// loosened is a limit that a busy machine keeps too. A figure above it says that the mechanism is
// missing: a SYN that is lost costs a second, a hand-over whose successor is not seen costs five.
func loosened(limit time.Duration) time.Duration {
	if *promise {
		return limit
	}
	return max(limit, 700*time.Millisecond)
}

// lost counts the writes acknowledged through the VIP from a moment on that the cluster no longer
// has.
func (tr *trial) lost(from time.Time) int {
	tr.Helper()
	return len(tr.missing(from))
}

// missing returns these writes.
func (tr *trial) missing(from time.Time) []lab.Ack {
	tr.Helper()
	missing, err := tr.lab.Clients.Lost(tr.ctx, tr.recording)
	tr.must(err)
	missing = slices.DeleteFunc(missing, func(a lab.Ack) bool {
		return a.Target != lab.ViaVIP && a.Target != lab.ViaFlush || !a.End.After(from)
	})
	count := len(missing)
	tr.LostWrites = &count
	return missing
}
