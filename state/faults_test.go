package state

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/vipctl/vipctl/reconcile/policy"
)

// Killed at any instant: a note is an old one or a new one, and never older than the last that was saved.
func TestSaveNoteKilled(t *testing.T) {
	n := openNotes(t)
	last := 0
	for range 40 {
		p := child(t, "save", n.path, "a", strconv.Itoa(last+1))
		said := lastOf(t, p)
		note, err := n.VIPState("a")
		check(t, err)
		if got := int(note.Generation); got != said && got != said+1 {
			t.Fatalf("note %d after %d was saved", got, said)
		}
		last = int(note.Generation)
	}
}

// lastOf lets p run for a random while, kills it, and returns the last number it has printed.
func lastOf(t *testing.T, p *process) int {
	t.Helper()
	lines := []string{p.line(t)}
	<-time.After(time.Duration(rand.IntN(20_000)) * time.Microsecond)
	lines = append(lines, p.kill(t)...)
	n, err := strconv.Atoi(lines[len(lines)-1])
	check(t, err)
	return n
}

// Killed at any instant of Append: every record whose Append came back is there once, and at most the one after it too.
func TestAppendKilled(t *testing.T) {
	h := slowly(openHistory(t))
	next := 0
	for round := range 40 {
		p := child(t, "append", h.db.path, h.spare.path, strconv.Itoa(next))
		said := lastOf(t, p)
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
	equal(t, "waiting", h.db.waiting() || h.spare.waiting(), false)
	holds(t, h, upTo(next)...)
}

// Files left by root, whatever their mode, do not keep postgres out, and root's own runs leave nothing that does.
func TestFilesLeftByRoot(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to be two users")
	}
	const uid, gid = 65533, 65532
	base, err := os.MkdirTemp("", "state-test-")
	check(t, err)
	t.Cleanup(func() { os.RemoveAll(base) })
	check(t, os.Chmod(base, 0o755))
	exe := filepath.Join(base, "state.test") // go test's own folder is closed to others
	copyFile(t, exe)
	run, lib := filepath.Join(base, "run"), filepath.Join(base, "lib")
	for _, dir := range []string{run, lib} {
		check(t, os.Mkdir(dir, 0o750))
		check(t, os.Chown(dir, uid, gid))
	}
	as := func(uid, gid uint32) {
		t.Helper()
		p := command(t, "once", run, lib)
		p.Path = exe
		p.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: gid}}
		out, err := p.Output()
		if err != nil {
			t.Fatalf("as %d: %v %s", uid, err, out)
		}
	}
	as(0, 0)
	ownedBy(t, uid, gid, run, lib)
	as(uid, gid)
	as(0, 0)
	ownedBy(t, uid, gid, run, lib)

	for _, name := range []string{"a.json", "a.lock", "a@route.json", "a@route.lock", "patroni.json", "patroni.lock"} { // by an umask 077 and a strange tool
		check(t, os.Chown(filepath.Join(run, name), 0, 0))
		check(t, os.Chmod(filepath.Join(run, name), 0o600))
	}
	p := command(t, "once", run, lib)
	p.Path, p.Stderr = exe, nil
	p.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: gid}}
	if p.Run() == nil {
		t.Error("a memory that could not be read, and no word of it")
	}
	ownedBy(t, uid, gid, run) // replaced
	as(uid, gid)              // and well again

	check(t, os.Chown(filepath.Join(lib, databaseFile), 0, 0))
	check(t, os.Chmod(filepath.Join(lib, databaseFile), 0o600))
	p = command(t, "once", run, lib)
	p.Path, p.Stderr = exe, nil
	p.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: gid}}
	if p.Run() == nil {
		t.Error("a database that could not be opened, and no word of it")
	}
	equal(t, "waits in the spool", exists(filepath.Join(lib, spoolFile)), true)
	as(0, 0) // root takes it in
	records, err := OpenHistory(Options{Now: bootTime, Dir: lib, Run: run}).Read(Query{})
	check(t, err)
	equal(t, "records", len(records), 7)
}

func copyFile(t *testing.T, to string) {
	t.Helper()
	self, err := os.Executable()
	check(t, err)
	in, err := os.Open(self)
	check(t, err)
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE, 0o755)
	check(t, err)
	_, err = io.Copy(out, in)
	check(t, errors.Join(err, out.Chmod(0o755), out.Close()))
}

