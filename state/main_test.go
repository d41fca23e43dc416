package state

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"testing"
	"time"

	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/reconcile/policy"
	"github.com/vipctl/vipctl/state/statetest"
)

func TestMain(m *testing.M) { os.Exit(statetest.Main(m, children)) }

// children are the processes that the tests start, by what they do.
var children = map[string]func(args []string) error{
	"hold":   holdLock,
	"lock":   lockOnce,
	"route":  holdRoute,
	"routes": lockRoutes,
	"count":  countUp,
	"save":   saveForEver,
	"memo":   memoForEver,
	"once":   writeOnce,
	"full":   onFullDisk,
}

// hold DIR VIP: takes the lock, says so, and keeps it until its input ends.
func holdLock(args []string) error {
	return hold(OpenStore(StoreOptions{Now: statetest.BootTime, Dir: args[0]}).Lock(args[1], 0))
}

// route DIR VIP: the same with the lock of the VIP's route.
func holdRoute(args []string) error {
	return hold(OpenStore(StoreOptions{Now: statetest.BootTime, Dir: args[0]}).LockRoute(args[1]))
}

func hold(unlock func(), err error) error {
	if err != nil {
		return err
	}
	fmt.Println("held")
	_, _ = io.Copy(io.Discard, os.Stdin)
	unlock()
	return nil
}

// lock DIR VIP N: counts to N in a file, each step under the lock, so that a lock that two have
// loses steps.
func lockOnce(args []string) error {
	store := OpenStore(StoreOptions{Now: statetest.BootTime, Dir: args[0]})
	return steps(args, func() (func(), error) { return store.Lock(args[1], 20*time.Second) })
}

// routes DIR VIP N: the same with the lock of the VIP's route.
func lockRoutes(args []string) error {
	store := OpenStore(StoreOptions{Now: statetest.BootTime, Dir: args[0]})
	return steps(args, func() (func(), error) { return awaitRoute(store, args[1]) })
}

// awaitRoute takes a route's lock as soon as it is free.
func awaitRoute(s *Store, vip string) (unlock func(), err error) {
	for unlock, err = s.LockRoute(vip); errors.Is(err, reconcile.ErrBusy); unlock, err = s.LockRoute(vip) {
		s.locks.pause(firstPause)
	}
	return unlock, err
}

func steps(args []string, lock func() (func(), error)) error {
	n, _ := strconv.Atoi(args[2])
	for range n {
		unlock, err := lock()
		if err != nil {
			return err
		}
		if err := step(filepath.Join(args[0], "steps")); err != nil {
			return err
		}
		unlock()
	}
	return nil
}

func step(file string) error {
	data, err := os.ReadFile(file)
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	n, _ := strconv.Atoi(string(data))
	return os.WriteFile(file, []byte(strconv.Itoa(n+1)), 0o600)
}

// count DIR N: adds 1 to a number in the cluster state N times.
func countUp(args []string) error {
	store := OpenStore(StoreOptions{Now: statetest.BootTime, Dir: args[0]})
	n, _ := strconv.Atoi(args[1])
	return addToCluster(store, n)
}

func addToCluster(store *Store, n int) error {
	for range n {
		err := reconcile.ErrBusy
		for errors.Is(err, reconcile.ErrBusy) {
			err = store.UpdateClusterState(func(m *policy.ClusterState) { m.Reply.LastSeen++ })
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// save DIR VIP FROM: the same with a VIP state's generation.
func saveForEver(args []string) error {
	store := OpenStore(StoreOptions{Now: statetest.BootTime, Dir: args[0]})
	from, _ := strconv.Atoi(args[2])
	for i := from; ; i++ {
		if err := store.SaveVIPState(args[1], policy.VIPState{Generation: uint64(i)}); err != nil {
			return err
		}
		fmt.Println(i)
	}
}

// memo DIR VIP FROM: the same with the memo of the VIP's route.
func memoForEver(args []string) error {
	store := OpenStore(StoreOptions{Now: statetest.BootTime, Dir: args[0]})
	from, _ := strconv.Atoi(args[2])
	for i := from; ; i++ {
		m := fullMemo()
		m.Generation = uint64(i)
		if err := store.SaveRouteMemo(args[1], m); err != nil {
			return err
		}
		fmt.Println(i)
	}
}

// once DIR: does everything once, as whoever it runs.
func writeOnce(args []string) error {
	store := OpenStore(StoreOptions{Now: statetest.BootTime, Dir: args[0]})
	unlock, err := store.Lock("a", 0)
	if err != nil {
		return err
	}
	defer unlock()
	unlockRoute, err := store.LockRoute("a")
	if err != nil {
		return err
	}
	defer unlockRoute()
	saved, _ := store.VIPState("a") // another's may be unreadable
	saved.Generation++
	return errors.Join(
		store.SaveVIPState("a", saved),
		store.SaveRouteMemo("a", reconcile.RouteMemo{Generation: saved.Generation}),
		store.UpdateClusterState(func(m *policy.ClusterState) { m.LastTick = m.LastTick.Add(1) }),
	)
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func equal[T any](t testing.TB, what string, got, want T) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("%s: got %v, want %v", what, got, want)
	}
}
