package history

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/vipctl/vipctl/reconcile"
)

// FuzzSpool: what stands in a spool is read again when it is written again; what a full disk or a
// killed process left there takes no record with it that comes later.
func FuzzSpool(f *testing.F) {
	seq := sequence{}
	whole := must(must(newEntry(seq.next(testStart), record(1))).line())
	f.Add(whole)
	f.Add(append(bytes.Clone(whole[:len(whole)/2]), whole...))
	f.Add([]byte(`{"key":"000102030405060708090a0b0c0d0e0f","record":{"at":"9999-12-31T23:59:59-23:59","vip":"<&>\u001b","took_ms":1e999}}`))
	f.Add([]byte("\n{\"key\":\"00\",\"record\":{}}\nnull\n[]\n\x00\xff"))
	later := must(newEntry(seq.next(testStart), record(2)))
	f.Fuzz(func(t *testing.T, text []byte) {
		var b batch
		b.parse(text)
		if lines := bytes.Count(text, []byte("\n")) + 1; len(b.entries)+b.torn > lines {
			t.Errorf("%d entries and %d torn of %d lines", len(b.entries), b.torn, lines)
		}
		for _, e := range b.entries {
			checkEntry(t, e)
		}
		line := must(later.line())
		b = batch{}
		b.parse(append(bytes.Clone(text), line...))
		if n := len(b.entries); n == 0 || b.entries[n-1].key != later.key || !bytes.Equal(b.entries[n-1].value, later.value) {
			t.Errorf("%q takes the next record with it", text)
		}
	})
}

// checkEntry writes an entry to a spool and reads it, and shows its record.
func checkEntry(t *testing.T, e entry) {
	t.Helper()
	line, err := e.line()
	if err != nil {
		t.Fatal(err)
	}
	var b batch
	b.parse(line)
	if len(b.entries) != 1 || b.torn != 0 || b.entries[0].key != e.key || !sameJSON(b.entries[0].value, e.value) {
		t.Errorf("written %q, read %q", line, b.entries)
	}
	var r reading
	r.add(e.key[:], e.value)
	if len(r.found)+r.unreadable != 1 {
		t.Errorf("%d found, %d unreadable", len(r.found), r.unreadable)
	}
	for _, found := range r.found {
		data, err := json.Marshal(found.record)
		if err == nil {
			err = json.Unmarshal(data, new(map[string]any))
		}
		if err != nil {
			t.Errorf("%+v cannot be shown: %v", found.record, err)
		}
	}
}

func sameJSON(a, b []byte) bool {
	var x, y bytes.Buffer
	return json.Compact(&x, a) == nil && json.Compact(&y, b) == nil && escaped(x.Bytes()) == escaped(y.Bytes())
}

// escaped is JSON as [json.Marshal] writes it.
func escaped(data []byte) string {
	var b bytes.Buffer
	json.HTMLEscape(&b, data)
	return b.String()
}

// FuzzDatabase changes the first 256 bytes of a sound database's pages, where the structure is, three
// bytes of the input for each change: the page, the place in it, and which bits. Meta pages get
// their checksums again. Whatever it is then, the check comes to an end, and bbolt reads and writes
// what was found sound.
func FuzzDatabase(f *testing.F) {
	good := filled(f, 100)
	f.Add([]byte{})
	f.Add([]byte{0, 16 + 16, 7})
	f.Add([]byte{2, 10, 1, 3, 10, 0xff})
	dir, err := os.MkdirTemp("/dev/shm", "history-test-") // a disk would take a millisecond
	check(f, err)
	f.Cleanup(func() { os.RemoveAll(dir) })
	file := filepath.Join(dir, databaseFile)
	data := make([]byte, len(good))
	f.Fuzz(func(t *testing.T, changes []byte) {
		copy(data, good)
		for ; len(changes) >= 3; changes = changes[3:] {
			page := int(changes[0]) % (len(data) / 4096)
			data[page*4096+int(changes[1])] ^= changes[2]
		}
		for _, meta := range [][]byte{data[pageHeader:], data[4096+pageHeader:]} {
			seal(meta)
		}
		if checkData(data) != nil || bytes.Equal(data, good) {
			return
		}
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := exercise(file); err != nil {
			t.Errorf("found sound: %v", err)
		}
	})
}

// exercise reads every record with bbolt, and adds one. What bbolt itself refuses is fine; what
// makes it panic is an error.
func exercise(file string) error {
	db := database{}
	f, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	err = use(f, false, func(b *bbolt.DB) error {
		b.NoSync, b.NoGrowSync = true, true
		err := b.View(func(tx *bbolt.Tx) error {
			if records := tx.Bucket(recordsBucket); records != nil {
				return records.ForEach(func(_, _ []byte) error { return nil })
			}
			return nil
		})
		if err != nil {
			return err
		}
		return b.Update(func(tx *bbolt.Tx) error {
			records, err := db.records(tx)
			if err != nil {
				return err
			}
			e, err := newEntry((&sequence{}).next(testStart), reconcile.Record{VIP: "new"})
			if err != nil {
				return err
			}
			return store(records, []entry{e}, 100)
		})
	})
	var corrupt *corruptError
	if errors.As(err, &corrupt) {
		return err
	}
	return nil
}
