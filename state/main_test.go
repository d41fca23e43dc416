package state

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/reconcile/policy"
)

// childMode in the environment makes the test binary one of the processes that the tests need.
const childMode = "STATE_TEST_CHILD"

func TestMain(m *testing.M) {
	mode := os.Getenv(childMode)
	if mode == "" {
		os.Exit(m.Run())
	}
	if err := children[mode](os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// children are the processes that the tests start, by what they do.
var children = map[string]func(args []string) error{
	"hold":   holdLock,
	"lock":   lockOnce,
	"route":  holdRoute,
	"routes": lockRoutes,
	"count":  countUp,
	"append": appendForEver,
	"save":   saveForEver,
	"memo":   memoForEver,
	"once":   writeOnce,
	"full":   onFullDisk,
}

// hold DIR VIP: takes the lock, says so, and keeps it until its input ends.
func holdLock(args []string) error {
	return hold(OpenNotes(NotesOptions{Now: bootTime, Dir: args[0]}).Lock(args[1], 0))
}

// route DIR VIP: the same with the lock of the VIP's route.
func holdRoute(args []string) error {
	return hold(OpenNotes(NotesOptions{Now: bootTime, Dir: args[0]}).LockRoute(args[1]))
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

// lock DIR VIP N: counts to N in a file, each step under the lock, so that a lock that two have loses steps.
func lockOnce(args []string) error {
	notes := OpenNotes(NotesOptions{Now: bootTime, Dir: args[0]})
	return steps(args, func() (func(), error) { return notes.Lock(args[1], 20*time.Second) })
}

// routes DIR VIP N: the same with the lock of the VIP's route.
func lockRoutes(args []string) error {
	notes := OpenNotes(NotesOptions{Now: bootTime, Dir: args[0]})
	return steps(args, func() (func(), error) { return awaitRoute(notes, args[1]) })
}

// awaitRoute takes a route's lock as soon as it is free.
func awaitRoute(n *Notes, vip string) (unlock func(), err error) {
	for unlock, err = n.LockRoute(vip); errors.Is(err, reconcile.ErrBusy); unlock, err = n.LockRoute(vip) {
		n.pause(firstPause)
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

// count DIR N: adds 1 to a number in the memory N times.
func countUp(args []string) error {
	notes := OpenNotes(NotesOptions{Now: bootTime, Dir: args[0]})
	n, _ := strconv.Atoi(args[1])
	return addToMemory(notes, n)
}

func addToMemory(notes *Notes, n int) error {
	for range n {
		err := reconcile.ErrBusy
		for errors.Is(err, reconcile.ErrBusy) {
			err = notes.UpdateClusterState(func(m *policy.ClusterState) { m.Reply.LastSeen++ })
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// append DIR RUN FROM: appends records numbered from FROM on, and prints each number once its Append is back.
func appendForEver(args []string) error {
	h := slowly(OpenHistory(Options{Now: bootTime, Dir: args[0], Run: args[1]}))
	from, _ := strconv.Atoi(args[2])
	for i := from; ; i++ {
		if err := h.Append(record(i)); err != nil {
			return err
		}
		fmt.Println(i)
	}
}

// save DIR VIP FROM: the same with a note's generation.
func saveForEver(args []string) error {
	notes := OpenNotes(NotesOptions{Now: bootTime, Dir: args[0]})
	from, _ := strconv.Atoi(args[2])
	for i := from; ; i++ {
		if err := notes.SaveVIPState(args[1], policy.VIPState{Generation: uint64(i)}); err != nil {
			return err
		}
		fmt.Println(i)
	}
}

// memo DIR VIP FROM: the same with the memo of the VIP's route.
func memoForEver(args []string) error {
	notes := OpenNotes(NotesOptions{Now: bootTime, Dir: args[0]})
	from, _ := strconv.Atoi(args[2])
	for i := from; ; i++ {
		m := fullMemo()
		m.Generation = uint64(i)
		if err := notes.SaveRouteMemo(args[1], m); err != nil {
			return err
		}
		fmt.Println(i)
	}
}

// once RUN DIR: does everything once, as whoever it runs.
func writeOnce(args []string) error {
	notes := OpenNotes(NotesOptions{Now: bootTime, Dir: args[0]})
	unlock, err := notes.Lock("a", 0)
	if err != nil {
		return err
	}
	defer unlock()
	unlockRoute, err := notes.LockRoute("a")
	if err != nil {
		return err
	}
	defer unlockRoute()
	note, _ := notes.VIPState("a") // another's may be unreadable
	note.Generation++
	return errors.Join(
		notes.SaveVIPState("a", note),
		notes.SaveRouteMemo("a", reconcile.RouteMemo{Generation: note.Generation}),
		notes.UpdateClusterState(func(m *policy.ClusterState) { m.LastTick++ }),
		slowly(OpenHistory(Options{Now: bootTime, Dir: args[1], Run: args[0]})).Append(record(os.Geteuid())),
	)
}

var testStart = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// record is the record number i, a second after the one before it.
func record(i int) reconcile.Record {
	return reconcile.Record{
		At: reconcile.Stamp{Time: testStart.Add(time.Duration(i) * time.Second)}, VIP: "192.0.2.10",
		Trigger: policy.EventTick, By: "timer", Do: reconcile.ChangeClaim, Code: policy.Code("leader"),
		Reason: "leader, address missing", TookMS: float64(i),
	}
}

func numbers(records []reconcile.Record) []int {
	var n []int
	for _, r := range records {
		n = append(n, int(r.TookMS))
	}
	return n
}

type process struct {
	*exec.Cmd
	in    io.WriteCloser
	lines *bufio.Scanner
}

func child(t testing.TB, mode string, args ...string) *process {
	t.Helper()
	p := command(t, mode, args...)
	p.start(t)
	return p
}

func command(t testing.TB, mode string, args ...string) *process {
	t.Helper()
	exe, err := os.Executable()
	check(t, err)
	p := &process{Cmd: exec.Command(exe, args...)}
	p.Env = append(os.Environ(), childMode+"="+mode)
	p.Stderr = os.Stderr
	return p
}

func (p *process) start(t testing.TB) {
	t.Helper()
	var err error
	p.in, err = p.StdinPipe()
	check(t, err)
	out, err := p.StdoutPipe()
	check(t, err)
	p.lines = bufio.NewScanner(out)
	check(t, p.Start())
	t.Cleanup(func() {
		_ = p.Process.Kill()
		_ = p.Wait()
	})
}

func (p *process) line(t testing.TB) string {
	t.Helper()
	if !p.lines.Scan() {
		t.Fatalf("%v ended without a word", p.Args)
	}
	return p.lines.Text()
}

// stop sends SIGSTOP and waits until the process has stopped.
func (p *process) stop(t testing.TB) {
	t.Helper()
	check(t, p.Process.Signal(unix.SIGSTOP))
	var status syscall.WaitStatus
	_, err := syscall.Wait4(p.Process.Pid, &status, syscall.WUNTRACED, nil)
	check(t, err)
	if !status.Stopped() {
		t.Fatalf("not stopped: %v", status)
	}
}

// kill sends SIGKILL and returns the rest of what the process had printed.
func (p *process) kill(t testing.TB) (rest []string) {
	t.Helper()
	check(t, p.Process.Kill())
	for p.lines.Scan() {
		rest = append(rest, p.lines.Text())
	}
	_ = p.Wait()
	return rest
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

// bootTime reads CLOCK_BOOTTIME.
func bootTime() policy.Moment {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		panic(err)
	}
	return time.Duration(ts.Nano())
}
