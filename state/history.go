package state

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
)

const (
	appendPatience = 100 * time.Millisecond // for the database's lock
	appendLimit    = 400 * time.Millisecond // for the whole of Append: a disk can take seconds to sync
	readPatience   = time.Second
)

// Options says where the history is kept and how much of it. Dir, Run and Now must be set.
type Options struct {
	Dir     string
	Run     string               // takes the spool where Dir cannot
	Now     func() policy.Moment // the boot clock
	Keep    int                  // how many records; 0 or less for all
	OwnerOf string               // a path whose owner Dir and Run get where root has to make them; empty: root's
}

// History keeps the records of every transition in a bbolt database, which is open only while a method runs. Any number
// of Historys, in any number of processes, may work on one folder.
type History struct {
	db       database
	spare    folder
	keys     sequence
	patience time.Duration
	limit    time.Duration
	readers  time.Duration
	running  sync.WaitGroup // what bounded started, for tests to see the end of
}

var _ reconcile.History = (*History)(nil)

// OpenHistory returns the history in a folder. Nothing is touched before the first call of a method.
func OpenHistory(o Options) *History {
	return &History{
		db:       database{folder: newFolder(o.Dir, o.OwnerOf, o.Now), keep: o.Keep, wall: time.Now},
		spare:    newFolder(o.Run, o.OwnerOf, o.Now),
		patience: appendPatience,
		limit:    appendLimit,
		readers:  readPatience,
	}
}

// Trouble is the error of [History.Append] and [History.Flush]: something to log, once, and nothing to act upon.
type Trouble struct {
	// Spool is the file in which the record waits for the next run, there or beside it with .taken at the end; empty when
	// it is in the history, or lost.
	Spool string
	Lost  bool   // the record is nowhere but with the caller
	Aside string // where a corrupt history was moved to
	Err   error  // why
}

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

func (t *Trouble) Unwrap() error { return t.Err }

// Append adds the record, and every one that waits in the spool. It comes back within half a second, whatever the disk
// does. An error is a *[Trouble].
func (h *History) Append(r reconcile.Record) error {
	e, err := newEntry(h.keys.next(r.At.Time), r)
	if err != nil {
		return &Trouble{Lost: true, Err: err}
	}
	var spooled atomic.Pointer[string]
	return h.bounded(func() *Trouble { return h.append(e, &spooled) }, func(slow error) *Trouble {
		if where := spooled.Load(); where != nil {
			return &Trouble{Spool: *where, Err: slow}
		}
		if err := h.spare.spool(e); err != nil { // the disk does not even take a line, a tmpfs does
			return &Trouble{Lost: true, Err: errors.Join(slow, err)}
		}
		return &Trouble{Spool: h.spare.file(spoolFile), Err: slow}
	})
}

// Flush takes in what waits in the spool. Where nothing waits it costs some lookups, so a run that has no record of its
// own may call it. An error is a *[Trouble].
func (h *History) Flush() error {
	if !h.db.waiting() && !h.spare.waiting() {
		return nil
	}
	work := func() *Trouble {
		trouble, _ := h.takeInAll(nil)
		return trouble
	}
	return h.bounded(work, func(slow error) *Trouble { return &Trouble{Err: slow} })
}

// bounded runs work, and late when the time is over. Work goes on then: it hurts nobody, and a database survives the end
// of its process at any instant.
func (h *History) bounded(work func() *Trouble, late func(error) *Trouble) error {
	done := make(chan *Trouble, 1)
	h.running.Go(func() { done <- work() })
	timer := time.NewTimer(h.limit)
	defer timer.Stop()
	var trouble *Trouble
	select {
	case trouble = <-done:
	case <-timer.C:
		trouble = late(fmt.Errorf("%s: not written within %v", h.db.file(databaseFile), h.limit))
	}
	if trouble == nil {
		return nil
	}
	return trouble
}

// append is Append without its limit.
func (h *History) append(e entry, spooled *atomic.Pointer[string]) *Trouble {
	spool, spoolErr := h.spool(e)
	var direct []entry
	if spoolErr == nil {
		spooled.Store(&spool)
	} else { // nowhere to wait: into the database at once, or lost
		direct = []entry{e}
	}
	trouble, stored := h.takeInAll(direct)
	if stored {
		return trouble
	}
	if spoolErr != nil {
		trouble.Lost, trouble.Err = true, errors.Join(trouble.Err, spoolErr)
		return trouble
	}
	trouble.Spool = spool
	return trouble
}

// spool writes the entry to where it outlives this process, and returns the file.
func (h *History) spool(e entry) (string, error) {
	err := h.db.spool(e)
	if err == nil {
		return h.db.file(spoolFile), nil
	}
	if spareErr := h.spare.spool(e); spareErr != nil {
		return "", errors.Join(err, spareErr)
	}
	return h.spare.file(spoolFile), nil
}

// takeInAll takes the spools into the database, and the given entries with them; a corrupt one makes room for a new one. It
// reports whether everything is stored; where it is not, there is trouble.
func (h *History) takeInAll(direct []entry) (trouble *Trouble, stored bool) {
	odd, err := h.drain(direct)
	var corrupt *corruptError
	aside := ""
	if errors.As(err, &corrupt) && corrupt.aside != "" {
		aside, odd = corrupt.aside, errors.Join(odd, err)
		var more error
		more, err = h.drain(direct)
		odd = errors.Join(odd, more)
	}
	if odd == nil && err == nil {
		return nil, true
	}
	return &Trouble{Aside: aside, Err: errors.Join(odd, err)}, err == nil
}

// drain takes the spools into the database. It is done twice where an earlier process was killed in the middle: what that
// one had taken comes first. Odd is what is worth a word although all was stored.
func (h *History) drain(direct []entry) (odd, err error) {
	for range 2 {
		var b batch
		err = h.db.update(h.patience, func(db *bbolt.DB) error { return h.takeIn(db, direct, &b) })
		odd = errors.Join(odd, b.odd())
		if err != nil || !h.db.waiting() && !h.spare.waiting() {
			break
		}
	}
	return odd, err
}

// takeIn stores a batch and then removes its files, with the database's lock held for all of it.
func (h *History) takeIn(db *bbolt.DB, direct []entry, b *batch) error {
	err := db.Update(func(tx *bbolt.Tx) error {
		records, err := h.db.records(tx) // before the spools are touched: a newer format is left alone
		if err != nil {
			return err
		}
		h.db.take(b)
		h.spare.take(b)
		b.entries = append(b.entries, direct...)
		return h.db.store(records, b.entries)
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