func ownedBy(t *testing.T, uid, gid uint32, dirs ...string) {
	t.Helper()
	for _, dir := range dirs {
		files, err := os.ReadDir(dir)
		check(t, err)
		for _, f := range files {
			var st unix.Stat_t
			check(t, unix.Lstat(filepath.Join(dir, f.Name()), &st))
			if st.Uid != uid || st.Gid != gid || st.Mode&0o777 != fileMode {
				t.Errorf("%s: %d:%d, mode %o", f.Name(), st.Uid, st.Gid, st.Mode&0o777)
			}
		}
	}
}

// The folder that root makes gets the owner it is told to.
func TestFolderMadeByRoot(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to make a folder for another")
	}
	data := t.TempDir()
	check(t, os.Chown(data, 65533, 65532))
	n := OpenNotes(NotesOptions{Now: bootTime, Dir: filepath.Join(t.TempDir(), "run"), OwnerOf: data})
	check(t, n.SaveVIPState("a", policy.VIPState{}))
	ownedBy(t, 65533, 65532, n.path)
	uid, gid, _ := owner(n.path)
	equal(t, "folder", fmt.Sprint(uid, gid), "65533 65532")
}

// On a disk that is full: nothing that was there is harmed, what is new waits or is reported, and all is well with room.
func TestDiskFull(t *testing.T) {
	p := command(t, "full", t.TempDir())
	p.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	out, err := p.Output()
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOSPC) {
		t.Skipf("no user namespaces on this machine: %v", err)
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// full DIR: mounts small file systems below DIR, in a mount namespace of its own, and fills them.
func onFullDisk(args []string) error {
	run, lib := filepath.Join(args[0], "run"), filepath.Join(args[0], "lib")
	for _, dir := range []string{run, lib} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return err
		}
		if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=256k"); err != nil {
			return fmt.Errorf("mount: %w", err)
		}
	}
	notes, h := OpenNotes(NotesOptions{Now: bootTime, Dir: run}), slowly(OpenHistory(Options{Now: bootTime, Dir: lib, Run: run}))
	if err := errors.Join(fullDatabase(h, lib), fullSpools(h, run, lib), fullFromTheStart(run, lib)); err != nil {
		return err
	}
	return fullNotes(notes, run)
}

// fill takes all the room of a file system but for some bytes, and returns how to give it back.
func fill(dir string, leave int64) (free func(), err error) {
	f, err := os.Create(filepath.Join(dir, "ballast"))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	for {
		if _, err = f.Write(make([]byte, 4096)); err != nil {
			break
		}
	}
	if !errors.Is(err, unix.ENOSPC) {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return func() { os.Remove(f.Name()) }, f.Truncate(info.Size() - leave)
}

// The history's folder fills up while records come, at every amount of room that is left.
func fullDatabase(h *History, lib string) error {
	n := 0
	for leave := int64(0); leave <= 20*4096; leave += 4096 {
		free, err := fill(lib, leave)
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
		if h.db.waiting() || h.spare.waiting() {
			return errors.New("room again, and records still wait")
		}
		if err := count(h, n); err != nil {
			return fmt.Errorf("room again: %w", err)
		}
	}
	return nil
}

func count(h *History, want int) error {
	records, err := h.Read(Query{})
	slices.Reverse(records)
	if got := numbers(records); !slices.Equal(got, upTo(want)) {
		return fmt.Errorf("got %v, want %d records: %w", got, want, err)
	}
	return nil
}

// Both folders are full: the record is lost, and said to be.
func fullSpools(h *History, run, lib string) error {
	var frees []func()
	for _, dir := range []string{run, lib} {
		free, err := fill(dir, 0)
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
		free, err := fill(lib, leave)
		if err != nil {
			return err
		}
		h := slowly(OpenHistory(Options{Now: bootTime, Dir: dir, Run: run}))
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

func fullNotes(notes *Notes, run string) error {
	want := policy.VIPState{Generation: 7}
	if err := notes.SaveVIPState("a", want); err != nil {
		return err
	}
	free, err := fill(run, 0)
	if err != nil {
		return err
	}
	unlock, err := notes.Lock("b", 0) // an empty file needs no room
	if err != nil {
		return fmt.Errorf("lock on a full disk: %w", err)
	}
	unlock()
	if err := notes.SaveVIPState("a", policy.VIPState{Generation: 8}); !errors.Is(err, unix.ENOSPC) {
		return fmt.Errorf("save: %v", err)
	}
	got, err := notes.VIPState("a")
	if err != nil || got.Generation != want.Generation {
		return fmt.Errorf("the old note is %+v, %v", got, err)
	}
	free()
	return notes.SaveVIPState("a", policy.VIPState{Generation: 8})
}
