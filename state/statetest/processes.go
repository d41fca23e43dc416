// Package statetest has what the tests of state and its packages share: processes that are killed,
// stopped or run as another user, and disks that are full.
package statetest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/vipctl/vipctl/reconcile/policy"
)

// childMode in the environment makes the test binary one of the processes that the tests need.
const childMode = "STATE_TEST_CHILD"

// Main is for TestMain, and returns the exit code: it runs the tests, or in a process that
// [Command] made the child of that name, with the arguments of Command.
func Main(m *testing.M, children map[string]func(args []string) error) int {
	mode := os.Getenv(childMode)
	if mode == "" {
		return m.Run()
	}
	if err := children[mode](os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// Process is another process of the test binary.
type Process struct {
	*exec.Cmd
	In    io.WriteCloser // its input; nil before it is started
	lines *bufio.Scanner
}

// Start starts a child. It is killed at the end of the test, at the latest.
func Start(t testing.TB, child string, args ...string) *Process {
	t.Helper()
	p := Command(t, child, args...)
	var err error
	p.In, err = p.StdinPipe()
	check(t, err)
	out, err := p.StdoutPipe()
	check(t, err)
	p.lines = bufio.NewScanner(out)
	check(t, p.Cmd.Start())
	t.Cleanup(func() {
		_ = p.Process.Kill()
		_ = p.Wait()
	})
	return p
}

// Command returns a child that is not started.
func Command(t testing.TB, child string, args ...string) *Process {
	t.Helper()
	exe, err := os.Executable()
	check(t, err)
	p := &Process{Cmd: exec.Command(exe, args...)}
	p.Env = append(os.Environ(), childMode+"="+child)
	p.Stderr = os.Stderr
	return p
}

// Line returns the next line that the process prints.
func (p *Process) Line(t testing.TB) string {
	t.Helper()
	if !p.lines.Scan() {
		t.Fatalf("%v ended without a line", p.Args)
	}
	return p.lines.Text()
}

// Stop sends SIGSTOP and waits until the process has stopped.
func (p *Process) Stop(t testing.TB) {
	t.Helper()
	check(t, p.Process.Signal(unix.SIGSTOP))
	var status syscall.WaitStatus
	_, err := syscall.Wait4(p.Process.Pid, &status, syscall.WUNTRACED, nil)
	check(t, err)
	if !status.Stopped() {
		t.Fatalf("not stopped: %v", status)
	}
}

// Kill sends SIGKILL and returns the rest of what the process had printed.
func (p *Process) Kill(t testing.TB) (rest []string) {
	t.Helper()
	check(t, p.Process.Kill())
	for p.lines.Scan() {
		rest = append(rest, p.lines.Text())
	}
	_ = p.Wait()
	return rest
}

// LastNumber lets the process run for a random while of up to 20 ms, kills it, and returns the last
// number that it has printed.
func (p *Process) LastNumber(t testing.TB) int {
	t.Helper()
	lines := []string{p.Line(t)}
	<-time.After(time.Duration(rand.IntN(20_000)) * time.Microsecond)
	lines = append(lines, p.Kill(t)...)
	n, err := strconv.Atoi(lines[len(lines)-1])
	check(t, err)
	return n
}

// Copy copies the test binary into a folder, since that of go test is closed to other users, and
// returns its path.
func Copy(t testing.TB, dir string) string {
	t.Helper()
	self, err := os.Executable()
	check(t, err)
	in, err := os.Open(self)
	check(t, err)
	defer in.Close()
	to := filepath.Join(dir, "state.test")
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE, 0o755)
	check(t, err)
	_, err = io.Copy(out, in)
	check(t, errors.Join(err, out.Chmod(0o755), out.Close()))
	return to
}

// RunAs runs a child as another user, from a copy of the test binary, and returns what it prints
// with its error.
func RunAs(t testing.TB, exe string, uid, gid uint32, child string, args ...string) error {
	t.Helper()
	p := Command(t, child, args...)
	p.Path, p.Stderr = exe, nil
	p.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: gid}}
	out, err := p.CombinedOutput()
	if err != nil {
		return fmt.Errorf("as %d: %w: %s", uid, err, out)
	}
	return nil
}

// BootTime reads CLOCK_BOOTTIME.
func BootTime() policy.Moment {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		panic(err)
	}
	return policy.SinceBoot(time.Duration(ts.Nano()))
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
