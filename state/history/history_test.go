package history

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.etcd.io/bbolt"
	"golang.org/x/sys/unix"

	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/reconcile/policy"
	"github.com/vipctl/vipctl/state/statetest"
)

func openHistory(t testing.TB) *Log {
	t.Helper()
	dir := t.TempDir()
	return Open(Options{Now: statetest.BootTime, Dir: filepath.Join(dir, "lib"), Run: filepath.Join(dir, "run")})
}

// slowly lifts the limits that a loaded machine could break where they are not what is tested.
func slowly(h *Log) *Log {
	h.patience, h.limit = time.Minute, time.Minute
	return h
}

func appendAll(t testing.TB, h *Log, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		check(t, h.Append(record(i)))
	}
}

// holds checks that the history has just these records, the newest first.
func holds(t testing.TB, h *Log, want ...int) {
	t.Helper()
	records, err := h.Read(Query{})
	check(t, err)
	slices.Reverse(want)
	if got := numbers(records); !slices.Equal(got, want) {
		t.Fatalf("got %v, want %v", got, want)
	}
}

func upTo(n int) (all []int) {
	for i := range n {
		all = append(all, i)
	}
	return all
}

func troubleOf(t testing.TB, err error) *Trouble {
	t.Helper()
	var trouble *Trouble
	if !errors.As(err, &trouble) {
		t.Fatalf("got %v, want trouble", err)
	}
	return trouble
}

func TestHistory(t *testing.T) {
	h := slowly(openHistory(t))
	holds(t, h)
	appendAll(t, h, 0, 20)
	holds(t, h, upTo(20)...)
	for _, d := range []spool{h.spool, h.spare} {
		equal(t, "waiting in "+d.Path, d.waiting(), false)
	}
	info, err := os.Stat(h.db.File(databaseFile))
	check(t, err)
	equal(t, "mode", info.Mode(), 0o640)
}

func TestQuery(t *testing.T) {
	h := slowly(openHistory(t))
	for i := range 6 {
		r := record(i)
		r.VIP = []string{"a", "b"}[i%2]
		check(t, h.Append(r))
	}
	for _, c := range []struct {
		name string
		q    Query
		want []int
	}{
		{"all", Query{}, []int{5, 4, 3, 2, 1, 0}},
		{"limit", Query{Limit: 2}, []int{5, 4}},
		{"more than there is", Query{Limit: 20}, []int{5, 4, 3, 2, 1, 0}},
		{"vip", Query{VIP: "a"}, []int{4, 2, 0}},
		{"vip and limit", Query{VIP: "a", Limit: 2}, []int{4, 2}},
		{"since", Query{Since: record(3).At.Time}, []int{5, 4, 3}},
		{"since a millisecond later", Query{Since: record(3).At.Add(time.Millisecond)}, []int{5, 4}},
		{"nothing", Query{VIP: "c"}, nil},
	} {
		got, err := h.Read(c.q)
		check(t, err)
		if !slices.Equal(numbers(got), c.want) {
			t.Errorf("%s: got %v, want %v", c.name, numbers(got), c.want)
		}
	}
}

// What is stored is what `vipctl history --json` shows, byte for byte.
func TestRecordsComeBackWhole(t *testing.T) {
	h := slowly(openHistory(t))
	want := record(1)
	want.At.Time = want.At.Add(123 * time.Millisecond)
	want.Phases, want.Error = reconcile.Phases{Observe: 1.5, State: 0.25}, "a <b> & \"c\" \n ä"
	check(t, h.Append(want))
	got, err := h.Read(Query{})
	check(t, err)
	a, err := json.Marshal(want)
	check(t, err)
	b, err := json.Marshal(got[0])
	check(t, err)
	equal(t, "record", string(b), string(a))
	check(t, h.db.view(time.Second, func(tx *bbolt.Tx) error {
		_, v := tx.Bucket(recordsBucket).Cursor().First()
		equal(t, "value", string(v), string(a))
		return nil
	}))
}

func TestPrune(t *testing.T) {
	h := slowly(openHistory(t))
	h.db.keep = 5
	appendAll(t, h, 0, 12)
	holds(t, h, 7, 8, 9, 10, 11)
	h.db.keep = 2
	appendAll(t, h, 12, 13)
	holds(t, h, 11, 12)
	later := slowly(Open(Options{Now: statetest.BootTime, Dir: h.db.Path, Run: h.spare.Path, Keep: 2}))
	check(t, later.Append(record(0))) // the oldest of all, but what was just written stays
	holds(t, h, 0, 12)
}

