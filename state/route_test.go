package state

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/reconcile/policy"
	"github.com/vipctl/vipctl/state/statetest"
)

// fullMemo has every field set.
func fullMemo() reconcile.RouteMemo {
	return reconcile.RouteMemo{
		Generation: 3, Failure: "locked", Begun: policy.SinceBoot(4), Due: policy.SinceBoot(7),
		Last:     &reconcile.RouteState{Ours: true, Holder: "server 2", Moving: true, Quota: &reconcile.Quota{Limit: 3600, Remaining: 12}},
		Checked:  policy.SinceBoot(10),
		Provider: json.RawMessage(`{"server":2,"switch":{"since":4,"action":5},"why":"a \"b\" \u2028"}`),
	}
}

func memo(t *testing.T, s *Store, vip string) reconcile.RouteMemo {
	t.Helper()
	m, err := s.RouteMemo(vip)
	check(t, err)
	return m
}

func TestRouteMemoIsKept(t *testing.T) {
	s := openStore(t)
	equal(t, "no memo", memo(t, s, "a"), reconcile.RouteMemo{})
	check(t, s.SaveRouteMemo("a", fullMemo()))
	equal(t, "memo", memo(t, s, "a"), fullMemo())
	check(t, s.SaveRouteMemo("a", reconcile.RouteMemo{Generation: 4})) // an empty field overwrites a full one
	equal(t, "memo", memo(t, s, "a"), reconcile.RouteMemo{Generation: 4})

	info, err := os.Stat(s.files.File("a@route.json"))
	check(t, err)
	equal(t, "mode", info.Mode(), 0o640)
}

// A VIP's memo is neither its state nor another VIP's memo.
func TestRouteMemoStandsAlone(t *testing.T) {
	s := openStore(t)
	saved := policy.VIPState{Generation: 7, Phase: policy.Claimed, Claimed: policy.SinceBoot(1)}
	check(t, s.SaveVIPState("a", saved))
	check(t, s.SaveRouteMemo("a", fullMemo()))
	check(t, s.SaveRouteMemo("b", reconcile.RouteMemo{Checked: policy.SinceBoot(9)}))
	check(t, s.UpdateClusterState(func(m *policy.ClusterState) { m.LastTick = policy.SinceBoot(5) }))
	got, err := s.VIPState("a")
	check(t, err)
	equal(t, "state", got, saved)
	check(t, s.SaveVIPState("a", policy.VIPState{}))
	equal(t, "memo of a", memo(t, s, "a"), fullMemo())
	equal(t, "memo of b", memo(t, s, "b"), reconcile.RouteMemo{Checked: policy.SinceBoot(9)})
}

func TestRouteMemoOfAnotherBootIsIgnored(t *testing.T) {
	s := openStore(t)
	check(t, s.SaveRouteMemo("a", fullMemo()))
	s.files.boot = "another"
	equal(t, "memo", memo(t, s, "a"), reconcile.RouteMemo{})
	check(t, s.SaveRouteMemo("a", reconcile.RouteMemo{Checked: policy.SinceBoot(1)}))
	equal(t, "memo", memo(t, s, "a"), reconcile.RouteMemo{Checked: policy.SinceBoot(1)})
}

func TestRouteMemoOfANewerVersionSurvives(t *testing.T) {
	s := openStore(t)
	check(t, s.files.Make())
	check(t, os.WriteFile(s.files.File("a@route.json"), fmt.Appendf(nil,
		`{"boot":%q,"generation":7,"due":9,"of_tomorrow":{"by":"ann"}}`, s.files.boot), 0o600))
	m := memo(t, s, "a")
	equal(t, "memo", m, reconcile.RouteMemo{Generation: 7, Due: policy.SinceBoot(9)})
	m.Generation, m.Due = 8, policy.Moment{}
	check(t, s.SaveRouteMemo("a", m))
	data, err := os.ReadFile(s.files.File("a@route.json"))
	check(t, err)
	for _, want := range []string{`"of_tomorrow":{"by":"ann"}`, `"generation":8`} {
		if !strings.Contains(string(data), want) {
			t.Errorf("%s misses %s", data, want)
		}
	}
	if strings.Contains(string(data), "due") {
		t.Errorf("%s still has due", data)
	}
}

func TestDamagedRouteMemoIsAnErrorAndIsRepaired(t *testing.T) {
	for name, content := range damaged {
		t.Run(name, func(t *testing.T) {
			s := openStore(t)
			s.files.boot = "x"
			check(t, s.files.Make())
			check(t, os.WriteFile(s.files.File("a@route.json"), []byte(content), 0o600))
			if m, err := s.RouteMemo("a"); err == nil || !reflect.DeepEqual(m, reconcile.RouteMemo{}) {
				t.Fatalf("got %+v, %v", m, err)
			}
			check(t, s.SaveRouteMemo("a", fullMemo()))
			equal(t, "repaired", memo(t, s, "a"), fullMemo())
		})
	}
}

func TestRouteLockExcludesAtOnce(t *testing.T) {
	s := openStore(t)
	s.locks.pause = func(time.Duration) { t.Error("waits") }
	unlock, err := s.LockRoute("a")
	check(t, err)
	other, err := s.LockRoute("b")
	check(t, err)
	other()
	if _, err := s.LockRoute("a"); !errors.Is(err, reconcile.ErrBusy) || !strings.Contains(err.Error(), "a@route.lock, for ") {
		t.Fatalf("got %v", err)
	}
	unlock()
	unlock() // twice does no harm
	again, err := s.LockRoute("a")
	check(t, err)
	unlock() // the first one's does not open the second one's
	if _, err := s.LockRoute("a"); !errors.Is(err, reconcile.ErrBusy) {
		t.Fatalf("got %v", err)
	}
	again()
}

