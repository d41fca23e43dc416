package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/reconcile/policy"
	"github.com/vipctl/vipctl/state"
	"github.com/vipctl/vipctl/state/history"
)

const theVIP = "192.0.2.10"

// tale is one transition as a run told of it, and as the history has it.
type tale struct {
	Do     reconcile.Change `json:"do"`
	Code   policy.Code      `json:"code"`
	TookMS float64          `json:"took_ms"`
}

// talesIn reads the transitions out of a log in JSON.
func talesIn(log []byte) (tales []tale) {
	for line := range bytes.Lines(log) {
		var t tale
		if json.Unmarshal(line, &t) == nil && t.TookMS != 0 {
			tales = append(tales, t)
		}
	}
	return tales
}

// vipctlProcess is one run of vipctl as a process of its own.
type vipctlProcess struct {
	*exec.Cmd
	args   []string
	stderr bytes.Buffer
}

func startVipctl(t *testing.T, args ...string) *vipctlProcess {
	t.Helper()
	p := &vipctlProcess{Cmd: exec.Command("vipctl", append([]string{"--log-format", "json"}, args...)...), args: args}
	p.Stderr = &p.stderr
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	return p
}

// done waits for the end of a process that nobody killed, and returns what it told.
func (p *vipctlProcess) done(t *testing.T) []tale {
	t.Helper()
	if err := p.Wait(); err != nil {
		t.Fatalf("vipctl %s: %v\n%s", p.args, err, &p.stderr)
	}
	return talesIn(p.stderr.Bytes())
}

// ledger holds the history against what was told.
type ledger struct {
	history *history.Log
	notes   *state.Store
	want    map[tale]int // how many there must be at least, for ever
}

func newLedger(run, stateDir string) *ledger {
	return &ledger{
		history: history.Open(history.Options{Dir: stateDir, Run: run, Now: hostClock{}.Now}),
		notes:   state.OpenStore(state.StoreOptions{Dir: run, Now: hostClock{}.Now}),
		want:    map[tale]int{},
	}
}

func (l *ledger) add(tales []tale) {
	for _, t := range tales {
		l.want[t]++
	}
}

// balance fails where a record is missing or there twice, and remembers those it finds.
func (l *ledger) balance(t *testing.T) {
	t.Helper()
	records, err := l.history.Read(history.Query{})
	if err != nil {
		t.Fatalf("read the history: %v", err)
	}
	found := map[tale]int{}
	once := map[reconcile.Record]bool{}
	for _, r := range records {
		r.At = reconcile.Stamp{Time: r.At.UTC()}
		if once[r] {
			t.Errorf("in the history twice: %+v", r)
		}
		once[r] = true
		found[tale{Do: r.Do, Code: r.Code, TookMS: r.TookMS}]++
	}
	for one, n := range l.want {
		if found[one] < n {
			t.Errorf("in the history %d times instead of %d: %+v", found[one], n, one)
		}
	}
	l.want = found
}

// check holds a settled host against the role that its Patroni reports.
func (l *ledger) check(t *testing.T, link string, leads bool) {
	t.Helper()
	copies, err := held(netip.MustParseAddr(theVIP))
	if err != nil {
		t.Fatal(err)
	}
	if want := theVIP + "/32 " + link; leads && (len(copies) != 1 || copies[0] != want) || !leads && len(copies) != 0 {
		t.Errorf("leads %v: held %q", leads, copies)
	}
	n, err := l.notes.VIPState(theVIP)
	if err != nil {
		t.Errorf("read the note: %v", err)
	}
	now := hostClock{}.Now()
	if n.HandOver != nil || leads != (n.Phase == policy.Claimed) || leads != (n.LeaseEnd.After(now)) || n.Claimed.After(now) || n.Failure != "" {
		t.Errorf("leads %v: note at %v is %+v", leads, now, n)
	}
	l.balance(t)
}

// role is what the fake Patroni reports in a round.
func (h *testHost) role(t *testing.T, leads bool) {
	t.Helper()
	what := "replica"
	if leads {
		what = "leader"
	}
	h.patroni.become(what)
	if err := errors.Join(h.postgres("up"), h.patroni.start()); err != nil {
		t.Fatal(err)
	}
}

func ownHost(t *testing.T) *testHost {
	t.Helper()
	needSandbox(t)
	h, err := newTestHost()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.patroni.stop)
	return h
}

