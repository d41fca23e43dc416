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
)

// heldTooLong is how long a lock may be held before its holder counts as stopped: a live one needs some milliseconds.
const heldTooLong = 2 * time.Second

// Between two tries for a lock. There is no call that waits for a lock up to a deadline, short of signals.
const (
	firstPause = 100 * time.Microsecond
	mostPause  = 2 * time.Millisecond
)

// Lock takes the VIP's lock, as [reconcile.Notebook] says.
//
// The lock is an open file description's record lock (F_OFD_SETLK) on the bytes from 0 up to the moment, in nanoseconds
// of the boot clock, at which it was taken. All of these share byte 0, so there is one holder; and whoever is refused
// asks the kernel (F_OFD_GETLK) for the range in its way and has the holder's moment, with nothing in the file. Lock and
// moment come and go in one system call: a moment is never there without its lock, so that a holder killed an hour ago
// cannot make the next one look stopped, as a moment written into the file does between that one's flock and its write.
// Like flock it belongs to the open file, excludes goroutines of one process too, and ends with the process.
func (n *Notes) Lock(vip string, patience time.Duration) (unlock func(), err error) {
	if err := checkName(vip); err != nil {
		return nil, err
	}
	return n.lock(vip, patience, heldTooLong)
}

// lock waits for patience at the most, and passes over a lock that has been held for longer than tooLong.
func (n *Notes) lock(name string, patience, tooLong time.Duration) (unlock func(), err error) {
	file := name + ".lock"
	end := n.now() + patience
	for pause := firstPause; ; pause = min(2*pause, mostPause) {
		f, held, err := n.tryLock(file)
		switch {
		case err == nil:
			return sync.OnceFunc(func() { f.Close() }), nil
		case !errors.Is(err, reconcile.ErrBusy):
			return nil, fmt.Errorf("lock: %w", err)
		case held > tooLong:
			return func() {}, nil
		case n.now() >= end:
			since := ""
			if held > 0 {
				since = fmt.Sprintf(", for %v", held.Round(time.Millisecond))
			}
			return nil, fmt.Errorf("%s%s: %w", n.file(file), since, err)
		}
		n.pause(pause)
	}
}

// tryLock takes the lock, or returns ErrBusy and for how long another has held it; 0 when that cannot be told.
func (n *Notes) tryLock(file string) (f *os.File, held time.Duration, err error) {
	if f, err = n.openLock(file); err != nil {
		return nil, 0, err
	}
	held, err = n.seize(f)
	if err == nil && !n.has(file, f) { // replaced between open and lock: this lock is nobody's
		err = reconcile.ErrBusy
	}
	if err != nil {
		f.Close()
		return nil, held, err
	}
	return f, 0, nil
}

// seize locks f and leaves the moment of the lock in its range.
func (n *Notes) seize(f *os.File) (held time.Duration, err error) {
	for {
		now := n.now()
		mine := unix.Flock_t{Type: unix.F_WRLCK, Len: max(int64(now), 1)}
		if err := unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &mine); err != nil {
			return n.holder(f, err)
		}
		if n.now()-now < heldTooLong/10 {
			return 0, nil
		}
		// This process was stopped between the clock and the lock, and looks like an old holder: widen the range.
	}
}

// holder says why the lock was refused.
func (n *Notes) holder(f *os.File, refused error) (held time.Duration, err error) {
	if !errors.Is(refused, unix.EAGAIN) && !errors.Is(refused, unix.EACCES) {
		return 0, &fs.PathError{Op: "lock", Path: f.Name(), Err: refused}
	}
	theirs := unix.Flock_t{Type: unix.F_WRLCK}
	if err := unix.FcntlFlock(f.Fd(), unix.F_OFD_GETLK, &theirs); err != nil {
		return 0, &fs.PathError{Op: "lock", Path: f.Name(), Err: err}
	}
	since, now := policy.Moment(theirs.Len), n.now()
	if theirs.Type == unix.F_UNLCK || theirs.Start != 0 || since == 0 || since > now {
		return 0, reconcile.ErrBusy // given back this instant, or not a lock of vipctl's making
	}
	return now - since, reconcile.ErrBusy
}

// openLock opens the lock file and makes it where it is missing. One that cannot be opened, such as root's with mode
// 0600, is replaced where the folder allows it.
func (n *Notes) openLock(file string) (*os.File, error) {
	f, err := n.open(file, os.O_RDWR)
	if errors.Is(err, fs.ErrNotExist) {
		if err := n.place(file); err != nil {
			return nil, err
		}
		f, err = n.open(file, os.O_RDWR)
		if errors.Is(err, fs.ErrNotExist) { // wiped again
			err = reconcile.ErrBusy
		}
	}
	if errors.Is(err, unix.EROFS) || err == nil || errors.Is(err, reconcile.ErrBusy) {
		return f, err
	}
	return n.heal(file, err)
}

// heal replaces a lock file that cannot be opened. Only one process does so at a time, with the folder flocked, and each
// looks again first: otherwise the second would replace the file that the first has locked by then. A holder that could
// open the old file is not excluded; vipctl never makes such a file (see place), so there is hardly one.
func (n *Notes) heal(file string, why error) (*os.File, error) {
	dir, err := os.Open(n.path)
	if err != nil {
		return nil, why
	}
	defer dir.Close()
	if unix.Flock(int(dir.Fd()), unix.LOCK_EX|unix.LOCK_NB) != nil {
		return nil, reconcile.ErrBusy // somebody is at it
	}
	if f, err := n.open(file, os.O_RDWR); err == nil {
		return f, nil
	}
	if err := n.write(file, nil); err != nil {
		return nil, errors.Join(why, err)
	}
	return n.open(file, os.O_RDWR)
}
