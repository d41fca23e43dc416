package history

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"math"
	"os"
	"sync"
	"time"

	"github.com/vipctl/vipctl/reconcile"
)

// A key is a record's place in the history and its identity: the wall clock's nanoseconds, a number
// within the process and the process id, big endian. A record that is taken in twice has one key.
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

// nanoseconds is at in nanoseconds since 1970, and the nearest that is possible outside 1970 to
// 2262.
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

// line is the entry in the spool. It begins with a line feed too: where a full disk cut the line
// before it short, this one stands for itself all the same.
func (e entry) line() ([]byte, error) {
	line, err := json.Marshal(spoolLine{hex.EncodeToString(e.key[:]), e.value})
	return append(append([]byte{'\n'}, line...), '\n'), err
}

// parseLine is the other way. It reports false for a line that was cut short.
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