// Who has the one lock is not in the way of the other.
func TestRouteLockIsNotTheVIPs(t *testing.T) {
	s := openStore(t)
	for range 2 {
		route, err := s.LockRoute("a")
		check(t, err)
		vip, err := s.Lock("a", 0)
		check(t, err)
		route()
		if _, err := s.Lock("a", 0); !errors.Is(err, reconcile.ErrBusy) {
			t.Fatalf("given back with the route's: %v", err)
		}
		route, err = s.LockRoute("a")
		check(t, err)
		vip()
		if _, err := s.LockRoute("a"); !errors.Is(err, reconcile.ErrBusy) {
			t.Fatalf("given back with the VIP's: %v", err)
		}
		check(t, s.UpdateClusterState(func(*policy.ClusterState) {}))
		route()
	}
	equal(t, "files", files(t, s), []string{"a.lock", "a@route.lock", "patroni.json", "patroni.lock"})
}

// Goroutines of one process and of others, side by side: no step is lost.
func TestRouteLockAcrossProcessesAndGoroutines(t *testing.T) {
	s := openStore(t)
	check(t, s.files.Make())
	const processes, goroutines, each = 2, 3, 50
	var others []*statetest.Process
	for range processes {
		others = append(others, statetest.Start(t, "routes", s.files.Path, "a", fmt.Sprint(each)))
	}
	var wait sync.WaitGroup
	for range goroutines {
		wait.Go(func() {
			if err := lockRoutes([]string{s.files.Path, "a", fmt.Sprint(each)}); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	for _, p := range others {
		check(t, p.Wait())
	}
	data, err := os.ReadFile(s.files.File("steps"))
	check(t, err)
	equal(t, "steps", string(data), fmt.Sprint((processes+goroutines)*each))
}

// A killed holder's lock goes with it at once, its age too: the next one is not taken for as old as
// that.
func TestRouteLockOfAKilledHolder(t *testing.T) {
	s := openStore(t)
	for range 5 {
		holder := statetest.Start(t, "route", s.files.Path, "a")
		holder.Line(t)
		if _, err := s.LockRoute("a"); !errors.Is(err, reconcile.ErrBusy) {
			t.Fatalf("held, and taken: %v", err)
		}
		holder.Kill(t)
		late := s.later(2 * reconcile.RouteLockAge)
		unlock, err := late.LockRoute("a")
		check(t, err)
		if _, err := late.LockRoute("a"); !errors.Is(err, reconcile.ErrBusy) {
			t.Fatalf("the new holder was passed over: %v", err)
		}
		unlock()
	}
}

// A call may take minutes: only a holder that is older than any call is passed over.
func TestRouteLockOfAStoppedHolder(t *testing.T) {
	s := openStore(t)
	holder := statetest.Start(t, "route", s.files.Path, "a")
	holder.Line(t)
	holder.Stop(t)
	for _, age := range []time.Duration{0, 2 * heldTooLong, reconcile.RouteLockAge - 30*time.Second} {
		if _, err := s.later(age).LockRoute("a"); !errors.Is(err, reconcile.ErrBusy) {
			t.Fatalf("after %v: %v", age, err)
		}
		vip, err := s.later(age).Lock("a", 0) // and the VIP does not care
		check(t, err)
		vip()
	}
	passed, err := s.later(reconcile.RouteLockAge).LockRoute("a")
	check(t, err)
	passed()
	if _, err := s.LockRoute("a"); !errors.Is(err, reconcile.ErrBusy) {
		t.Fatalf("the holder lost its lock to one who passed it: %v", err)
	}

	check(t, holder.Process.Signal(unix.SIGCONT))
	holder.In.Close()
	check(t, holder.Wait())
	unlock, err := s.LockRoute("a")
	check(t, err)
	unlock()
}

// A folder that is wiped is made again, and one that cannot be made is an error that is not
// ErrBusy.
func TestRouteFolderWipedAndUnwritable(t *testing.T) {
	s := openStore(t)
	check(t, s.SaveRouteMemo("a", fullMemo()))
	check(t, os.RemoveAll(s.files.Path))
	equal(t, "memo", memo(t, s, "a"), reconcile.RouteMemo{})
	unlock, err := s.LockRoute("a")
	check(t, err)
	check(t, os.RemoveAll(s.files.Path))
	check(t, s.SaveRouteMemo("a", fullMemo()))
	unlock()
	equal(t, "memo", memo(t, s, "a"), fullMemo())

	blocked := OpenStore(StoreOptions{Now: statetest.BootTime, Dir: s.files.File("a@route.json")}) // not even root can make this
	if _, err = blocked.LockRoute("a"); err == nil || errors.Is(err, reconcile.ErrBusy) {
		t.Errorf("lock: %v", err)
	}
	if err := blocked.SaveRouteMemo("a", fullMemo()); err == nil {
		t.Error("saved")
	}
}

// Killed at any instant: a memo is an old one or a new one, and never older than the last that was
// saved.
func TestSaveRouteMemoKilled(t *testing.T) {
	s := openStore(t)
	last := 0
	for range 10 {
		p := statetest.Start(t, "memo", s.files.Path, "a", fmt.Sprint(last+1))
		said := p.LastNumber(t)
		if last = int(memo(t, s, "a").Generation); last != said && last != said+1 {
			t.Fatalf("memo %d after %d was saved", last, said)
		}
	}
}
