package state

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/reconcile/policy"
)

func openNotes(t testing.TB) *Notes {
	t.Helper()
	return OpenNotes(NotesOptions{Now: bootTime, Dir: filepath.Join(t.TempDir(), "run")})
}

func TestNoteIsKept(t *testing.T) {
	n := openNotes(t)
	got, err := n.VIPState("192.0.2.10")
	check(t, err)
	equal(t, "no note", got, policy.VIPState{})

	want := policy.VIPState{Generation: 3, Claimed: 5 * time.Second, LeaseEnd: policy.Forever}
	check(t, n.SaveVIPState("192.0.2.10", want))
	got, err = n.VIPState("192.0.2.10")
	check(t, err)
	equal(t, "note", got, want)

	check(t, n.SaveVIPState("192.0.2.10", policy.VIPState{Generation: 4})) // an empty field overwrites a full one
	got, err = n.VIPState("192.0.2.10")
	check(t, err)
	equal(t, "note", got, policy.VIPState{Generation: 4})

	info, err := os.Stat(n.file("192.0.2.10.json"))
	check(t, err)
	equal(t, "mode", info.Mode(), 0o640)
	dir, err := os.Stat(n.path)
	check(t, err)
	equal(t, "folder's mode", dir.Mode().Perm(), 0o750)
}

func TestNoteOfAnotherBootIsIgnored(t *testing.T) {
	n := openNotes(t)
	check(t, n.SaveVIPState("a", policy.VIPState{Generation: 3}))
	n.boot = "another"
	got, err := n.VIPState("a")
	check(t, err)
	equal(t, "note", got, policy.VIPState{})
	check(t, n.SaveVIPState("a", policy.VIPState{Claimed: 1}))
	got, err = n.VIPState("a")
	check(t, err)
	equal(t, "note", got, policy.VIPState{Claimed: 1})
}

// Without /proc a tmpfs says that there was no reboot, and a disk does not.
func TestBootUnknown(t *testing.T) {
	for dir, want := range map[string]uint64{onTmpfs(t): 3, t.TempDir(): 0} {
		var st unix.Statfs_t
		check(t, unix.Statfs(dir, &st))
		if want == 0 && st.Type == unix.TMPFS_MAGIC {
			want = 3
		}
		n := OpenNotes(NotesOptions{Now: bootTime, Dir: dir})
		check(t, n.SaveVIPState("a", policy.VIPState{Generation: 3}))
		n.boot = ""
		got, err := n.VIPState("a")
		check(t, err)
		equal(t, dir, got.Generation, want)
	}
}

