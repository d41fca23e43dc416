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
	"github.com/vipctl/vipctl/state/statetest"
)

func openStore(t testing.TB) *Store {
	t.Helper()
	return OpenStore(StoreOptions{Now: statetest.BootTime, Dir: filepath.Join(t.TempDir(), "run")})
}

func TestVIPStateIsKept(t *testing.T) {
	s := openStore(t)
	got, err := s.VIPState("192.0.2.10")
	check(t, err)
	equal(t, "none", got, policy.VIPState{})

	want := policy.VIPState{Generation: 3, Phase: policy.Claimed, Claimed: policy.SinceBoot(5 * time.Second), LeaseEnd: policy.Forever}
	check(t, s.SaveVIPState("192.0.2.10", want))
	got, err = s.VIPState("192.0.2.10")
	check(t, err)
	equal(t, "state", got, want)

	check(t, s.SaveVIPState("192.0.2.10", policy.VIPState{Generation: 4})) // an empty field overwrites a full one
	got, err = s.VIPState("192.0.2.10")
	check(t, err)
	equal(t, "state", got, policy.VIPState{Generation: 4})

	info, err := os.Stat(s.files.File("192.0.2.10.json"))
	check(t, err)
	equal(t, "mode", info.Mode(), 0o640)
	dir, err := os.Stat(s.files.Path)
	check(t, err)
	equal(t, "folder's mode", dir.Mode().Perm(), 0o750)
}

func TestVIPStateOfAnotherBootIsIgnored(t *testing.T) {
	s := openStore(t)
	check(t, s.SaveVIPState("a", policy.VIPState{Generation: 3}))
	s.files.boot = "another"
	got, err := s.VIPState("a")
	check(t, err)
	equal(t, "state", got, policy.VIPState{})
	check(t, s.SaveVIPState("a", policy.VIPState{Phase: policy.Claimed, Claimed: policy.SinceBoot(1)}))
	got, err = s.VIPState("a")
	check(t, err)
	equal(t, "state", got, policy.VIPState{Phase: policy.Claimed, Claimed: policy.SinceBoot(1)})
}

