package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/vipctl/vipctl/trust"
)

// users are the ones that scripts know.
var users = map[string]uint32{"root": 0, "postgres": 999, "eve": 1001}

// as is a program: as USER[+CAPABILITY...] COMMAND... runs the command as that user, with ambient
// capabilities, as systemd's User= and AmbientCapabilities= do.
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

// powerless is a program: powerless COMMAND... runs the command without any capability, also where
// the only user there is to be is root.
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

// confine is a program: confine nnp|-cap_net_admin|-cap_net_raw[,...] COMMAND... runs the command
// without new privileges, or without a capability in its bounding set, as systemd's
// NoNewPrivileges= and CapabilityBoundingSet= do.
func confine() {
	capabilities := map[string]uintptr{"-cap_net_admin": unix.CAP_NET_ADMIN, "-cap_net_raw": unix.CAP_NET_RAW}
	runtime.LockOSThread()
	for word := range strings.SplitSeq(os.Args[1], ",") {
		err := fmt.Errorf("no such word")
		if number, known := capabilities[word]; known {
			err = unix.Prctl(unix.PR_CAPBSET_DROP, number, 0, 0, 0)
		} else if word == "nnp" {
			err = unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
		}
		if err != nil {
			die("confine:", word, err)
		}
	}
	path, err := exec.LookPath(os.Args[2])
	if err == nil {
		err = unix.Exec(path, os.Args[2:], os.Environ())
	}
	die("confine:", err)
}

// predict is a program: predict FILE says what FILE, the program powers, would have if this process
// ran it, and lets it.
func predict() {
	file := os.Args[1]
	credentials, found := trust.ProcessCredentials(os.Getpid())
	if !found {
		die("predict: this process is not in /proc")
	}
	effective, starts := credentials.Run(trust.ProgramAt(file))
	predicted := fmt.Sprintf("%x", effective&trust.Needed)
	if !starts {
		predicted = "refused"
	}
	out, err := exec.Command(file).Output()
	if errors.Is(err, unix.EPERM) {
		out, err = []byte("refused"), nil
	}
	if err != nil || string(out) != predicted {
		die("predict: got", string(out), err, "predicted", predicted)
	}
	fmt.Println(predicted)
}

// powers is a program: it prints which of the capabilities that vipctl needs are effective.
func powers() {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var sets [2]unix.CapUserData
	if err := unix.Capget(&header, &sets[0]); err != nil {
		die("powers:", err)
	}
	fmt.Printf("%x", sets[0].Effective&trust.Needed)
}

// idle is a program under several names: it says that it runs, and does nothing until who started
// it ends.
func idle() {
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
		die(os.Args[0], err)
	}
	fmt.Println("ready")
	select {}
}

func die(args ...any) {
	fmt.Fprintln(os.Stderr, args...)
	os.Exit(125)
}

// setcap gives a file cap_net_admin,cap_net_raw+ep, as setcap(8) does, or +p where effective is 0.
func setcap(file string, effective uint32) error {
	const revision2 = 0x02000000
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
	if err := os.Remove(to); err != nil && !errors.Is(err, os.ErrNotExist) { // of another run of the test, with another mode
		return err
	}
	// A script beside this one that starts a program just now would hand it the file, open for
	// writing, and a file that is open so cannot be run: ETXTBSY (go.dev/issue/22315).
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	return os.WriteFile(to, program, 0o755)
}

func userID(name string) (int, error) {
	if id, ok := users[name]; ok {
		return int(id), nil
	}
	return strconv.Atoi(name)
}