func TestClockSteps(t *testing.T) {
	h := slowly(openHistory(t))
	for i, hour := range []int{0, 0, -1, -1, +1, 0, 0} {
		r := record(i)
		r.At.Time = testStart.Add(time.Duration(hour) * time.Hour)
		check(t, h.Append(r))
	}
	holds(t, h, upTo(7)...) // one process: as they came
	later := slowly(Open(Options{Now: statetest.BootTime, Dir: h.db.Path, Run: h.spare.Path}))
	r := record(7)
	r.At.Time = testStart.Add(time.Minute)
	check(t, later.Append(r)) // another process: by the wall clock
	holds(t, later, 0, 1, 2, 3, 7, 4, 5, 6)
	records, err := later.Read(Query{Since: testStart})
	check(t, err)
	if got := numbers(records); !slices.Equal(got, []int{6, 5, 4, 7, 1, 0}) {
		t.Fatalf("since: %v", got)
	}
}

func TestTimesOutsideTheRange(t *testing.T) {
	h := slowly(openHistory(t))
	for i, at := range []time.Time{{}, time.Unix(0, 0), testStart, time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2300, 1, 1, 0, 0, 0, 0, time.UTC)} {
		r := record(i)
		r.At.Time = at
		check(t, h.Append(r))
	}
	holds(t, h, upTo(5)...)
	records, err := h.Read(Query{Since: testStart.AddDate(5000, 0, 0)})
	check(t, err)
	equal(t, "after the year 7026", len(records), 1)
}

// A reader that keeps the database locked costs Append its patience and no record.
func TestLockedByAReader(t *testing.T) {
	h := openHistory(t)
	appendAll(t, slowly(Open(Options{Now: statetest.BootTime, Dir: h.db.Path, Run: h.spare.Path})), 0, 1)
	reader, err := h.db.lock(os.O_RDONLY, 0)
	check(t, err)
	hold := time.NewTimer(10 * time.Second)
	if testing.Short() {
		hold.Reset(time.Second)
	}
	i := 1
	for held := true; held; i++ {
		began := time.Now()
		trouble := troubleOf(t, h.Append(record(i)))
		if took := time.Since(began); took > 500*time.Millisecond {
			t.Errorf("Append took %v", took)
		}
		if trouble.Spool != h.db.File(spoolFile) || trouble.Lost {
			t.Fatalf("got %+v", trouble)
		}
		select {
		case <-hold.C:
			held = false
		default:
		}
	}
	holds(t, h, upTo(i)...) // readers side by side, and what waits is shown
	reader.Close()
	check(t, slowly(h).Append(record(i)))
	equal(t, "waiting", h.spool.waiting(), false)
	holds(t, h, upTo(i+1)...)
}

