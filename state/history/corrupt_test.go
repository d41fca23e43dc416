package history

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
	"time"

	"go.etcd.io/bbolt"
	"golang.org/x/sys/unix"

	"github.com/vipctl/vipctl/state/statetest"
)

// filled returns the bytes of a history with n records in a tree of some depth, written in many
// transactions.
func filled(t testing.TB, n int) []byte {
	t.Helper()
	h := slowly(openHistory(t))
	h.db.keep = n
	for i := 0; i < n; i += 50 {
		for j := range 50 {
			check(t, h.spool.add(must(newEntry(h.keys.next(record(i+j).At.Time), record(i+j)))))
		}
		check(t, h.Flush())
	}
	data, err := os.ReadFile(h.db.File(databaseFile))
	check(t, err)
	return data
}

func withDatabase(t testing.TB, data []byte) *Log {
	t.Helper()
	h := slowly(openHistory(t))
	check(t, h.db.Make())
	check(t, os.WriteFile(h.db.File(databaseFile), data, 0o600))
	h.db.wall = func() time.Time { return testStart }
	return h
}

func TestCorruptDatabaseIsMovedAside(t *testing.T) {
	good := filled(t, 500)
	garbage := make([]byte, 20000)
	for i := range garbage {
		garbage[i] = byte(rand.Uint32())
	}
	for name, data := range map[string][]byte{
		"empty":            {},
		"one byte":         {7},
		"text":             []byte("this is no database\n"),
		"truncated early":  good[:4096],
		"truncated":        good[:5*4096],
		"truncated late":   good[:len(good)/2],
		"odd length":       good[:4096*3+100],
		"zeroed":           make([]byte, len(good)),
		"garbage":          garbage,
		"second half zero": append(bytes.Clone(good[:8*4096]), make([]byte, len(good)-8*4096)...),
		"no metas":         append(make([]byte, 2*4096), good[2*4096:]...),
	} {
		t.Run(name, func(t *testing.T) {
			h := withDatabase(t, data)
			if _, err := h.Read(Query{}); err == nil {
				t.Error("read without a word")
			}
			equal(t, "a reader leaves it", exists(h.db.File(databaseFile)), true)
			for i, stamp := range []string{".corrupt-20260301T120000Z", ".corrupt-20260301T120000Z-2"} {
				trouble := troubleOf(t, h.Append(record(i)))
				equal(t, "aside", trouble.Aside, h.db.File(databaseFile)+stamp)
				if trouble.Lost || trouble.Spool != "" {
					t.Fatalf("got %+v", trouble)
				}
				holds(t, h, i)
				kept, err := os.ReadFile(trouble.Aside)
				check(t, err)
				equal(t, "kept as it was", bytes.Equal(kept, data), true)
				check(t, os.WriteFile(h.db.File(databaseFile), data, 0o600))
			}
		})
	}
}

// Flipped bits, most of them where the structure is: no panic, no fault, no stack overflow, no
// hang. What was found sound can be written to and read; what was not is kept aside; the new record
// is there in both cases.
func TestFlippedBits(t *testing.T) {
	rounds := 400
	if testing.Short() {
		rounds = 100
	}
	good := filled(t, 500)
	h := withDatabase(t, good)
	aside := 0
	for i := range rounds {
		data := bytes.Clone(good)
		for range 1 + i%3 {
			at := rand.IntN(len(data))
			if i%2 == 0 { // headers and elements
				at = at/4096*4096 + rand.IntN(200)
			}
			data[at] ^= 1 << rand.IntN(8)
		}
		check(t, os.WriteFile(h.db.File(databaseFile), data, 0o600))
		if err := h.Append(record(10000 + i)); err != nil {
			trouble := troubleOf(t, err)
			switch {
			case trouble.Lost:
				t.Fatalf("round %d: %+v", i, trouble)
			case trouble.Aside != "" && trouble.Spool == "":
				aside++
				check(t, os.Remove(trouble.Aside))
			case !errors.Is(trouble, errNewer): // the bit was one of the format number
				t.Fatalf("round %d: %+v", i, trouble)
			}
		}
		records, err := h.Read(Query{Limit: 1})
		if len(records) != 1 || int(records[0].TookMS) != 10000+i {
			t.Fatalf("round %d: %v, %v", i, numbers(records), err)
		}
	}
	t.Logf("%d of %d moved aside, the others hit nothing of the structure", aside, rounds)
}

