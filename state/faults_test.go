package state

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/vipctl/vipctl/reconcile/policy"
	"github.com/vipctl/vipctl/state/folder"
	"github.com/vipctl/vipctl/state/statetest"
)

// Killed at any instant: a state is an old one or a new one, and never older than the last that was
// saved.
func TestSaveKilled(t *testing.T) {
	s := openStore(t)
	last := 0
	for range 40 {
		p := statetest.Start(t, "save", s.files.Path, "a", strconv.Itoa(last+1))
		said := p.LastNumber(t)
		saved, err := s.VIPState("a")
		check(t, err)
		if got := int(saved.Generation); got != said && got != said+1 {
			t.Fatalf("state %d after %d was saved", got, said)
		}
		last = int(saved.Generation)
	}
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
	dir := filepath.Join(base, "run")
	check(t, os.Mkdir(dir, 0o750))
	check(t, os.Chown(dir, uid, gid))
	as := func(uid, gid uint32) error { return statetest.RunAs(t, exe, uid, gid, "once", dir) }
	check(t, as(0, 0))
	statetest.OwnedBy(t, uid, gid, folder.FileMode, dir)
	check(t, as(uid, gid))
	check(t, as(0, 0))
	statetest.OwnedBy(t, uid, gid, folder.FileMode, dir)

	for _, name := range []string{"a.json", "a.lock", "a@route.json", "a@route.lock", "patroni.json", "patroni.lock"} { // by an umask 077 and a strange tool
		check(t, os.Chown(filepath.Join(dir, name), 0, 0))
		check(t, os.Chmod(filepath.Join(dir, name), 0o600))
	}
	if as(uid, gid) == nil {
		t.Error("a cluster state that could not be read, and no error")
	}
	statetest.OwnedBy(t, uid, gid, folder.FileMode, dir) // replaced
	check(t, as(uid, gid))                               // and well again
}

// The folder that root makes gets the owner it is told to.
func TestFolderMadeByRoot(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to make a folder for another")
	}
	data := t.TempDir()
	check(t, os.Chown(data, 65533, 65532))
	s := OpenStore(StoreOptions{Now: statetest.BootTime, Dir: filepath.Join(t.TempDir(), "run"), OwnerOf: data})
	check(t, s.SaveVIPState("a", policy.VIPState{}))
	statetest.OwnedBy(t, 65533, 65532, folder.FileMode, s.files.Path)
	var st unix.Stat_t
	check(t, unix.Stat(s.files.Path, &st))
	equal(t, "folder", fmt.Sprint(st.Uid, st.Gid), "65533 65532")
}

// On a disk that is full: nothing that was there is harmed, what is new waits or is reported, and
// all is well with room.
func TestDiskFull(t *testing.T) { statetest.OnFullDisk(t, "full") }

// full DIR: fills a small file system below DIR.
func onFullDisk(args []string) error {
	run := filepath.Join(args[0], "run")
	if err := statetest.Mount(run); err != nil {
		return err
	}
	store := OpenStore(StoreOptions{Now: statetest.BootTime, Dir: run})
	want := policy.VIPState{Generation: 7}
	if err := store.SaveVIPState("a", want); err != nil {
		return err
	}
	free, err := statetest.Fill(run, 0)
	if err != nil {
		return err
	}
	unlock, err := store.Lock("b", 0) // an empty file needs no room
	if err != nil {
		return fmt.Errorf("lock on a full disk: %w", err)
	}
	unlock()
	if err := store.SaveVIPState("a", policy.VIPState{Generation: 8}); !errors.Is(err, unix.ENOSPC) {
		return fmt.Errorf("save: %v", err)
	}
	got, err := store.VIPState("a")
	if err != nil || got.Generation != want.Generation {
		return fmt.Errorf("the old state is %+v, %v", got, err)
	}
	free()
	return store.SaveVIPState("a", policy.VIPState{Generation: 8})
}
