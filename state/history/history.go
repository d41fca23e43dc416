package history

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"

	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/reconcile/policy"
	"github.com/vipctl/vipctl/state/folder"
)

const (
	appendPatience = 100 * time.Millisecond // for the database's lock
	appendLimit    = 400 * time.Millisecond // for the whole of Append: a disk can take seconds to sync
	readPatience   = time.Second
)

// Options says where a [Log] is kept and how much of it.
type Options struct {
	// Dir is the folder of the database and its spool, which must be set.
	Dir string
	// Run is a folder on a tmpfs, which must be set. Its spool takes what Dir cannot.
	Run string
	// Now is the boot clock, which must be set.
	Now func() policy.Moment
	// Keep is how many records are kept; 0 or less for all.
	Keep int
	// OwnerOf is a path whose owner Dir and Run get where root has to make them. With "" they stay
	// root's.
	OwnerOf string
}

// Log keeps the records of every transition in a bbolt database, which is open only while a method
// runs. Any number of Logs, in any number of processes, may work on one folder, and many goroutines
// may use one Log.
type Log struct {
	db       database
	spool    spool // beside the database
	spare    spool // on the tmpfs
	keys     sequence
	patience time.Duration
	limit    time.Duration
	readers  time.Duration
	running  sync.WaitGroup // what bounded started, for tests to see the end of
}

var _ reconcile.History = (*Log)(nil)

// Open returns the history in a folder. Nothing is touched before the first call of a method.
func Open(o Options) *Log {
	dir := folder.New(o.Dir, o.OwnerOf, o.Now)
	return &Log{
		db:       database{Folder: dir, keep: o.Keep, wall: time.Now},
		spool:    spool{dir},
		spare:    spool{folder.New(o.Run, o.OwnerOf, o.Now)},
		patience: appendPatience,
		limit:    appendLimit,
		readers:  readPatience,
	}
}

// Trouble is the error of [Log.Append] and [Log.Flush]: something to log, once, and nothing to act
// upon.
type Trouble struct {
	// Spool is the file in which the record waits for the next run, there or beside it with .taken
	// at the end. It is empty when the record is in the database, or lost.
	Spool string
	Lost  bool   // the record is nowhere but with the caller
	Aside string // where a corrupt database was moved to
	Err   error  // why
}

// Error says what became of the record, and why.
func (t *Trouble) Error() string {
	switch {
	case t.Lost:
		return fmt.Sprintf("history: the record is lost: %v", t.Err)
	case t.Spool != "":
		return fmt.Sprintf("history: the record waits in %s: %v", t.Spool, t.Err)
	case t.Aside != "":
		return fmt.Sprintf("history: begun anew: %v", t.Err)
	}
	return fmt.Sprintf("history: %v", t.Err)
}

// Unwrap returns why.
func (t *Trouble) Unwrap() error { return t.Err }

// Append adds the record, and every one that waits in a spool. It returns within half a second,
// whatever the disk does. An error is a *[Trouble].
func (l *Log) Append(r reconcile.Record) error {
	e, err := newEntry(l.keys.next(r.At.Time), r)
	if err != nil {
		return &Trouble{Lost: true, Err: err}
	}
	var spooled atomic.Pointer[string]
	return l.bounded(func() *Trouble { return l.append(e, &spooled) }, func(slow error) *Trouble {
		if where := spooled.Load(); where != nil {
			return &Trouble{Spool: *where, Err: slow}
		}
		if err := l.spare.add(e); err != nil { // the disk does not even take a line, a tmpfs does
			return &Trouble{Lost: true, Err: errors.Join(slow, err)}
		}
		return &Trouble{Spool: l.spare.File(spoolFile), Err: slow}
	})
}

// Flush takes in what waits in a spool, within half a second. Where nothing waits it costs some
// lookups, so a run that has no record of its own may call it. An error is a *[Trouble].
func (l *Log) Flush() error {
	if !l.waiting() {
		return nil
	}
	work := func() *Trouble {
		trouble, _ := l.takeInAll(nil)
		return trouble
	}
	return l.bounded(work, func(slow error) *Trouble { return &Trouble{Err: slow} })
}