// Each of these was seen to hang, to overflow the stack or to be written over by bbolt itself.
func TestDamageThatBboltDoesNotNotice(t *testing.T) {
	good := filled(t, 2000)
	m := must(parseMetaOf(good))
	root := m.root
	records := recordsRoot(t, good, root)
	page := func(data []byte, id uint64) []byte { return data[id*m.pageSize:] }
	for name, damage := range map[string]func(data []byte){
		"a branch's key, in order still": func(d []byte) {
			p := page(d, records)[pageHeader+elementSize:]
			p[native.Uint32(p)+uint32(len(key{}))-5]-- // the number within the process, of the second child's first key
		},
		"a branch that leads to itself": func(d []byte) { native.PutUint64(page(d, records)[pageHeader+8:], records) },
		"two ways to one leaf": func(d []byte) {
			p := page(d, records)
			copy(p[pageHeader+elementSize+8:], p[pageHeader+8:pageHeader+16])
		},
		"a live page that is free":  func(d []byte) { native.PutUint64(page(d, m.freelist)[pageHeader:], records) },
		"a page twice free":         func(d []byte) { f := page(d, m.freelist)[pageHeader:]; copy(f[8:16], f[:8]) },
		"a free page past the end":  func(d []byte) { native.PutUint64(page(d, m.freelist)[pageHeader:], 1<<40) },
		"a leaf past the end":       func(d []byte) { native.PutUint64(page(d, records)[pageHeader+8:], 1<<40) },
		"a key as long as 4 GB":     func(d []byte) { native.PutUint32(page(d, records)[pageHeader+4:], 1<<32-1) },
		"an overflow past the end":  func(d []byte) { native.PutUint32(page(d, records)[12:], 1<<31) },
		"more elements than fit":    func(d []byte) { native.PutUint16(page(d, records)[10:], 60000) },
		"no elements":               func(d []byte) { native.PutUint16(page(d, records)[10:], 0) },
		"a page of another type":    func(d []byte) { native.PutUint16(page(d, records)[8:], 0x20) },
		"a freelist longer than it": func(d []byte) { native.PutUint16(page(d, m.freelist)[10:], 0xFFFE) },
	} {
		t.Run(name, func(t *testing.T) {
			data := bytes.Clone(good)
			damage(data)
			h := withDatabase(t, data)
			trouble := troubleOf(t, h.Append(record(1)))
			if trouble.Aside == "" {
				t.Fatalf("got %+v", trouble)
			}
			holds(t, h, 1)
		})
	}
}

func parseMetaOf(data []byte) (meta, error) { return readMeta(data) }

// recordsRoot returns the page at which the records' tree begins.
func recordsRoot(t *testing.T, data []byte, root uint64) uint64 {
	t.Helper()
	leaf := data[root*4096:][:4096]
	for i := range int(native.Uint16(leaf[10:])) {
		e := leaf[pageHeader+i*elementSize:]
		pos, ksize := native.Uint32(e[4:]), native.Uint32(e[8:])
		if string(e[pos:pos+ksize]) == string(recordsBucket) {
			return native.Uint64(e[pos+ksize:])
		}
	}
	t.Fatal("no records")
	return 0
}

// Whatever bbolt writes is sound: many shapes of buckets, values longer than a page, deletions,
// inline buckets.
func TestSoundDatabasesAreSound(t *testing.T) {
	file := filepath.Join(t.TempDir(), "db")
	rng := rand.New(rand.NewPCG(1, 2))
	for round := range 150 {
		db, err := bbolt.Open(file, 0o600, &bbolt.Options{NoSync: true, PageSize: []int{0, 1024, 8192}[round/50]})
		check(t, err)
		check(t, db.Update(func(tx *bbolt.Tx) error { return shuffle(tx, rng) }))
		check(t, db.Close())
		f, err := os.Open(file)
		check(t, err)
		if err := checkFile(f); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		f.Close()
		if round%50 == 49 {
			check(t, os.Remove(file))
		}
	}
}

