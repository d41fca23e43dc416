package state

import (
	"bytes"
	"fmt"
	"strconv"

	"go.etcd.io/bbolt"
)

// store puts the entries into the history and removes the oldest beyond the number to keep.
func (d database) store(records *bbolt.Bucket, entries []entry) error {
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
	if d.keep <= 0 {
		return nil
	}
	return prune(records, min(n-d.keep, pruneMost), entries)
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
		return nil, fmt.Errorf("%s: %w: %q", d.file(databaseFile), errNewer, m.Get(formatKey))
	}
	return tx.CreateBucketIfNotExists(recordsBucket)
}

// prune removes the n oldest records, but none of the fresh ones, which a clock that was set back makes look old.
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