// waiting reports whether a spool has records.
func (l *Log) waiting() bool { return l.spool.waiting() || l.spare.waiting() }

// bounded runs work, and late when the time is over. Work goes on then: it hurts nobody, and a
// database survives the end of its process at any instant.
func (l *Log) bounded(work func() *Trouble, late func(error) *Trouble) error {
	done := make(chan *Trouble, 1)
	l.running.Go(func() { done <- work() })
	timer := time.NewTimer(l.limit)
	defer timer.Stop()
	var trouble *Trouble
	select {
	case trouble = <-done:
	case <-timer.C:
		trouble = late(fmt.Errorf("%s: not written within %v", l.db.File(databaseFile), l.limit))
	}
	if trouble == nil {
		return nil
	}
	return trouble
}

// append is Append without its limit.
func (l *Log) append(e entry, spooled *atomic.Pointer[string]) *Trouble {
	file, spoolErr := l.queue(e)
	var direct []entry
	if spoolErr == nil {
		spooled.Store(&file)
	} else { // no spool takes it: into the database at once, or lost
		direct = []entry{e}
	}
	trouble, stored := l.takeInAll(direct)
	if stored {
		return trouble
	}
	if spoolErr != nil {
		trouble.Lost, trouble.Err = true, errors.Join(trouble.Err, spoolErr)
		return trouble
	}
	trouble.Spool = file
	return trouble
}

// queue writes the entry to a spool, where it outlives this process, and returns the spool's file.
func (l *Log) queue(e entry) (file string, err error) {
	err = l.spool.add(e)
	if err == nil {
		return l.spool.File(spoolFile), nil
	}
	if spareErr := l.spare.add(e); spareErr != nil {
		return "", errors.Join(err, spareErr)
	}
	return l.spare.File(spoolFile), nil
}

// takeInAll takes the spools into the database, and the given entries with them; a corrupt one
// makes room for a new one. It reports whether everything is stored. Where it is not, there is
// trouble.
func (l *Log) takeInAll(direct []entry) (trouble *Trouble, stored bool) {
	warnings, err := l.drain(direct)
	var corrupt *corruptError
	aside := ""
	if errors.As(err, &corrupt) && corrupt.aside != "" {
		aside, warnings = corrupt.aside, errors.Join(warnings, err)
		var more error
		more, err = l.drain(direct)
		warnings = errors.Join(warnings, more)
	}
	if warnings == nil && err == nil {
		return nil, true
	}
	return &Trouble{Aside: aside, Err: errors.Join(warnings, err)}, err == nil
}

// drain takes the spools into the database. It is done twice where an earlier process was killed in
// the middle: what that one had taken comes first. The warnings are about spools, and may come
// although all was stored.
func (l *Log) drain(direct []entry) (warnings, err error) {
	for range 2 {
		var b batch
		err = l.db.update(l.patience, func(db *bbolt.DB) error { return l.takeIn(db, direct, &b) })
		warnings = errors.Join(warnings, b.warnings())
		if err != nil || !l.waiting() {
			break
		}
	}
	return warnings, err
}

// takeIn stores a batch and then removes its files, with the database's lock held for all of it.
func (l *Log) takeIn(db *bbolt.DB, direct []entry, b *batch) error {
	err := db.Update(func(tx *bbolt.Tx) error {
		records, err := l.db.records(tx) // before the spools are touched: a newer format is left alone
		if err != nil {
			return err
		}
		l.spool.take(b)
		l.spare.take(b)
		b.entries = append(b.entries, direct...)
		return store(records, b.entries, l.db.keep)
	})
	if err != nil {
		return err
	}
	for _, file := range b.files {
		if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
			b.err = errors.Join(b.err, err) // taken in again next time, under the same keys
		}
	}
	return nil
}
