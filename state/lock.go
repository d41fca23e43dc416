package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/reconcile/policy"
	"github.com/vipctl/vipctl/state/folder"
)

// heldTooLong is how long a lock may be held before its holder counts as stopped: a live one needs
// some milliseconds.
const heldTooLong = 2 * time.Second

// Between two tries for a lock. There is no call that waits for a lock up to a deadline, short of
// signals.
const (
	firstPause = 100 * time.Microsecond
	mostPause  = 2 * time.Millisecond
)

// locks are files that are locked and stay empty.
//
// A lock is an open file description's record lock (F_OFD_SETLK) on the bytes from 0 up to the
// moment, in nanoseconds of the boot clock, at which it was taken. All of these share byte 0, so
// there is one holder. Whoever is refused asks the kernel (F_OFD_GETLK) for the range in its way
// and has the holder's moment, with nothing in the file. Lock and moment come and go in one system
// call, so that a moment is never there without its lock. A moment that is written into the file
// does not do that: between the next holder's flock and its write, a holder that was killed an hour
// ago would make the next one look stopped. Like flock, the lock belongs to the open file, excludes
// goroutines of one process too, and ends with the process.
type locks struct {
	folder.Folder
	pause func(time.Duration) // between two tries
}

// take waits for patience at the most, and passes over a lock that has been held for longer than
// tooLong.
func (l locks) take(name string, patience, tooLong time.Duration) (unlock func(), err error) {
	file := name + ".lock"
	end := l.Now().Add(patience)
	for pause := firstPause; ; pause = min(2*pause, mostPause) {
		f, held, err := l.try(file)
		switch {
		case err == nil:
			return sync.OnceFunc(func() { f.Close() }), nil
		case !errors.Is(err, reconcile.ErrBusy):
			return nil, fmt.Errorf("lock: %w", err)
		case held > tooLong:
			return func() {}, nil
		case !l.Now().Before(end):
			since := ""
			if held > 0 {
				since = fmt.Sprintf(", for %v", held.Round(time.Millisecond))
			}
			return nil, fmt.Errorf("%s%s: %w", l.File(file), since, err)
		}
		l.pause(pause)
	}
}

// try takes the lock, or returns ErrBusy and for how long another has held it; 0 when that cannot
// be told.
func (l locks) try(file string) (f *os.File, held time.Duration, err error) {
	if f, err = l.openFile(file); err != nil {
		return nil, 0, err
	}
	held, err = l.seize(f)
	if err == nil && !l.Has(file, f) { // replaced between open and lock: this lock is nobody's
		err = reconcile.ErrBusy
	}
	if err != nil {
		f.Close()
		return nil, held, err
	}
	return f, 0, nil
}

// seize locks f and leaves the moment of the lock in its range.
func (l locks) seize(f *os.File) (held time.Duration, err error) {
	for {
		now := l.Now()
		mine := unix.Flock_t{Type: unix.F_WRLCK, Len: max(int64(now.SinceBoot()), 1)}
		if err := unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &mine); err != nil {
			return l.holder(f, err)
		}
		if l.Now().Sub(now) < heldTooLong/10 {
			return 0, nil
		}
		// This process was stopped between the clock and the lock, and looks like an old holder:
		// widen the range.
	}
}

// holder says why the lock was refused.
func (l locks) holder(f *os.File, refused error) (held time.Duration, err error) {
	if !errors.Is(refused, unix.EAGAIN) && !errors.Is(refused, unix.EACCES) {
		return 0, &fs.PathError{Op: "lock", Path: f.Name(), Err: refused}
	}
	theirs := unix.Flock_t{Type: unix.F_WRLCK}
	if err := unix.FcntlFlock(f.Fd(), unix.F_OFD_GETLK, &theirs); err != nil {
		return 0, &fs.PathError{Op: "lock", Path: f.Name(), Err: err}
	}
	since, now := policy.SinceBoot(time.Duration(theirs.Len)), l.Now()
	if theirs.Type == unix.F_UNLCK || theirs.Start != 0 || since.IsZero() || since.After(now) {
		return 0, reconcile.ErrBusy // given back this instant, or not a lock of vipctl's making
	}
	return now.Sub(since), reconcile.ErrBusy
}

// openFile opens the lock file and makes it where it is missing. One that cannot be opened, such as
// root's with mode 0600, is replaced where the folder allows it.
func (l locks) openFile(file string) (*os.File, error) {
	f, err := l.Open(file, os.O_RDWR)
	if errors.Is(err, fs.ErrNotExist) {
		if err := l.Place(file); err != nil {
			return nil, err
		}
		f, err = l.Open(file, os.O_RDWR)
		if errors.Is(err, fs.ErrNotExist) { // wiped again
			err = reconcile.ErrBusy
		}
	}
	if errors.Is(err, unix.EROFS) || err == nil || errors.Is(err, reconcile.ErrBusy) {
		return f, err
	}
	return l.heal(file, err)
}

// heal replaces a lock file that cannot be opened. Only one process does so at a time, with the
// folder flocked, and each looks again first: otherwise the second would replace the file that the
// first has locked by then. A holder that could open the old file is not excluded; vipctl never
// makes such a file (see [folder.Folder.Place]), so there is hardly one.
func (l locks) heal(file string, why error) (*os.File, error) {
	dir, err := os.Open(l.Path)
	if err != nil {
		return nil, why
	}
	defer dir.Close()
	if unix.Flock(int(dir.Fd()), unix.LOCK_EX|unix.LOCK_NB) != nil {
		return nil, reconcile.ErrBusy // somebody is at it
	}
	if f, err := l.Open(file, os.O_RDWR); err == nil {
		return f, nil
	}
	if err := l.Write(file, nil); err != nil {
		return nil, errors.Join(why, err)
	}
	return l.Open(file, os.O_RDWR)
}
