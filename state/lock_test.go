package state

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/reconcile/policy"
)

// later makes the notes' clock go ahead by d, as if d had passed.
func (n *Notes) later(d time.Duration) *Notes {
	ahead := *n
	ahead.now = func() policy.Moment { return n.now() + d }
	return &ahead
}

func TestLockExcludes(t *testing.T) {
	n := openNotes(t)
	unlock, err := n.Lock("a", 0)
	check(t, err)
	other, err := n.Lock("b", 0)
	check(t, err)
	other()

	began := time.Now()
	_, err = n.Lock("a", 50*time.Millisecond)
	if !errors.Is(err, reconcile.ErrBusy) || !strings.Contains(err.Error(), "a.lock, for ") {
		t.Fatalf("got %v", err)
	}
	if took := time.Since(began); took < 50*time.Millisecond || took > time.Second {
		t.Errorf("waited %v of 50ms", took)
	}
	unlock()
	unlock() // twice does no harm
	again, err := n.Lock("a", 0)
	check(t, err)
	unlock() // the first one's does not open the second one's
	if _, err := n.Lock("a", 0); !errors.Is(err, reconcile.ErrBusy) {
		t.Fatalf("got %v", err)
	}
	again()
}

func TestLockWaitsForTheHolder(t *testing.T) {
	n := openNotes(t)
	unlock, err := n.Lock("a", 0)
	check(t, err)
	time.AfterFunc(30*time.Millisecond, unlock)
	second, err := n.Lock("a", 10*time.Second)
	check(t, err)
	second()
}

func TestLockHeldTooLongIsPassedOver(t *testing.T) {
	n := openNotes(t)
	holder := child(t, "hold", n.path, "a")
	holder.line(t)
	holder.stop(t)

	if _, err := n.later(time.Second).Lock("a", 0); !errors.Is(err, reconcile.ErrBusy) {
		t.Fatalf("after 1 s: %v", err)
	}
	late := n.later(heldTooLong + 500*time.Millisecond)
	first, err := late.Lock("a", 0) // at once
	check(t, err)
	second, err := late.Lock("a", 0) // excludes nobody
	check(t, err)
	first()
	second()
	if _, err := n.later(time.Second).Lock("a", 0); !errors.Is(err, reconcile.ErrBusy) {
		t.Fatalf("the holder lost its lock to those who passed it: %v", err)
	}

	check(t, holder.Process.Signal(unix.SIGCONT))
	holder.in.Close()
	check(t, holder.Wait())
	unlock, err := n.Lock("a", 0)
	check(t, err)
	unlock()
}

// With the real clock: who waits for a stopped process goes on when it has held for 2 s.
func TestLockPassesOverWhileWaiting(t *testing.T) {
	n := openNotes(t)
	holder := child(t, "hold", n.path, "a")
	holder.line(t)
	holder.stop(t)
	began := time.Now()
	_, err := n.Lock("a", time.Minute)
	check(t, err)
	if took := time.Since(began); took > heldTooLong+time.Second {
		t.Errorf("after %v", took)
	}
}

// The moment of a killed holder goes with it: the next one is not taken for as old as that.
func TestMomentOfAKilledHolderIsGone(t *testing.T) {
	n := openNotes(t)
	for range 10 {
		holder := child(t, "hold", n.path, "a")
		holder.line(t)
		holder.kill(t)
		late := n.later(time.Hour)
		unlock, err := late.Lock("a", 0)
		check(t, err)
		if _, err := late.Lock("a", 0); !errors.Is(err, reconcile.ErrBusy) {
			t.Fatalf("the new holder was passed over: %v", err)
		}
		unlock()
	}
}

// A process that is stopped between its look at the clock and its lock has held it for no time at all.
func TestStoppedJustBeforeTheLock(t *testing.T) {
	n := openNotes(t)
	slow := *n
	var looks atomic.Int32
	slow.now = func() policy.Moment {
		if looks.Add(1) <= 2 { // the deadline's and the lock's
			return n.now() - time.Minute
		}
		return n.now()
	}
	unlock, err := slow.Lock("a", time.Hour)
	check(t, err)
	defer unlock()
	if _, err := n.Lock("a", 0); !errors.Is(err, reconcile.ErrBusy) {
		t.Fatalf("passed over: %v", err)
	}
}

// A foreign lock says nothing of its age and is never passed over.
func TestForeignLock(t *testing.T) {
	n := openNotes(t)
	check(t, n.place("a.lock"))
	for _, foreign := range []unix.Flock_t{{}, {Start: 100}, {Len: int64(n.now() + time.Hour)}} {
		f, err := n.open("a.lock", os.O_RDWR)
		check(t, err)
		foreign.Type = unix.F_WRLCK
		check(t, unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &foreign))
		if _, err := n.Lock("a", 0); !errors.Is(err, reconcile.ErrBusy) {
			t.Errorf("%+v: %v", foreign, err)
		}
		f.Close()
	}
}

func TestReplacedLockFileIsNotALock(t *testing.T) {
	n := openNotes(t)
	check(t, n.place("a.lock"))
	old, err := n.open("a.lock", os.O_RDWR)
	check(t, err)
	defer old.Close()
	_, err = n.seize(old)
	check(t, err)
	check(t, os.Remove(n.file("a.lock")))
	equal(t, "the removed file has the name", n.has("a.lock", old), false)
	unlock, err := n.Lock("a", 0)
	check(t, err)
	equal(t, "the removed file has the name", n.has("a.lock", old), false)
	unlock()
}

// A lock file that cannot be opened is replaced, by one process of many only.
func TestHealedByOne(t *testing.T) {
	n := openNotes(t)
	check(t, n.make())
	for range 20 {
		check(t, os.RemoveAll(n.file("a.lock")))
		check(t, os.Symlink("/nowhere", n.file("a.lock"))) // fails for root too, as a mode does not
		var holders atomic.Int32
		var wait sync.WaitGroup
		for range 8 {
			wait.Go(func() {
				unlock, err := n.Lock("a", 10*time.Second)
				if err != nil {
					t.Error(err)
					return
				}
				if holders.Add(1) > 1 {
					t.Error("two holders")
				}
				holders.Add(-1)
				unlock()
			})
		}
		wait.Wait()
	}
}

func TestLockAcrossProcesses(t *testing.T) {
	n := openNotes(t)
	check(t, n.make())
	const processes, each = 4, 100
	var all []*process
	for range processes {
		all = append(all, child(t, "lock", n.path, "a", fmt.Sprint(each)))
	}
	for _, p := range all {
		check(t, p.Wait())
	}
	data, err := os.ReadFile(n.file("steps"))
	check(t, err)
	equal(t, "steps", string(data), fmt.Sprint(processes*each))
}