func TestReaderWaitsForAWriterAndNotForEver(t *testing.T) {
	h := slowly(openHistory(t))
	appendAll(t, h, 0, 2)
	writer, err := h.db.lock(os.O_RDWR, 0)
	check(t, err)
	check(t, h.spool.add(must(newEntry(h.keys.next(testStart.Add(time.Hour)), record(2)))))
	h.readers = 20 * time.Millisecond
	records, err := h.Read(Query{})
	if !errors.Is(err, errLocked) || !slices.Equal(numbers(records), []int{2}) {
		t.Fatalf("got %v, %v", numbers(records), err)
	}
	h.readers = time.Minute
	time.AfterFunc(20*time.Millisecond, func() { writer.Close() })
	holds(t, h, 0, 1, 2)
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestFlush(t *testing.T) {
	h := slowly(openHistory(t))
	check(t, h.Flush())
	if _, err := os.Stat(h.db.Path); !os.IsNotExist(err) {
		t.Fatal("nothing to do, and something done")
	}
	for i := range 4 { // in both folders, and not in order
		d := []spool{h.spool, h.spare}[i%2]
		check(t, d.add(must(newEntry(h.keys.next(testStart.Add(time.Duration(i)*time.Second)), record(i)))))
	}
	holds(t, h, 0, 1, 2, 3)
	check(t, h.Flush())
	equal(t, "waiting", h.waiting(), false)
	holds(t, h, 0, 1, 2, 3)
}

// Killed between commit and removal: what was taken is taken in again, once.
func TestTakenTwiceIsStoredOnce(t *testing.T) {
	h := slowly(openHistory(t))
	for i := range 3 {
		check(t, h.spool.add(must(newEntry(h.keys.next(record(i).At.Time), record(i)))))
	}
	copied, err := os.ReadFile(h.db.File(spoolFile))
	check(t, err)
	check(t, h.Flush())
	check(t, os.WriteFile(h.db.File(spoolFile+taken), copied, 0o600))
	check(t, os.WriteFile(h.db.File(spoolFile), append(copied, copied...), 0o600))
	holds(t, h, 0, 1, 2)
	check(t, h.Append(record(3)))
	equal(t, "waiting", h.spool.waiting(), false)
	holds(t, h, 0, 1, 2, 3)
}

func TestSpoolLinesCutShort(t *testing.T) {
	h := slowly(openHistory(t))
	check(t, h.db.Make())
	check(t, os.WriteFile(h.db.File(spoolFile), []byte(`{"key":"00","record":{}}`+"\n"+`{"key":"0011223344`), 0o600))
	trouble := troubleOf(t, h.Append(record(0)))
	if !strings.Contains(trouble.Error(), "2 lines of the spool were cut short") || trouble.Spool != "" || trouble.Lost {
		t.Fatalf("got %+v", trouble)
	}
	holds(t, h, 0)
	check(t, h.Flush())
}

func TestSpoolIsBounded(t *testing.T) {
	h := slowly(openHistory(t))
	r := record(0)
	r.Reason = strings.Repeat("x", 100<<10)
	for i := range 60 {
		r.TookMS = float64(i)
		check(t, h.spool.add(must(newEntry(h.keys.next(r.At.Time), r))))
	}
	var size int64
	for _, name := range []string{spoolFile, spoolOld} {
		info, err := os.Stat(h.db.File(name))
		check(t, err)
		size += info.Size()
	}
	if size > 2*(spoolMost+200<<10) {
		t.Fatalf("%d bytes", size)
	}
	check(t, h.Flush())
	records, err := h.Read(Query{Limit: 3})
	check(t, err)
	if got := numbers(records); !slices.Equal(got, []int{59, 58, 57}) {
		t.Fatalf("got %v", got)
	}
}

// Writers append while takers rename under their hands: nothing is lost, nothing is there twice.
func TestAppendFromManyGoroutines(t *testing.T) {
	h := openHistory(t)
	h.patience = 5 * time.Millisecond // so that many leave theirs in the spool
	h.limit = time.Minute
	const writers, each = 6, 15
	var wait sync.WaitGroup
	for w := range writers {
		wait.Go(func() {
			own := Open(Options{Now: statetest.BootTime, Dir: h.db.Path, Run: h.spare.Path})
			own.patience, own.limit = h.patience, h.limit
			if w%2 == 0 {
				own = h // as one process, and as several
			}
			for i := range each {
				if err := own.Append(record(w*each + i)); err != nil && troubleOf(t, err).Lost {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
	check(t, slowly(h).Flush())
	records, err := h.Read(Query{})
	check(t, err)
	got := numbers(records)
	slices.Sort(got)
	if !slices.Equal(got, upTo(writers*each)) {
		t.Fatalf("got %v", got)
	}
}

func TestStateFolderImpossible(t *testing.T) {
	h := slowly(openHistory(t))
	check(t, os.WriteFile(h.db.Path, nil, 0o600)) // where the folder should be: not even root can write there
	trouble := troubleOf(t, h.Append(record(0)))
	equal(t, "spool", trouble.Spool, h.spare.File(spoolFile))
	equal(t, "lost", trouble.Lost, false)
	records, _ := h.Read(Query{})
	equal(t, "shown", len(records), 1)

	check(t, os.WriteFile(h.spare.Path+"-file", nil, 0o600))
	h.spare.Path += "-file"
	trouble = troubleOf(t, h.Append(record(1)))
	equal(t, "lost", trouble.Lost, true)

	h.spare.Path = strings.TrimSuffix(h.spare.Path, "-file")
	check(t, os.Remove(h.db.Path))
	check(t, h.Append(record(2)))
	equal(t, "waiting", h.spare.waiting(), false)
	holds(t, h, 0, 2)
}

// The spool cannot be written, the database can: nothing to complain of.
func TestNoSpoolAtAll(t *testing.T) {
	h := slowly(openHistory(t))
	appendAll(t, h, 0, 1)
	check(t, os.Mkdir(h.db.File(spoolFile), 0o700))
	check(t, os.WriteFile(h.spare.Path, nil, 0o600))
	trouble := troubleOf(t, h.Append(record(1))) // but for the folder of that name
	equal(t, "lost", trouble.Lost, false)
	holdsDespite(t, h, 0, 1)
}

func holdsDespite(t *testing.T, h *Log, want ...int) {
	t.Helper()
	records, _ := h.Read(Query{})
	slices.Reverse(want)
	if got := numbers(records); !slices.Equal(got, want) {
		t.Fatalf("got %v, want %v", got, want)
	}
}

// A disk that hangs before it has taken even a line: Append comes back, and the record waits where
// there is no disk.
func TestHangingDisk(t *testing.T) {
	h := openHistory(t)
	h.limit = 20 * time.Millisecond
	release := make(chan struct{})
	now := h.spool.Now
	h.spool.Now = func() policy.Moment { // asked for when the spool is made
		<-release
		return now()
	}
	trouble := troubleOf(t, h.Append(record(0)))
	equal(t, "spool", trouble.Spool, h.spare.File(spoolFile))
	if !strings.Contains(trouble.Error(), "not written within 20ms") {
		t.Fatal(trouble)
	}
	holds(t, h, 0)
	close(release) // the one that hung goes on: still one record
	h.running.Wait()
	equal(t, "waiting", h.waiting(), false)
	holds(t, h, 0)
}

// The same where the line was taken and the database hangs.
func TestHangingDatabase(t *testing.T) {
	h := slowly(openHistory(t))
	appendAll(t, h, 0, 1)
	reader, err := h.db.lock(os.O_RDONLY, 0)
	check(t, err)
	h.limit = 20 * time.Millisecond
	trouble := troubleOf(t, h.Append(record(1)))
	equal(t, "spool", trouble.Spool, h.db.File(spoolFile))
	holds(t, h, 0, 1)
	reader.Close() // the late one goes on beside this
	check(t, slowly(Open(Options{Now: statetest.BootTime, Dir: h.db.Path, Run: h.spare.Path})).Append(record(2)))
	h.running.Wait()
	holds(t, h, 0, 1, 2)
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// A fifo in the database's place would hang whoever opens it.
func TestNotAPlainFile(t *testing.T) {
	h := slowly(openHistory(t))
	check(t, h.db.Make())
	check(t, unix.Mkfifo(h.db.File(databaseFile), 0o600))
	trouble := troubleOf(t, h.Append(record(0)))
	equal(t, "spool", trouble.Spool, h.db.File(spoolFile))
	check(t, os.Remove(h.db.File(databaseFile)))
	check(t, h.Flush())
	holds(t, h, 0)
}

func TestNewerFormatIsReadAndNotWritten(t *testing.T) {
	h := slowly(openHistory(t))
	appendAll(t, h, 0, 2)
	check(t, h.db.update(time.Second, func(db *bbolt.DB) error {
		return db.Update(func(tx *bbolt.Tx) error {
			if err := tx.Bucket(metaBucket).Put(formatKey, []byte("2")); err != nil {
				return err
			}
			r := tx.Bucket(recordsBucket)
			if err := r.Put(bytes.Repeat([]byte{0xF0}, 24), []byte(`{"at":"2026-03-01T13:00:00.000Z","took_ms":77,"new":[1]}`)); err != nil {
				return err
			}
			return r.Put(bytes.Repeat([]byte{0xF1}, 24), []byte(`not JSON`))
		})
	}))
	before, err := os.ReadFile(h.db.File(databaseFile))
	check(t, err)
	for i := 2; i < 5; i++ {
		if trouble := troubleOf(t, h.Append(record(i))); !errors.Is(trouble, errNewer) || trouble.Spool == "" || trouble.Lost {
			t.Fatalf("got %+v", trouble)
		}
	}
	after, err := os.ReadFile(h.db.File(databaseFile))
	check(t, err)
	equal(t, "untouched", bytes.Equal(before, after), true)
	records, err := h.Read(Query{})
	if err == nil || !strings.Contains(err.Error(), "1 records cannot be read") {
		t.Fatalf("got %v", err)
	}
	if got := numbers(records); !slices.Equal(got, []int{77, 4, 3, 2, 1, 0}) {
		t.Fatalf("got %v", got)
	}
}
