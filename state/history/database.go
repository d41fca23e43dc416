package history

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime/debug"
	"strconv"
	"time"

	"go.etcd.io/bbolt"
	"golang.org/x/sys/unix"

	"github.com/vipctl/vipctl/state/folder"
)

const (
	databaseFile = "history.db"
	format       = 1
	pruneMost    = 1000                 // records that one transaction removes at the most, to stay within its time
	lockPause    = 2 * time.Millisecond // between two tries for the database's lock
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
	folder.Folder
	keep int // 0 or less for all
	wall func() time.Time
}

// update runs work on a database that is new, or was found sound, with its lock held. A corrupt one
// is moved aside, named in the error, and the caller may try again.
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

// lock opens the file and locks it as bbolt does, shared for reading only. bbolt's own wait looks
// every 50 ms.
func (d database) lock(flag int, patience time.Duration) (*os.File, error) {
	how := unix.LOCK_EX
	if flag == os.O_RDONLY {
		how = unix.LOCK_SH
	}
	end := time.Now().Add(patience)
	for {
		f, err := d.Open(databaseFile, flag)
		if err != nil {
			return nil, err
		}
		err = unix.Flock(int(f.Fd()), how|unix.LOCK_NB)
		if err == nil && d.Has(databaseFile, f) {
			return f, nil
		}
		f.Close()
		if err != nil && !errors.Is(err, unix.EWOULDBLOCK) {
			return nil, &fs.PathError{Op: "lock", Path: d.File(databaseFile), Err: err}
		}
		if time.Now().After(end) {
			return nil, fmt.Errorf("%s: %w", d.File(databaseFile), errLocked)
		}
		time.Sleep(lockPause)
	}
}

// sound runs work on the locked file after a look at its structure. What panics all the same counts
// as corrupt.
func (d database) sound(f *os.File, readOnly bool, work func(*bbolt.DB) error) error {
	err := checkFile(f)
	if errors.Is(err, errNewer) {
		return fmt.Errorf("%s: %w", d.File(databaseFile), err)
	}
	if err != nil {
		return &corruptError{why: err}
	}
	return use(f, readOnly, work)
}

// use opens a file with bbolt, on the same open file, so that bbolt's own lock is the caller's.
// bbolt closes the file when it is done; after a panic it does not, and asking it to would hang.
func use(f *os.File, readOnly bool, work func(db *bbolt.DB) error) (err error) {
	// Reading past the end of a mapped file is a fault, which kills the process unless it is made a
	// panic.
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = &corruptError{why: fmt.Errorf("bbolt: %v", r)}
		}
	}()
	db, err := bbolt.Open(f.Name(), folder.FileMode, &bbolt.Options{
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
	f, err := d.Temp(databaseFile)
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
	if err := d.Publish(temp, databaseFile); err != nil {
		return err
	}
	d.Sweep()
	return d.sync()
}

// sync writes the folder to disk: a new name outlives a crash of the host.
func (d database) sync() error {
	dir, err := os.Open(d.Path)
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}

// moveAside renames the database, whose lock the caller has, and returns its new name, or "" where
// that is impossible.
func (d database) moveAside() string {
	stamp := d.File(databaseFile) + ".corrupt-" + d.wall().UTC().Format("20060102T150405Z")
	to := stamp
	for i := 2; ; i++ {
		err := unix.Renameat2(unix.AT_FDCWD, d.File(databaseFile), unix.AT_FDCWD, to, unix.RENAME_NOREPLACE)
		switch {
		case err == nil:
			return to
		case !errors.Is(err, fs.ErrExist) || i > 100:
			return ""
		}
		to = stamp + "-" + strconv.Itoa(i)
	}
}

// records returns the bucket of a database of our format.
func (d database) records(tx *bbolt.Tx) (*bbolt.Bucket, error) {
	m, err := tx.CreateBucketIfNotExists(metaBucket)
	if err != nil {
		return nil, err
	}
	switch n, err := strconv.Atoi(string(m.Get(formatKey))); {
	case m.Get(formatKey) == nil:
		if err := m.Put(formatKey, []byte(strconv.Itoa(format))); err != nil {
			return nil, err
		}
	case err != nil || n > format:
		return nil, fmt.Errorf("%s: %w: %q", d.File(databaseFile), errNewer, m.Get(formatKey))
	}
	return tx.CreateBucketIfNotExists(recordsBucket)
}

// store puts the entries among the records and removes the oldest beyond the number to keep; 0 or
// less keeps all.
func store(records *bbolt.Bucket, entries []entry, keep int) error {
	n := records.Stats().KeyN // of the pages on disk: what this transaction adds is not among them
	records.FillPercent = 0.9 // keys mostly come in order
	for _, e := range entries {
		if records.Get(e.key[:]) == nil {
			n++
		}
		if err := records.Put(e.key[:], e.value); err != nil {
			return err
		}
	}
	if keep <= 0 {
		return nil
	}
	return prune(records, min(n-keep, pruneMost), entries)
}

// prune removes the n oldest records, but none of the fresh ones, which a clock that was set back
// makes look old.
func prune(records *bbolt.Bucket, n int, fresh []entry) error {
	if n <= 0 {
		return nil
	}
	spare := make(map[key]bool, len(fresh))
	for _, e := range fresh {
		spare[e.key] = true
	}
	var old [][]byte
	c := records.Cursor()
	for k, _ := c.First(); k != nil && len(old) < n; k, _ = c.Next() {
		if len(k) != len(key{}) || !spare[key(k)] {
			old = append(old, bytes.Clone(k))
		}
	}
	for _, k := range old {
		if err := records.Delete(k); err != nil {
			return err
		}
	}
	return nil
}
