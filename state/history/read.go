package history

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"go.etcd.io/bbolt"

	"github.com/vipctl/vipctl/reconcile"
)

// Query says which records are wanted. The zero Query wants all.
type Query struct {
	Limit int       // the newest so many; all where 0 or less
	Since time.Time // none before; all where zero
	VIP   string    // this VIP's only; all where empty
}

func (q Query) wants(r reconcile.Record) bool {
	return (q.VIP == "" || r.VIP == q.VIP) && !r.At.Before(q.Since)
}

// Read returns the records, the newest first, with those that wait in a spool. It waits for a
// writer for 1 s at the most, and keeps writers waiting for no longer than it takes to read. Where
// there is no history yet, there are no records and no error. With an error come the records that
// could be read all the same. A database of a newer format is read as far as it can be understood.
// A corrupt one is an error and stays in its place: only writers move it aside.
func (l *Log) Read(q Query) ([]reconcile.Record, error) {
	// Spools first: a record that is taken in meanwhile is then seen twice, and not missed.
	var waiting batch
	l.spool.peek(&waiting)
	l.spare.peek(&waiting)
	found := reading{query: q}
	for _, e := range waiting.entries {
		found.add(e.key[:], e.value)
	}
	stored := reading{query: q}
	err := l.db.view(l.readers, stored.collect)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	records := newestFirst(q.Limit, found, stored)
	if n := found.unreadable + stored.unreadable; n > 0 {
		err = errors.Join(err, fmt.Errorf("%d records cannot be read", n))
	}
	return records, errors.Join(err, waiting.err)
}

// A keyed is a record with its place in the history.
type keyed struct {
	key    string
	record reconcile.Record
}

// A reading collects the records that a query wants.
type reading struct {
	query      Query
	found      []keyed
	unreadable int
}

func (r *reading) add(k, value []byte) {
	var record reconcile.Record
	if err := json.Unmarshal(value, &record); err != nil {
		r.unreadable++
	} else if r.query.wants(record) {
		r.found = append(r.found, keyed{string(k), record})
	}
}

// collect goes from the newest record back. A key is never before its record's time, so the first
// key before Since ends it.
func (r *reading) collect(tx *bbolt.Tx) error {
	records := tx.Bucket(recordsBucket)
	if records == nil {
		return nil
	}
	since := binary.BigEndian.AppendUint64(nil, nanoseconds(r.query.Since))
	c := records.Cursor()
	for k, v := c.Last(); k != nil; k, v = c.Prev() {
		if bytes.Compare(k, since) < 0 || r.query.Limit > 0 && len(r.found) >= r.query.Limit {
			break
		}
		r.add(k, v)
	}
	return nil
}

// newestFirst puts what was read together, each record once.
func newestFirst(limit int, readings ...reading) []reconcile.Record {
	var all []keyed
	for _, r := range readings {
		all = append(all, r.found...)
	}
	slices.SortFunc(all, func(a, b keyed) int { return strings.Compare(b.key, a.key) })
	all = slices.CompactFunc(all, func(a, b keyed) bool { return a.key == b.key })
	if limit > 0 && len(all) > limit {
		all = all[:limit]
	}
	records := make([]reconcile.Record, len(all))
	for i, k := range all {
		records[i] = k.record
	}
	return records
}
