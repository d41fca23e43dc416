package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// users are the ones that scripts know.
var users = map[string]uint32{"root": 0, "postgres": 999, "eve": 1001}

// as is a program: as USER[+CAPABILITY...] COMMAND... runs the command as that user, with ambient capabilities, as
// systemd's User= and AmbientCapabilities= do.
func as() {
	who, capabilities, _ := strings.Cut(os.Args[1], "+")
	id, ok := users[who]
	if !ok {
		die("as: no user called", who)
	}
	c := exec.Command(os.Args[2], os.Args[3:]...)
	c.Stdin, c.Stdout, c.Stderr = os.Stdin, os.Stdout, os.Stderr
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: id, Gid: id}}
	for name := range strings.SplitSeq(capabilities, "+") {
		switch name {
		case "":
		case "cap_net_admin":
			c.SysProcAttr.AmbientCaps = append(c.SysProcAttr.AmbientCaps, unix.CAP_NET_ADMIN)
		case "cap_net_raw":
			c.SysProcAttr.AmbientCaps = append(c.SysProcAttr.AmbientCaps, unix.CAP_NET_RAW)
		default:
			die("as: no capability called", name)
		}
	}
	if err := c.Run(); err != nil {
		if c.ProcessState == nil {
			die("as:", err)
		}
		os.Exit(exitCodeOf(err))
	}
}

// powerless is a program: powerless COMMAND... runs the command without any capability, also where the only user there
// is to be is root.
func powerless() {
	const locked = 1<<0 | 1<<1 // SECBIT_NOROOT and its lock: an exec as uid 0 gives nothing
	runtime.LockOSThread()     // capabilities are a thread's
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var none [2]unix.CapUserData
	if err := unix.Prctl(unix.PR_SET_SECUREBITS, locked, 0, 0, 0); err != nil {
		die("powerless: secure bits:", err)
	}
	if err := unix.Capset(&header, &none[0]); err != nil {
		die("powerless: capabilities:", err)
	}
	path, err := exec.LookPath(os.Args[1])
	if err == nil {
		err = unix.Exec(path, os.Args[1:], os.Environ())
	}
	die("powerless:", err)
}

func die(args ...any) {
	fmt.Fprintln(os.Stderr, args...)
	os.Exit(125)
}

// setcap gives a file cap_net_admin,cap_net_raw+ep, as setcap(8) does.
func setcap(file string) error {
	const revision2, effective = 0x02000000, 1
	permitted := uint32(1<<unix.CAP_NET_ADMIN | 1<<unix.CAP_NET_RAW)
	var data []byte
	for _, word := range []uint32{revision2 | effective, permitted, 0, 0, 0} {
		data = append(data, byte(word), byte(word>>8), byte(word>>16), byte(word>>24)) // little endian on every machine
	}
	if err := unix.Setxattr(file, "security.capability", data, 0); err != nil {
		return fmt.Errorf("setcap %s: %w", file, err)
	}
	return nil
}

// installProgram copies the test binary, which is vipctl under that name.
func installProgram(to string) error {
	program, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, program, 0o755)
}

func userID(name string) (int, error) {
	if id, ok := users[name]; ok {
		return int(id), nil
	}
	return strconv.Atoi(name)
}
