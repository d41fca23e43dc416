package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime/debug"
	"strconv"
	"time"

	"go.etcd.io/bbolt"
	"golang.org/x/sys/unix"
)

const (
	databaseFile = "history.db"
	format       = 1
	pruneMost    = 1000 // records that one transaction removes at the most, to stay within its time
)

var (
	recordsBucket = []byte("records")
	metaBucket    = []byte("meta")
	formatKey     = []byte("format")
)

// errLocked is returned when another process kept the database's lock.
var errLocked = errors.New("locked by another process")

// A corruptError says that the database is damaged, and where it was moved to, if it was.
type corruptError struct {
	aside string
	why   error
}

func (e *corruptError) Error() string {
	if e.aside == "" {
		return "corrupt: " + e.why.Error()
	}
	return "corrupt, moved to " + e.aside + ": " + e.why.Error()
}

func (e *corruptError) Unwrap() error { return e.why }

// A database is the bbolt file, which is opened for one transaction and closed.
type database struct {
	folder
	keep int // 0 or less for all
	wall func() time.Time
}

// update runs work on a database that is new, or was found sound, with its lock held. A corrupt one is moved aside, named
// in the error, and the caller may try again.
func (d database) update(patience time.Duration, work func(*bbolt.DB) error) error {
	f, err := d.lock(os.O_RDWR, patience)
	if errors.Is(err, fs.ErrNotExist) {
		if err := d.begin(); err != nil {
			return err
		}
		f, err = d.lock(os.O_RDWR, patience)
	}
	if err != nil {
		return err
	}
	defer f.Close()
	err = d.sound(f, false, work)
	var corrupt *corruptError
	if errors.As(err, &corrupt) {
		corrupt.aside = d.moveAside()
	}
	return err
}

// view runs work in a reading transaction. A missing database is fs.ErrNotExist.
func (d database) view(patience time.Duration, work func(tx *bbolt.Tx) error) error {
	f, err := d.lock(os.O_RDONLY, patience)
	if err != nil {
		return err
	}
	defer f.Close()
	return d.sound(f, true, func(db *bbolt.DB) error { return db.View(work) })
}

// lock opens the file and locks it as bbolt does, shared for reading only. bbolt's own wait looks every 50 ms.
func (d database) lock(flag int, patience time.Duration) (*os.File, error) {
	how := unix.LOCK_EX
	if flag == os.O_RDONLY {
		how = unix.LOCK_SH
	}
	end := time.Now().Add(patience)
	for {
		f, err := d.open(databaseFile, flag)
		if err != nil {
			return nil, err
		}
		err = unix.Flock(int(f.Fd()), how|unix.LOCK_NB)
		if err == nil && d.has(databaseFile, f) {
			return f, nil
		}
		f.Close()
		if err != nil && !errors.Is(err, unix.EWOULDBLOCK) {
			return nil, &fs.PathError{Op: "lock", Path: d.file(databaseFile), Err: err}
		}
		if time.Now().After(end) {
			return nil, fmt.Errorf("%s: %w", d.file(databaseFile), errLocked)
		}
		time.Sleep(mostPause)
	}
}

// sound runs work on the locked file after a look at its structure. What panics all the same counts as corrupt.
func (d database) sound(f *os.File, readOnly bool, work func(*bbolt.DB) error) error {
	err := checkFile(f)
	if errors.Is(err, errNewer) {
		return fmt.Errorf("%s: %w", d.file(databaseFile), err)
	}
	if err != nil {
		return &corruptError{why: err}
	}
	return use(f, readOnly, work)
}

// use opens a file with bbolt, on the same open file, so that bbolt's own lock is the caller's. bbolt closes the file when
// it is done; after a panic it does not, and asking it to would hang.
func use(f *os.File, readOnly bool, work func(db *bbolt.DB) error) (err error) {
	// Reading past the end of a mapped file is a fault, which kills the process unless it is made a panic.
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = &corruptError{why: fmt.Errorf("bbolt: %v", r)}
		}
	}()
	db, err := bbolt.Open(f.Name(), fileMode, &bbolt.Options{
		Timeout:      time.Millisecond,
		ReadOnly:     readOnly,
		NoStatistics: true,
		OpenFile:     func(string, int, os.FileMode) (*os.File, error) { return f, nil },
	})
	if err != nil {
		return err
	}
	return errors.Join(work(db), db.Close())
}

// begin makes an empty database, whole before it gets its name.
func (d database) begin() error {
	f, err := d.temp(databaseFile)
	if err != nil {
		return err
	}
	defer f.Close()
	temp := f.Name()
	err = use(f, false, func(db *bbolt.DB) error {
		return db.Update(func(tx *bbolt.Tx) error {
			m, err := tx.CreateBucketIfNotExists(metaBucket)
			if err != nil {
				return err
			}
			if _, err := tx.CreateBucketIfNotExists(recordsBucket); err != nil {
				return err
			}
			return m.Put(formatKey, []byte(strconv.Itoa(format)))
		})
	})
	if err != nil {
		_ = os.Remove(temp)
		return err
	}
	if err := d.publish(temp, databaseFile); err != nil {
		return err
	}
	d.sweep()
	return d.sync()
}

// sync writes the folder to disk: a new name outlives a crash of the host.
func (d database) sync() error {
	dir, err := os.Open(d.path)
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}

// moveAside renames the database, whose lock the caller has, and returns its new name, or "" where that is impossible.
func (d database) moveAside() string {
	stamp := d.file(databaseFile) + ".corrupt-" + d.wall().UTC().Format("20060102T150405Z")
	to := stamp
	for i := 2; ; i++ {
		err := unix.Renameat2(unix.AT_FDCWD, d.file(databaseFile), unix.AT_FDCWD, to, unix.RENAME_NOREPLACE)
		switch {
		case err == nil:
			return to
		case !errors.Is(err, fs.ErrExist) || i > 100:
			return ""
		}
		to = stamp + "-" + strconv.Itoa(i)
	}
}
