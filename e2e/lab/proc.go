package lab

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// process is a line of /proc/PID/stat.
type process struct {
	pid, parent, session int
	state                byte
}

func processes() []process {
	entries, _ := os.ReadDir("/proc")
	var all []process
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if p, ok := readProcess(pid); ok {
			all = append(all, p)
		}
	}
	return all
}

func readProcess(pid int) (process, bool) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return process{}, false
	}
	// "pid (name) state ppid pgrp session ...": the name may hold spaces and brackets
	p, group := process{pid: pid}, 0
	rest := stat[bytes.LastIndexByte(stat, ')')+1:]
	_, err = fmt.Sscanf(string(rest), " %c %d %d %d", &p.state, &p.parent, &group, &p.session)
	return p, err == nil
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

// signalAll sends sig to every process of the namespace but those to spare, again until no new one turns up: a process
// may fork while the others are being signalled.
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

func nobody(int) bool { return false }