func shuffle(tx *bbolt.Tx, rng *rand.Rand) error {
	for range 1 + rng.IntN(3) {
		b, err := tx.CreateBucketIfNotExists(fmt.Appendf(nil, "bucket-%d", rng.IntN(4)))
		if err != nil {
			return err
		}
		if inner, err := b.CreateBucketIfNotExists([]byte("inner")); err != nil {
			return err
		} else if err := inner.Put([]byte{byte(rng.Uint32())}, []byte("x")); err != nil {
			return err
		}
		for range rng.IntN(400) {
			k := binary.BigEndian.AppendUint16(nil, uint16(rng.IntN(3000)))
			if err := b.Put(k, make([]byte, rng.IntN(500)*rng.IntN(2)*(1+rng.IntN(50)/49*40))); err != nil {
				return err
			}
		}
		for range rng.IntN(300) {
			if err := b.Delete(binary.BigEndian.AppendUint16(nil, uint16(rng.IntN(3000)))); err != nil {
				return err
			}
		}
	}
	return nil
}

// A file that is cut off after it was mapped is a fault of the processor, and one error more.
func TestCutOffWhileItIsChecked(t *testing.T) {
	data := filled(t, 500)
	f, err := os.OpenFile(filepath.Join(t.TempDir(), "db"), os.O_RDWR|os.O_CREATE, 0o600)
	check(t, err)
	defer f.Close()
	_, err = f.Write(data)
	check(t, err)
	mapped, err := unix.Mmap(int(f.Fd()), 0, len(data), unix.PROT_READ, unix.MAP_SHARED)
	check(t, err)
	defer func() { check(t, unix.Munmap(mapped)) }()
	check(t, checkData(mapped))
	for size := int64(len(data) / 4096 * 4096); size >= 0; size -= 4096 {
		check(t, f.Truncate(size))
		if err := checkData(mapped); err == nil && size <= 2*4096 {
			t.Fatalf("sound with %d of %d bytes", size, len(data))
		}
	}
}

// A torn last meta page, which a power failure leaves, is the transaction before it and no damage.
func TestTornMetaIsTheTransactionBefore(t *testing.T) {
	data := filled(t, 500)
	a, errA := parseMeta(data, 0)
	b, errB := parseMeta(data, 4096)
	check(t, errors.Join(errA, errB))
	newer := 0
	if b.txid > a.txid {
		newer = 4096
	}
	data[newer+pageHeader+60] ^= 0xFF
	h := withDatabase(t, data)
	check(t, h.Append(record(900)))
	records, err := h.Read(Query{})
	check(t, err)
	if n := len(records); n < 400 {
		t.Fatalf("%d records", n)
	}
}

// A database of another version of bbolt is not damaged: it stays.
func TestNewerBboltIsLeftAlone(t *testing.T) {
	data := filled(t, 50)
	for _, at := range []int{0, 4096} {
		native.PutUint32(data[at+pageHeader+4:], boltVersion+1)
		seal(data[at+pageHeader:])
	}
	h := withDatabase(t, data)
	trouble := troubleOf(t, h.Append(record(0)))
	if !errors.Is(trouble, errNewer) || trouble.Aside != "" || trouble.Spool == "" {
		t.Fatalf("got %+v", trouble)
	}
	kept, err := os.ReadFile(h.db.File(databaseFile))
	check(t, err)
	equal(t, "untouched", bytes.Equal(kept, data), true)
}

// Two processes find one corrupt file: it is moved once, and the new one is not.
func TestMovedAsideOnce(t *testing.T) {
	for range 10 {
		h := withDatabase(t, make([]byte, 8192))
		h.db.wall = time.Now
		done := make(chan error)
		for i := range 6 {
			go func() {
				done <- slowly(Open(Options{Now: statetest.BootTime, Dir: h.db.Path, Run: h.spare.Path})).Append(record(i))
			}()
		}
		moved := 0
		for range 6 {
			if err := <-done; err != nil && troubleOf(t, err).Aside != "" {
				moved++
			}
		}
		equal(t, "moved", moved, 1)
		records, err := h.Read(Query{})
		check(t, err)
		got := numbers(records)
		slices.Sort(got)
		if !slices.Equal(got, upTo(6)) {
			t.Fatalf("got %v", got)
		}
		names, err := os.ReadDir(h.db.Path)
		check(t, err)
		for _, n := range names {
			if !regexp.MustCompile(`^history\.db(\.corrupt-\d{8}T\d{6}Z)?$`).MatchString(n.Name()) {
				t.Errorf("left behind: %s", n.Name())
			}
		}
	}
}