func logSeed(t *testing.T) *rand.Rand {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// What is killed at any instant is made good by the next tick, and what was told before is not
// forgotten.
func TestKilledAtAnyInstant(t *testing.T) {
	t.Parallel()
	const rounds = 150
	h, random := ownHost(t), logSeed(t)
	l := newLedger("/run/vipctl", "/var/lib/vipctl")
	h.role(t, true)
	began := time.Now()
	l.add(startVipctl(t, "reconcile").done(t))
	usual := time.Since(began)

	killed := 0
	for round := range rounds {
		leads := round%2 == 0
		h.role(t, leads)
		words := [][]string{
			{"reconcile"}, {"callback", "on_role_change", "primary", "demo"}, {"callback", "on_role_change", "replica", "demo"},
			{"callback", "on_start", "primary", "demo"}, {"callback", "on_stop", "primary", "demo"},
		}[random.IntN(5)]
		if slices.Contains(words, "on_stop") {
			if err := h.postgres("down"); err != nil {
				t.Fatal(err)
			}
		}
		p := startVipctl(t, words...)
		<-time.After(time.Duration(random.Float64() * float64(usual)))
		_ = p.Process.Kill()
		if err := p.Wait(); err == nil {
			l.add(talesIn(p.stderr.Bytes()))
		} else if killed++; p.ProcessState.Exited() {
			t.Fatalf("round %d: vipctl %s: %v\n%s", round, words, err, &p.stderr)
		}

		h.role(t, leads)
		began := time.Now()
		l.add(startVipctl(t, "reconcile").done(t))
		usual = (7*usual + time.Since(began)) / 8 // the machine is busy with other tests, now more, now less
		if l.check(t, "eth0", leads); t.Failed() {
			t.Fatalf("round %d: after vipctl %s:\n%s", round, words, &p.stderr)
		}
	}
	t.Logf("%d of %d runs were killed; a run takes about %v", killed, rounds, usual)
}

// Two callbacks and a tick at once, as processes.
func TestAtOnceAsProcesses(t *testing.T) {
	t.Parallel()
	h, random := ownHost(t), logSeed(t)
	l := newLedger("/run/vipctl", "/var/lib/vipctl")
	for round := range 25 {
		leads := random.IntN(2) == 0
		h.role(t, leads)
		var all []*vipctlProcess
		for _, words := range atOnce {
			all = append(all, startVipctl(t, words...))
		}
		for _, p := range all {
			l.add(p.done(t))
		}
		l.add(startVipctl(t, "reconcile").done(t))
		if l.check(t, "eth0", leads); t.Failed() {
			t.Fatalf("round %d", round)
		}
	}
}

var atOnce = [][]string{
	{"callback", "on_role_change", "primary", "demo"}, {"callback", "on_role_change", "replica", "demo"}, {"reconcile"},
}

// Two callbacks and a tick at once in one process, for the race detector. The threads of run are
// any, so this uses the network namespace that all tests share, and paths of its own.
func TestAtOnceInOneProcess(t *testing.T) {
	t.Parallel()
	needSandbox(t)
	dir, random := t.TempDir(), logSeed(t)
	file := filepath.Join(dir, "vipctl.yml")
	text := strings.NewReplacer("/etc/patroni/", dir+"/", "eth0", "race0").Replace(defaultVipctlYML) +
		fmt.Sprintf("paths:\n  run: %[1]s/run\n  state: %[1]s/state\n", dir)
	h := &testHost{patroni: newFakePatroni()}
	if err := errors.Join(addLink("race0"), os.WriteFile(file, []byte(text), 0o644), h.patroni.start(),
		os.WriteFile(filepath.Join(dir, "patroni.yml"), []byte(defaultPatroniYML), 0o644)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.patroni.stop)
	t.Cleanup(func() { _ = changeLink("del", "race0") })
	l := newLedger(dir+"/run", dir+"/state")
	vipctl := func(words ...string) []tale {
		var stderr bytes.Buffer
		args := append([]string{"vipctl", "--log-format", "json", "--config", file}, words...)
		if code := run(t.Context(), args, &bytes.Buffer{}, &stderr); code != exitDone {
			t.Errorf("vipctl %s: exit code %d\n%s", words, code, &stderr)
		}
		return talesIn(stderr.Bytes())
	}
	for round := range 25 {
		leads := random.IntN(2) == 0
		h.patroni.become(map[bool]string{true: "leader", false: "replica"}[leads])
		told := make([][]tale, len(atOnce))
		var all sync.WaitGroup
		for i, words := range atOnce {
			all.Go(func() { told[i] = vipctl(words...) })
		}
		all.Wait()
		for _, tales := range told {
			l.add(tales)
		}
		l.add(vipctl("reconcile"))
		if l.check(t, "race0", leads); t.Failed() {
			t.Fatalf("round %d", round)
		}
	}
}

// A process that is stopped with the VIP's lock in its hands keeps nobody from moving the VIP. When
// it goes on, it does not act on what was true before.
func TestStoppedLockHolder(t *testing.T) {
	t.Parallel()
	h := ownHost(t)
	l := newLedger("/run/vipctl", "/var/lib/vipctl")
	h.role(t, true)
	l.add(startVipctl(t, "reconcile").done(t)) // which leaves the lock's file
	stopped := stopWithLock(t)
	t.Cleanup(func() { _ = stopped.Process.Kill() })

	began := time.Now()
	h.role(t, false)
	if err := changeAddress("add", theVIP+"/32", "eth0"); err != nil && !errors.Is(err, unix.EEXIST) {
		t.Fatal(err)
	}
	l.add(startVipctl(t, "callback", "on_role_change", "replica", "demo").done(t))
	took := time.Since(began)
	t.Logf("a release took %v", took)
	if copies, err := held(netip.MustParseAddr(theVIP)); err != nil || len(copies) > 0 {
		t.Fatalf("after the release: held %q, %v", copies, err)
	}
	if took > 900*time.Millisecond { // 200 ms for the VIP's lock, the same for the memory's, and a busy machine
		t.Errorf("a release took %v", took)
	}

	began = time.Now()
	h.role(t, true)
	l.add(startVipctl(t, "callback", "on_role_change", "primary", "demo").done(t))
	took = time.Since(began)
	t.Logf("a claim took %v", took)
	l.check(t, "eth0", true)
	if took > 4*time.Second {
		t.Errorf("a claim took %v", took)
	}

	h.role(t, false)
	l.add(startVipctl(t, "reconcile").done(t))
	if err := stopped.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	l.add(stopped.done(t))
	l.check(t, "eth0", false)
}

// Where others take the VIP's lock in turn for longer than a claim may wait, the claim is left to
// them. For Patroni and systemd that is no failure.
func TestBusyLock(t *testing.T) {
	t.Parallel()
	h := ownHost(t)
	h.role(t, true)
	lock, err := os.Create("/run/vipctl/" + theVIP + ".lock")
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	takeAnew := func() { // the lock's length is the moment at which it was taken
		now := unix.Flock_t{Type: unix.F_WRLCK, Len: int64(hostClock{}.Now().SinceBoot())}
		if err := unix.FcntlFlock(lock.Fd(), unix.F_OFD_SETLK, &now); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		words []string
		code  int
	}{
		{[]string{"callback", "on_role_change", "primary", "demo"}, exitDone},
		{[]string{"reconcile"}, exitDone},
		{[]string{"claim"}, exitBusy},
	} {
		words := c.words
		takeAnew()
		p := startVipctl(t, words...)
		ended := make(chan struct{})
		go func() { _ = p.Wait(); close(ended) }()
		for more := true; more; {
			select {
			case <-ended:
				more = false
			case <-time.After(100 * time.Millisecond):
				takeAnew()
			}
		}
		if code := p.ProcessState.ExitCode(); code != c.code || !strings.Contains(p.stderr.String(), reconcile.ErrBusy.Error()) {
			t.Errorf("vipctl %s: exit code %d\n%s", words, code, &p.stderr)
		}
		if copies, err := held(netip.MustParseAddr(theVIP)); err != nil || len(copies) > 0 {
			t.Errorf("vipctl %s: held %q, %v", words, copies, err)
		}
	}
}

// stopWithLock stops a run of vipctl at an instant at which it has the VIP's lock.
func stopWithLock(t *testing.T) *vipctlProcess {
	t.Helper()
	lock, err := os.OpenFile("/run/vipctl/"+theVIP+".lock", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	for range 200 {
		_ = changeAddress("del", theVIP+"/32", "eth0") // a claim takes longer than a look
		p := startVipctl(t, "reconcile")
		for end := time.Now().Add(200 * time.Millisecond); !locked(t, lock) && time.Now().Before(end); {
		}
		if p.Process.Signal(syscall.SIGSTOP) == nil && isStopped(t, p.Process.Pid) && locked(t, lock) {
			return p
		}
		_ = p.Process.Signal(syscall.SIGCONT)
		p.done(t)
	}
	t.Fatal("no run was stopped with the lock")
	return nil
}

// isStopped waits until the process is stopped, or reports that it has ended.
func isStopped(t *testing.T, pid int) bool {
	t.Helper()
	var info unix.Siginfo
	if err := unix.Waitid(unix.P_PID, pid, &info, unix.WSTOPPED|unix.WEXITED|unix.WNOWAIT, nil); err != nil {
		t.Fatal(err)
	}
	const stopped = 5 // CLD_STOPPED
	return info.Code == stopped
}

// locked reports whether somebody has a lock on the file.
func locked(t *testing.T, f *os.File) bool {
	t.Helper()
	lock := unix.Flock_t{Type: unix.F_WRLCK}
	if err := unix.FcntlFlock(f.Fd(), unix.F_OFD_GETLK, &lock); err != nil {
		t.Fatal(err)
	}
	return lock.Type != unix.F_UNLCK
}