func onTmpfs(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "state-test-")
	check(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func TestFieldsOfANewerVersionSurvive(t *testing.T) {
	n := openNotes(t)
	check(t, n.make())
	check(t, os.WriteFile(n.file("a.json"), fmt.Appendf(nil,
		`{"boot":%q,"generation":7,"claimed":9,"of_tomorrow":{"by":"ann"},"hand_over":{"generation":7,"began":1,"until":2,"how":"x"}}`, n.boot), 0o600))
	note, err := n.VIPState("a")
	check(t, err)
	equal(t, "generation", note.Generation, 7)
	note.Generation, note.Claimed = 8, 0
	check(t, n.SaveVIPState("a", note))
	data, err := os.ReadFile(n.file("a.json"))
	check(t, err)
	for _, want := range []string{`"of_tomorrow":{"by":"ann"}`, `"generation":8`} {
		if !strings.Contains(string(data), want) {
			t.Errorf("%s misses %s", data, want)
		}
	}
	if strings.Contains(string(data), "claimed") {
		t.Errorf("%s still has claimed", data)
	}
}

const good = `{"boot":"x","generation":3}`

// damaged is what a file of the boot "x" may hold that is no note.
var damaged = map[string]string{
	"empty": "", "garbage": "\x00\xff\x00", "truncated": good[:12], "null": "null", "a list": "[]", "no boot": `{"generation":3}`,
	"boot no text": `{"boot":3}`, "behind it": good + "{}", "oversize": good + strings.Repeat(" ", noteLimit), "wrong type": `{"boot":"x","generation":"many"}`,
}

func TestDamagedNoteIsAnErrorAndIsRepaired(t *testing.T) {
	for name, content := range damaged {
		t.Run(name, func(t *testing.T) {
			n := openNotes(t)
			n.boot = "x"
			check(t, n.make())
			check(t, os.WriteFile(n.file("a.json"), []byte(content), 0o600))
			check(t, os.WriteFile(n.file("patroni.json"), []byte(content), 0o600))
			note, err := n.VIPState("a")
			if err == nil || note.Generation != 0 {
				t.Fatalf("got %+v, %v", note, err)
			}
			check(t, n.SaveVIPState("a", policy.VIPState{Generation: 1}))
			note, err = n.VIPState("a")
			check(t, err)
			equal(t, "repaired", note.Generation, 1)
			if name == "wrong type" {
				return // no field of the memory is called so
			}
			if err := n.UpdateClusterState(func(m *policy.ClusterState) { m.LastTick = 5 }); err == nil {
				t.Fatal("a memory begun anew without a word")
			}
			m, err := n.ClusterState()
			check(t, err)
			equal(t, "last tick", m.LastTick, 5)
		})
	}
}

func TestNamesOfVIPs(t *testing.T) {
	n := openNotes(t)
	for _, bad := range []string{"", ".", "..", "patroni", "a/b", "../a", "a b", "a~", "ä", "a\n", "a@route", "patroni@route", "@route"} {
		_, noteErr := n.VIPState(bad)
		_, lockErr := n.Lock(bad, 0)
		_, memoErr := n.RouteMemo(bad)
		_, routeErr := n.LockRoute(bad)
		for what, err := range map[string]error{
			"note": noteErr, "lock": lockErr, "save": n.SaveVIPState(bad, policy.VIPState{}),
			"memo": memoErr, "route": routeErr, "save memo": n.SaveRouteMemo(bad, reconcile.RouteMemo{}),
		} {
			if err == nil || errors.Is(err, reconcile.ErrBusy) {
				t.Errorf("%s: %q is taken: %v", what, bad, err)
			}
		}
	}
	equal(t, "files", len(files(t, n)), 0)
	for _, good := range []string{"192.0.2.10", "2001:db8::1", "...", "db_main-1"} {
		check(t, n.SaveVIPState(good, policy.VIPState{}))
		check(t, n.SaveRouteMemo(good, reconcile.RouteMemo{}))
	}
}

// files are the names in the notes' folder, sorted; none where there is no folder.
func files(t testing.TB, n *Notes) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(n.path)
	if !errors.Is(err, os.ErrNotExist) {
		check(t, err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestFolderWipedAndUnwritable(t *testing.T) {
	n := openNotes(t)
	check(t, n.SaveVIPState("a", policy.VIPState{Generation: 1}))
	check(t, os.RemoveAll(n.path))
	note, err := n.VIPState("a")
	check(t, err)
	equal(t, "note", note, policy.VIPState{})
	unlock, err := n.Lock("a", 0)
	check(t, err)
	unlock()
	check(t, os.RemoveAll(n.path))
	check(t, n.SaveVIPState("a", policy.VIPState{Generation: 2}))
	check(t, os.RemoveAll(n.path))
	check(t, n.UpdateClusterState(func(m *policy.ClusterState) { m.LastTick = 5 }))

	blocked := OpenNotes(NotesOptions{Now: bootTime, Dir: filepath.Join(n.path, "patroni.json", "x")}) // not even root can make this
	_, err = blocked.Lock("a", time.Minute)
	if err == nil || errors.Is(err, reconcile.ErrBusy) {
		t.Errorf("lock: %v", err)
	}
	if err := blocked.SaveVIPState("a", policy.VIPState{}); err == nil {
		t.Error("saved")
	}
	called := false
	if err := blocked.UpdateClusterState(func(*policy.ClusterState) { called = true }); err == nil || !called {
		t.Errorf("update: %v, called: %v", err, called)
	}
}

// What is not a plain file is not followed: root could be led to any file of the machine.
func TestLinksAreNotFollowed(t *testing.T) {
	n := openNotes(t)
	check(t, n.make())
	other := filepath.Join(t.TempDir(), "other")
	check(t, os.WriteFile(other, []byte("{}"), 0o600))
	for _, link := range []func(string, string) error{os.Symlink, os.Link, func(_, to string) error { return unix.Mkfifo(to, 0o600) }} {
		for _, name := range []string{"a.json", "a.lock"} {
			check(t, link(other, n.file(name)))
		}
		if _, err := n.VIPState("a"); err == nil {
			t.Error("read")
		}
		unlock, err := n.Lock("a", 0)
		check(t, err)
		unlock()
		check(t, n.SaveVIPState("a", policy.VIPState{}))
		data, err := os.ReadFile(other)
		check(t, err)
		equal(t, "the other file", string(data), "{}")
		check(t, os.Remove(n.file("a.json")))
		check(t, os.Remove(n.file("a.lock")))
	}
}

func TestTemporaryFilesOfTheKilledAreSwept(t *testing.T) {
	n := openNotes(t)
	check(t, n.make())
	now := n.now()
	old := n.file(fmt.Sprintf("a.json~%d-1-1", now-2*leftOver))
	future := n.file(fmt.Sprintf("a.json~%d-1-1", now+time.Hour)) // of a boot that lasted longer
	young := n.file(fmt.Sprintf("a.json~%d-1-1", now))
	memo := n.file(fmt.Sprintf("a@route.json~%d-1-1", now-2*leftOver))
	youngMemo := n.file(fmt.Sprintf("a@route.json~%d-1-1", now))
	routeLock := n.file(fmt.Sprintf("a@route.lock~%d-1-1", now-2*leftOver))
	kept := []string{n.file("a@route.json"), n.file("a@route.lock"), young, youngMemo}
	for _, f := range append(kept, old, future, memo, routeLock) {
		check(t, os.WriteFile(f, nil, 0o600))
	}
	check(t, n.SaveVIPState("a", policy.VIPState{}))
	want := map[string]bool{old: false, future: false, memo: false, routeLock: false}
	for _, f := range kept {
		want[f] = true
	}
	for file, want := range want {
		_, err := os.Stat(file)
		equal(t, file, err == nil, want)
	}
}

func TestUpdateMemoryLosesNothing(t *testing.T) {
	n := openNotes(t)
	check(t, n.make())
	const processes, goroutines, each = 3, 4, 50
	var wait sync.WaitGroup
	var others []*process
	for range processes {
		others = append(others, child(t, "count", n.path, fmt.Sprint(each)))
	}
	for range goroutines {
		wait.Go(func() {
			if err := addToMemory(n, each); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	for _, p := range others {
		check(t, p.Wait())
	}
	m, err := n.ClusterState()
	check(t, err)
	equal(t, "count", m.Reply.LastSeen, (processes+goroutines)*each)
}
