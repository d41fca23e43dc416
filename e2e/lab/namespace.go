package lab

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// Namespace is a named network namespace, as `ip netns` lists it.
type Namespace struct {
	Name   string
	handle netns.NsHandle
	id     string // what /proc/PID/ns/net links to for a process in it
}

func newNamespace(name string) (*Namespace, error) {
	if err := ip("netns", "add", name); err != nil {
		return nil, err
	}
	if err := ip("-n", name, "link", "set", "lo", "up"); err != nil {
		return nil, err
	}
	return openNamespace(name)
}

func openNamespace(name string) (*Namespace, error) {
	h, err := netns.GetFromName(name)
	if err != nil {
		return nil, fmt.Errorf("open namespace %s: %w", name, err)
	}
	var st unix.Stat_t
	if err := unix.Fstat(int(h), &st); err != nil {
		return nil, fmt.Errorf("identify namespace %s: %w", name, err)
	}
	return &Namespace{Name: name, handle: h, id: fmt.Sprintf("net:[%d]", st.Ino)}, nil
}

// Do runs f on a thread that is in the namespace. Sockets that f opens and processes that it starts
// stay there; what f hands to other goroutines does not.
func (n *Namespace) Do(f func() error) error {
	runtime.LockOSThread()
	origin, err := netns.Get()
	if err != nil {
		runtime.UnlockOSThread()
		return err
	}
	defer origin.Close()
	if err := netns.Set(n.handle); err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("enter namespace %s: %w", n.Name, err)
	}
	defer func() {
		if netns.Set(origin) == nil {
			runtime.UnlockOSThread()
		} // else the thread ends with its goroutine: nobody else must run on it
	}()
	return f()
}

// Go runs f in a goroutine of its own whose thread is in the namespace, and ends with it.
func (n *Namespace) Go(f func(entered error)) {
	go func() {
		runtime.LockOSThread() // and never unlocked
		f(netns.Set(n.handle))
	}()
}

// Dial connects from inside the namespace. The address must be a literal: a look-up would run on
// other threads.
func (n *Namespace) Dial(ctx context.Context, network, address string) (conn net.Conn, err error) {
	err = n.Do(func() error {
		var d net.Dialer
		conn, err = d.DialContext(ctx, network, address)
		return err
	})
	return conn, err
}

// httpClient returns a client whose connections begin in the namespace. Each request has a
// connection of its own.
func (n *Namespace) httpClient() *http.Client {
	return &http.Client{Transport: &http.Transport{DialContext: n.Dial, DisableKeepAlives: true}}
}

// pids lists the processes in the namespace. Zombies are in none.
func (n *Namespace) pids() []int {
	entries, _ := os.ReadDir("/proc")
	var in []int
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if id, err := os.Readlink("/proc/" + e.Name() + "/ns/net"); err == nil && id == n.id && pid != os.Getpid() {
			in = append(in, pid)
		}
	}
	return in
}

// signalAll sends sig to every process of the namespace but those to spare, again until no new one
// turns up: a process may fork while the others are being signalled.
func (n *Namespace) signalAll(sig unix.Signal, spare func(pid int) bool) {
	done := make(map[int]bool)
	for again := true; again; {
		again = false
		for _, pid := range n.pids() {
			if !done[pid] && !spare(pid) {
				done[pid], again = true, true
				_ = unix.Kill(pid, sig)
			}
		}
	}
}

// kill ends every process of the namespace but those to spare, and returns when they are gone.
func (n *Namespace) kill(spare func(pid int) bool) error {
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		left := 0
		for _, pid := range n.pids() {
			if !spare(pid) {
				left++
				_ = unix.Kill(pid, unix.SIGKILL)
			}
		}
		if left == 0 {
			return nil
		}
	}
	return fmt.Errorf("processes in %s survive SIGKILL: %v", n.Name, n.pids())
}

// nobody spares no process.
func nobody(int) bool { return false }

func (n *Namespace) delete() error {
	if n == nil {
		return nil
	}
	_ = n.handle.Close()
	return ip("netns", "delete", n.Name)
}

// ip runs iproute2's ip(8).
func ip(args ...string) error {
	cmd := exec.Command("ip", args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C must not end a step half-way
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("ip %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}