// Without /proc a tmpfs says that there was no reboot, and a disk does not.
func TestBootUnknown(t *testing.T) {
	for dir, want := range map[string]uint64{onTmpfs(t): 3, t.TempDir(): 0} {
		var st unix.Statfs_t
		check(t, unix.Statfs(dir, &st))
		if want == 0 && st.Type == unix.TMPFS_MAGIC {
			want = 3
		}
		s := OpenStore(StoreOptions{Now: statetest.BootTime, Dir: dir})
		check(t, s.SaveVIPState("a", policy.VIPState{Generation: 3}))
		s.files.boot = ""
		got, err := s.VIPState("a")
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
	s := openStore(t)
	check(t, s.files.Make())
	check(t, os.WriteFile(s.files.File("a.json"), fmt.Appendf(nil,
		`{"boot":%q,"generation":7,"claimed":9,"of_tomorrow":{"by":"ann"},"hand_over":{"generation":7,"began":1,"until":2,"how":"x"}}`, s.files.boot), 0o600))
	saved, err := s.VIPState("a")
	check(t, err)
	equal(t, "generation", saved.Generation, 7)
	saved.Generation, saved.Claimed = 8, policy.Moment{}
	check(t, s.SaveVIPState("a", saved))
	data, err := os.ReadFile(s.files.File("a.json"))
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

// What a newer vipctl has left must not keep this one from saving what decisions are made with.
func TestForeignFieldsGiveWayWhereThereIsNoRoom(t *testing.T) {
	s := openStore(t)
	check(t, s.files.Make())
	foreign := strings.Repeat("x", documentLimit-100)
	check(t, os.WriteFile(s.files.File("a.json"), fmt.Appendf(nil, `{"boot":%q,"of_tomorrow":%q}`, s.files.boot, foreign), 0o600))
	want := policy.VIPState{Generation: 8, Failure: strings.Repeat("y", 200)}
	check(t, s.SaveVIPState("a", want))
	got, err := s.VIPState("a")
	check(t, err)
	equal(t, "state", got, want)
}

const good = `{"boot":"x","generation":3}`

// damaged is what a file of the boot "x" may hold that is no state.
var damaged = map[string]string{
	"empty": "", "garbage": "\x00\xff\x00", "truncated": good[:12], "null": "null", "a list": "[]", "no boot": `{"generation":3}`,
	"boot no text": `{"boot":3}`, "behind it": good + "{}", "oversize": good + strings.Repeat(" ", documentLimit), "wrong type": `{"boot":"x","generation":"many"}`,
}

func TestDamagedStateIsAnErrorAndIsRepaired(t *testing.T) {
	for name, content := range damaged {
		t.Run(name, func(t *testing.T) {
			s := openStore(t)
			s.files.boot = "x"
			check(t, s.files.Make())
			check(t, os.WriteFile(s.files.File("a.json"), []byte(content), 0o600))
			check(t, os.WriteFile(s.files.File("patroni.json"), []byte(content), 0o600))
			saved, err := s.VIPState("a")
			if err == nil || saved.Generation != 0 {
				t.Fatalf("got %+v, %v", saved, err)
			}
			check(t, s.SaveVIPState("a", policy.VIPState{Generation: 1}))
			saved, err = s.VIPState("a")
			check(t, err)
			equal(t, "repaired", saved.Generation, 1)
			if name == "wrong type" {
				return // no field of the cluster state is called so
			}
			if err := s.UpdateClusterState(func(m *policy.ClusterState) { m.LastTick = policy.SinceBoot(5) }); err == nil {
				t.Fatal("a cluster state begun anew without an error")
			}
			m, err := s.ClusterState()
			check(t, err)
			equal(t, "last tick", m.LastTick, policy.SinceBoot(5))
		})
	}
}

func TestNamesOfVIPs(t *testing.T) {
	s := openStore(t)
	for _, bad := range []string{"", ".", "..", "patroni", "a/b", "../a", "a b", "a~", "ä", "a\n", "a@route", "patroni@route", "@route"} {
		_, stateErr := s.VIPState(bad)
		_, lockErr := s.Lock(bad, 0)
		_, memoErr := s.RouteMemo(bad)
		_, routeErr := s.LockRoute(bad)
		for what, err := range map[string]error{
			"state": stateErr, "lock": lockErr, "save": s.SaveVIPState(bad, policy.VIPState{}),
			"memo": memoErr, "route": routeErr, "save memo": s.SaveRouteMemo(bad, reconcile.RouteMemo{}),
		} {
			if err == nil || errors.Is(err, reconcile.ErrBusy) {
				t.Errorf("%s: %q is taken: %v", what, bad, err)
			}
		}
	}
	equal(t, "files", len(files(t, s)), 0)
	for _, good := range []string{"192.0.2.10", "2001:db8::1", "...", "db_main-1"} {
		check(t, s.SaveVIPState(good, policy.VIPState{}))
		check(t, s.SaveRouteMemo(good, reconcile.RouteMemo{}))
	}
}

// files are the names in the store's folder, sorted; none where there is no folder.
func files(t testing.TB, s *Store) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(s.files.Path)
	if !errors.Is(err, os.ErrNotExist) {
		check(t, err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestFolderWipedAndUnwritable(t *testing.T) {
	s := openStore(t)
	check(t, s.SaveVIPState("a", policy.VIPState{Generation: 1}))
	check(t, os.RemoveAll(s.files.Path))
	saved, err := s.VIPState("a")
	check(t, err)
	equal(t, "state", saved, policy.VIPState{})
	unlock, err := s.Lock("a", 0)
	check(t, err)
	unlock()
	check(t, os.RemoveAll(s.files.Path))
	check(t, s.SaveVIPState("a", policy.VIPState{Generation: 2}))
	check(t, os.RemoveAll(s.files.Path))
	check(t, s.UpdateClusterState(func(m *policy.ClusterState) { m.LastTick = policy.SinceBoot(5) }))

	blocked := OpenStore(StoreOptions{Now: statetest.BootTime, Dir: filepath.Join(s.files.Path, "patroni.json", "x")}) // not even root can make this
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
	s := openStore(t)
	check(t, s.files.Make())
	other := filepath.Join(t.TempDir(), "other")
	check(t, os.WriteFile(other, []byte("{}"), 0o600))
	for _, link := range []func(string, string) error{os.Symlink, os.Link, func(_, to string) error { return unix.Mkfifo(to, 0o600) }} {
		for _, name := range []string{"a.json", "a.lock"} {
			check(t, link(other, s.files.File(name)))
		}
		if _, err := s.VIPState("a"); err == nil {
			t.Error("read")
		}
		unlock, err := s.Lock("a", 0)
		check(t, err)
		unlock()
		check(t, s.SaveVIPState("a", policy.VIPState{}))
		data, err := os.ReadFile(other)
		check(t, err)
		equal(t, "the other file", string(data), "{}")
		check(t, os.Remove(s.files.File("a.json")))
		check(t, os.Remove(s.files.File("a.lock")))
	}
}

func TestTemporaryFilesOfTheKilledAreSwept(t *testing.T) {
	s := openStore(t)
	check(t, s.files.Make())
	now := s.locks.Now()
	old := s.files.File(fmt.Sprintf("a.json~%d-1-1", now.Add(-2*time.Minute).SinceBoot()))
	future := s.files.File(fmt.Sprintf("a.json~%d-1-1", now.Add(time.Hour).SinceBoot())) // of a boot that lasted longer
	young := s.files.File(fmt.Sprintf("a.json~%d-1-1", now.SinceBoot()))
	memo := s.files.File(fmt.Sprintf("a@route.json~%d-1-1", now.Add(-2*time.Minute).SinceBoot()))
	youngMemo := s.files.File(fmt.Sprintf("a@route.json~%d-1-1", now.SinceBoot()))
	routeLock := s.files.File(fmt.Sprintf("a@route.lock~%d-1-1", now.Add(-2*time.Minute).SinceBoot()))
	kept := []string{s.files.File("a@route.json"), s.files.File("a@route.lock"), young, youngMemo}
	for _, f := range append(kept, old, future, memo, routeLock) {
		check(t, os.WriteFile(f, nil, 0o600))
	}
	check(t, s.SaveVIPState("a", policy.VIPState{}))
	want := map[string]bool{old: false, future: false, memo: false, routeLock: false}
	for _, f := range kept {
		want[f] = true
	}
	for file, want := range want {
		_, err := os.Stat(file)
		equal(t, file, err == nil, want)
	}
}

func TestClusterUpdatesLoseNothing(t *testing.T) {
	s := openStore(t)
	check(t, s.files.Make())
	const processes, goroutines, each = 3, 4, 50
	var wait sync.WaitGroup
	var others []*statetest.Process
	for range processes {
		others = append(others, statetest.Start(t, "count", s.files.Path, fmt.Sprint(each)))
	}
	for range goroutines {
		wait.Go(func() {
			if err := addToCluster(s, each); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	for _, p := range others {
		check(t, p.Wait())
	}
	m, err := s.ClusterState()
	check(t, err)
	equal(t, "count", m.Reply.LastSeen, (processes+goroutines)*each)
}
