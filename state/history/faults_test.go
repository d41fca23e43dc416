package history

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/vipctl/vipctl/state/folder"
	"github.com/vipctl/vipctl/state/statetest"
)

// Killed at any instant of Append: every record whose Append came back is there once, and at most
// the one after it too.
func TestAppendKilled(t *testing.T) {
	h := slowly(openHistory(t))
	next := 0
	for round := range 40 {
		p := statetest.Start(t, "append", h.db.Path, h.spare.Path, strconv.Itoa(next))
		said := p.LastNumber(t)
		records, err := h.Read(Query{})
		check(t, err)
		slices.Reverse(records)
		got := numbers(records)
		if !slices.Equal(got, upTo(len(got))) || len(got) != said+1 && len(got) != said+2 {
			t.Fatalf("round %d: %d records after number %d was appended: %v", round, len(got), said, got[max(0, len(got)-5):])
		}
		next = len(got)
	}
	check(t, h.Flush())
	equal(t, "waiting", h.waiting(), false)
	holds(t, h, upTo(next)...)
}

// Files left by root, whatever their mode, do not keep postgres out, and root's own runs leave
// nothing that does.
func TestFilesLeftByRoot(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to be two users")
	}
	const uid, gid = 65533, 65532
	base, err := os.MkdirTemp("", "state-test-")
	check(t, err)
	t.Cleanup(func() { os.RemoveAll(base) })
	check(t, os.Chmod(base, 0o755))
	exe := statetest.Copy(t, base)
	lib, run := filepath.Join(base, "lib"), filepath.Join(base, "run")
	for _, dir := range []string{run, lib} {
		check(t, os.Mkdir(dir, 0o750))
		check(t, os.Chown(dir, uid, gid))
	}
	as := func(uid, gid uint32) error { return statetest.RunAs(t, exe, uid, gid, "once", lib, run) }
	check(t, as(0, 0))
	statetest.OwnedBy(t, uid, gid, folder.FileMode, run, lib)
	check(t, as(uid, gid))
	check(t, as(0, 0))
	statetest.OwnedBy(t, uid, gid, folder.FileMode, run, lib)

	check(t, os.Chown(filepath.Join(lib, databaseFile), 0, 0))
	check(t, os.Chmod(filepath.Join(lib, databaseFile), 0o600))
	if as(uid, gid) == nil {
		t.Error("a database that could not be opened, and no error")
	}
	equal(t, "waits in the spool", exists(filepath.Join(lib, spoolFile)), true)
	check(t, as(0, 0)) // root takes it in
	records, err := Open(Options{Now: statetest.BootTime, Dir: lib, Run: run}).Read(Query{})
	check(t, err)
	equal(t, "records", len(records), 5)
}

// On a disk that is full: nothing that was there is harmed, what is new waits or is reported, and
// all is well with room.
func TestDiskFull(t *testing.T) { statetest.OnFullDisk(t, "full") }

// full DIR: fills small file systems below DIR.
func onFullDisk(args []string) error {
	run, lib := filepath.Join(args[0], "run"), filepath.Join(args[0], "lib")
	if err := errors.Join(statetest.Mount(run), statetest.Mount(lib)); err != nil {
		return err
	}
	l := slowly(Open(Options{Now: statetest.BootTime, Dir: lib, Run: run}))
	return errors.Join(fullDatabase(l, lib), fullSpools(l, run, lib), fullFromTheStart(run, lib))
}

// The history's folder fills up while records come, at every amount of room that is left.
func fullDatabase(h *Log, lib string) error {
	n := 0
	for leave := int64(0); leave <= 20*4096; leave += 4096 {
		free, err := statetest.Fill(lib, leave)
		if err != nil {
			return err
		}
		for range 3 {
			var trouble *Trouble
			if err := h.Append(record(n)); errors.As(err, &trouble) && (trouble.Lost || trouble.Aside != "") {
				return fmt.Errorf("%d left: %w", leave, err)
			}
			n++
		}
		if err := count(h, n); err != nil {
			return fmt.Errorf("%d left: %w", leave, err)
		}
		free()
		if err := h.Flush(); err != nil {
			return fmt.Errorf("room again: %w", err)
		}
		if h.waiting() {
			return errors.New("room again, and records still wait")
		}
		if err := count(h, n); err != nil {
			return fmt.Errorf("room again: %w", err)
		}
	}
	return nil
}

func count(h *Log, want int) error {
	records, err := h.Read(Query{})
	slices.Reverse(records)
	if got := numbers(records); !slices.Equal(got, upTo(want)) {
		return fmt.Errorf("got %v, want %d records: %w", got, want, err)
	}
	return nil
}

// Both folders are full: the record is lost, and said to be.
func fullSpools(h *Log, run, lib string) error {
	var frees []func()
	for _, dir := range []string{run, lib} {
		free, err := statetest.Fill(dir, 0)
		if err != nil {
			return err
		}
		frees = append(frees, free)
	}
	before, _ := h.Read(Query{})
	stored := 0 // as long as the database has pages of its own to spare
	var trouble *Trouble
	for ; trouble == nil && stored < 500; stored++ {
		errors.As(h.Append(record(len(before)+stored)), &trouble)
	}
	stored--
	if trouble == nil || !trouble.Lost || !errors.Is(trouble, unix.ENOSPC) {
		return fmt.Errorf("both full: %v", trouble)
	}
	for _, free := range frees {
		free()
	}
	if err := h.Append(record(len(before) + stored)); err != nil && errors.As(err, &trouble) && trouble.Lost {
		return err
	}
	return count(h, len(before)+stored+1)
}

// There was no database before: none is begun that is not whole.
func fullFromTheStart(run, lib string) error {
	for leave := int64(4096); leave <= 12*4096; leave += 4096 {
		dir := filepath.Join(lib, "new")
		if err := os.Mkdir(dir, 0o755); err != nil {
			return err
		}
		free, err := statetest.Fill(lib, leave)
		if err != nil {
			return err
		}
		h := slowly(Open(Options{Now: statetest.BootTime, Dir: dir, Run: run}))
		var trouble *Trouble
		if err := h.Append(record(0)); errors.As(err, &trouble) && (trouble.Lost || trouble.Aside != "") {
			return fmt.Errorf("%d left: %w", leave, err)
		}
		free()
		if err := errors.Join(h.Append(record(1)), count(h, 2), os.RemoveAll(dir)); err != nil {
			return fmt.Errorf("%d left: %w", leave, err)
		}
	}
	return nil
}
