package state

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"sync"
	"time"

	"github.com/vipctl/vipctl/reconcile"
)

// The spool: JSON lines that wait for the database. A record is written to spoolFile. One that has grown too large is
// renamed to spoolOld, over the one before it, so that a database that cannot be written for months costs two of them and
// the oldest records. Whoever takes the spool in renames it first; see take.
const (
	spoolFile = "history.spool"
	spoolOld  = "history.spool.old"
	taken     = ".taken"

	spoolMost  = 2 << 20  // a spool of this size, some 5000 records, is put aside
	spoolLimit = 16 << 20 // a larger one is not vipctl's
)

// A key is a record's place in the history and its identity: the wall clock's nanoseconds, a number within the process
// and the process id, big endian. A record that is taken in twice has one key.
type key [16]byte

type entry struct {
	key   key
	value []byte // the record's JSON
}

type spoolLine struct {
	Key    string          `json:"key"`
	Record json.RawMessage `json:"record"`
}

// A sequence gives keys that grow with every call, also when the wall clock steps back.
type sequence struct {
	mu   sync.Mutex
	last uint64
	n    uint32
}

func (s *sequence) next(at time.Time) key {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = max(s.last, nanoseconds(at))
	s.n++
	if s.n == 0 { // 2^32 records in one process
		s.last++
	}
	var k key
	binary.BigEndian.PutUint64(k[:8], s.last)
	binary.BigEndian.PutUint32(k[8:12], s.n)
	binary.BigEndian.PutUint32(k[12:], uint32(os.Getpid()))
	return k
}

// nanoseconds is at in nanoseconds since 1970, and the nearest that is possible outside 1970 to 2262.
func nanoseconds(at time.Time) uint64 {
	switch s := at.Unix(); {
	case s < 0:
		return 0
	case s >= math.MaxInt64/int64(time.Second):
		return math.MaxInt64
	}
	return uint64(at.UnixNano())
}

func newEntry(k key, r reconcile.Record) (entry, error) {
	value, err := json.Marshal(r)
	return entry{k, value}, err
}

// line is the entry in the spool. It begins with a line feed too: where a full disk cut the line before it short, this
// one stands for itself all the same.
func (e entry) line() ([]byte, error) {
	line, err := json.Marshal(spoolLine{hex.EncodeToString(e.key[:]), e.value})
	return append(append([]byte{'\n'}, line...), '\n'), err
}

// spool appends the entry. It takes no lock. When the file is no longer the spool after the write, somebody has renamed it
// in between and may have read it before: the entry is written once more, to the new one, and its key makes one of two.
func (d folder) spool(e entry) error {
	line, err := e.line()
	if err != nil {
		return err
	}
	for range 10 {
		f, err := d.openSpool()
		if err != nil {
			return err
		}
		_, err = f.Write(line)
		there := d.has(spoolFile, f)
		if err = errors.Join(err, f.Close()); err != nil || there {
			return err
		}
	}
	return fmt.Errorf("%s: replaced again and again", d.file(spoolFile))
}

func (d folder) openSpool() (*os.File, error) {
	f, err := d.open(spoolFile, os.O_WRONLY|os.O_APPEND)
	if errors.Is(err, fs.ErrNotExist) {
		if err := d.place(spoolFile); err != nil {
			return nil, err
		}
		return d.open(spoolFile, os.O_WRONLY|os.O_APPEND)
	}
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err == nil && info.Size() >= spoolMost {
		f.Close()
		if err := os.Rename(d.file(spoolFile), d.file(spoolOld)); err != nil {
			return nil, err
		}
		return d.openSpool()
	}
	return f, nil
}

// A batch is what was taken out of the spools: its files are removed when its entries are in the database.
type batch struct {
	entries []entry
	files   []string
	torn    int   // lines that could not be read
	err     error // spools that could not be read
}

// odd is what a batch that was stored has to tell.
func (b *batch) odd() error {
	if b.torn == 0 {
		return b.err
	}
	return errors.Join(b.err, fmt.Errorf("%d lines of the spool were cut short and left out", b.torn))
}

// take renames the folder's spools, so that nobody appends to them any more, and reads them. Only the holder of the
// database's lock may call it. Files that an earlier holder, killed in the middle, had taken come first, and what waits
// behind them stays for the next call.
func (d folder) take(b *batch) {
	for _, name := range []string{spoolOld, spoolFile} {
		if _, err := os.Lstat(d.file(name + taken)); err != nil {
			err = os.Rename(d.file(name), d.file(name+taken))
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				b.err = errors.Join(b.err, err)
				continue
			}
		}
		if d.readSpool(name+taken, b) {
			b.files = append(b.files, d.file(name+taken))
		}
	}
}

// readSpool adds the entries of a spool file to the batch and reports whether there was one.
func (d folder) readSpool(name string, b *batch) bool {
	data, err := d.read(name, spoolLimit)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			b.err = errors.Join(b.err, err)
		}
		return false
	}
	for line := range bytes.SplitSeq(data, []byte{'\n'}) {
		if len(line) == 0 {
			continue
		}
		if e, ok := parseLine(line); ok {
			b.entries = append(b.entries, e)
		} else {
			b.torn++
		}
	}
	return true
}

func parseLine(line []byte) (entry, bool) {
	var l spoolLine
	if json.Unmarshal(line, &l) != nil {
		return entry{}, false
	}
	k, err := hex.DecodeString(l.Key)
	if err != nil || len(k) != len(key{}) || len(l.Record) == 0 || l.Record[0] != '{' {
		return entry{}, false
	}
	return entry{key(k), l.Record}, true
}

// peek reads the spools where they are. The order is the one that a record moves in, so that one which moves meanwhile is
// seen twice rather than not at all.
func (d folder) peek(b *batch) {
	for _, name := range []string{spoolFile, spoolOld, spoolOld + taken, spoolFile + taken} {
		d.readSpool(name, b)
	}
}

// waiting reports whether the folder has a spool.
func (d folder) waiting() bool {
	for _, name := range []string{spoolFile, spoolOld, spoolOld + taken, spoolFile + taken} {
		if _, err := os.Lstat(d.file(name)); err == nil {
			return true
		}
	}
	return false
}
