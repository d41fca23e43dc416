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
	"github.com/vipctl/vipctl/state/statetest"
)

// later makes the store's clock go ahead by d, as if d had passed.
func (s *Store) later(d time.Duration) *Store {
	ahead := *s
	ahead.locks.Now = func() policy.Moment { return s.locks.Now().Add(d) }
	ahead.files.Now = ahead.locks.Now
	return &ahead
}

func TestLockExcludes(t *testing.T) {
	s := openStore(t)
	unlock, err := s.Lock("a", 0)
	check(t, err)
	other, err := s.Lock("b", 0)
	check(t, err)
	other()

	began := time.Now()
	_, err = s.Lock("a", 50*time.Millisecond)
	if !errors.Is(err, reconcile.ErrBusy) || !strings.Contains(err.Error(), "a.lock, for ") {
		t.Fatalf("got %v", err)
	}
	if took := time.Since(began); took < 50*time.Millisecond || took > time.Second {
		t.Errorf("waited %v of 50ms", took)
	}
	unlock()
	unlock() // twice does no harm
	again, err := s.Lock("a", 0)
	check(t, err)
	unlock() // the first one's does not open the second one's
	if _, err := s.Lock("a", 0); !errors.Is(err, reconcile.ErrBusy) {
		t.Fatalf("got %v", err)
	}
	again()
}

func TestLockWaitsForTheHolder(t *testing.T) {
	s := openStore(t)
	unlock, err := s.Lock("a", 0)
	check(t, err)
	time.AfterFunc(30*time.Millisecond, unlock)
	second, err := s.Lock("a", 10*time.Second)
	check(t, err)
	second()
}

func TestLockHeldTooLongIsPassedOver(t *testing.T) {
	s := openStore(t)
	holder := statetest.Start(t, "hold", s.files.Path, "a")
	holder.Line(t)
	holder.Stop(t)

	if _, err := s.later(time.Second).Lock("a", 0); !errors.Is(err, reconcile.ErrBusy) {
		t.Fatalf("after 1 s: %v", err)
	}
	late := s.later(heldTooLong + 500*time.Millisecond)
	first, err := late.Lock("a", 0) // at once
	check(t, err)
	second, err := late.Lock("a", 0) // excludes nobody
	check(t, err)
	first()
	second()
	if _, err := s.later(time.Second).Lock("a", 0); !errors.Is(err, reconcile.ErrBusy) {
		t.Fatalf("the holder lost its lock to those who passed it: %v", err)
	}

	check(t, holder.Process.Signal(unix.SIGCONT))
	holder.In.Close()
	check(t, holder.Wait())
	unlock, err := s.Lock("a", 0)
	check(t, err)
	unlock()
}

// With the real clock: who waits for a stopped process goes on when it has held for 2 s.
func TestLockPassesOverWhileWaiting(t *testing.T) {
	s := openStore(t)
	holder := statetest.Start(t, "hold", s.files.Path, "a")
	holder.Line(t)
	holder.Stop(t)
	began := time.Now()
	_, err := s.Lock("a", time.Minute)
	check(t, err)
	if took := time.Since(began); took > heldTooLong+time.Second {
		t.Errorf("after %v", took)
	}
}

// The moment of a killed holder goes with it: the next one is not taken for as old as that.
func TestMomentOfAKilledHolderIsGone(t *testing.T) {
	s := openStore(t)
	for range 10 {
		holder := statetest.Start(t, "hold", s.files.Path, "a")
		holder.Line(t)
		holder.Kill(t)
		late := s.later(time.Hour)
		unlock, err := late.Lock("a", 0)
		check(t, err)
		if _, err := late.Lock("a", 0); !errors.Is(err, reconcile.ErrBusy) {
			t.Fatalf("the new holder was passed over: %v", err)
		}
		unlock()
	}
}

// A process that is stopped between its look at the clock and its lock has held it for no time at
// all.
func TestStoppedJustBeforeTheLock(t *testing.T) {
	s := openStore(t)
	slow := *s
	var looks atomic.Int32
	slow.locks.Now = func() policy.Moment {
		if looks.Add(1) <= 2 { // the deadline's and the lock's
			return s.locks.Now().Add(-time.Minute)
		}
		return s.locks.Now()
	}
	unlock, err := slow.Lock("a", time.Hour)
	check(t, err)
	defer unlock()
	if _, err := s.Lock("a", 0); !errors.Is(err, reconcile.ErrBusy) {
		t.Fatalf("passed over: %v", err)
	}
}

// A foreign lock says nothing of its age and is never passed over.
func TestForeignLock(t *testing.T) {
	s := openStore(t)
	check(t, s.locks.Place("a.lock"))
	for _, foreign := range []unix.Flock_t{{}, {Start: 100}, {Len: int64(s.locks.Now().Add(time.Hour).SinceBoot())}} {
		f, err := s.locks.Open("a.lock", os.O_RDWR)
		check(t, err)
		foreign.Type = unix.F_WRLCK
		check(t, unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &foreign))
		if _, err := s.Lock("a", 0); !errors.Is(err, reconcile.ErrBusy) {
			t.Errorf("%+v: %v", foreign, err)
		}
		f.Close()
	}
}

func TestReplacedLockFileIsNotALock(t *testing.T) {
	s := openStore(t)
	check(t, s.locks.Place("a.lock"))
	old, err := s.locks.Open("a.lock", os.O_RDWR)
	check(t, err)
	defer old.Close()
	_, err = s.locks.seize(old)
	check(t, err)
	check(t, os.Remove(s.files.File("a.lock")))
	equal(t, "the removed file has the name", s.locks.Has("a.lock", old), false)
	unlock, err := s.Lock("a", 0)
	check(t, err)
	equal(t, "the removed file has the name", s.locks.Has("a.lock", old), false)
	unlock()
}

// A lock file that cannot be opened is replaced, by one process of many only.
func TestHealedByOne(t *testing.T) {
	s := openStore(t)
	check(t, s.files.Make())
	for range 20 {
		check(t, os.RemoveAll(s.files.File("a.lock")))
		check(t, os.Symlink("/nowhere", s.files.File("a.lock"))) // fails for root too, as a mode does not
		var holders atomic.Int32
		var wait sync.WaitGroup
		for range 8 {
			wait.Go(func() {
				unlock, err := s.Lock("a", 10*time.Second)
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
	s := openStore(t)
	check(t, s.files.Make())
	const processes, each = 4, 100
	var all []*statetest.Process
	for range processes {
		all = append(all, statetest.Start(t, "lock", s.files.Path, "a", fmt.Sprint(each)))
	}
	for _, p := range all {
		check(t, p.Wait())
	}
	data, err := os.ReadFile(s.files.File("steps"))
	check(t, err)
	equal(t, "steps", string(data), fmt.Sprint(processes*each))
}
