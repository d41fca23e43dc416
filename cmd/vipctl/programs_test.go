package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// terminal is a program: terminal COMMAND... runs the command with a terminal as its standard output, and prints what
// comes out of it.
func terminal() {
	control, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		die("terminal:", err)
	}
	fd := int(control.Fd())
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		die("terminal:", err)
	}
	tty, err := os.OpenFile("/dev/pts/"+strconv.Itoa(n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		die("terminal:", err)
	}
	c := exec.Command(os.Args[1], os.Args[2:]...)
	c.Stdout, c.Stderr = tty, os.Stderr
	if err := c.Start(); err != nil {
		die("terminal:", err)
	}
	tty.Close()
	_, _ = io.Copy(os.Stdout, control) // until EIO, which is how a terminal ends
	os.Exit(exitCodeOf(c.Wait()))
}

// impostor is a program: impostor COMMAND... runs the command while /proc/PID/cmdline of the impostor is, for all that
// stat(2) says, a file that root owns and nobody may write, with a configuration in it. PID stands for IMPOSTOR in the
// command.
func impostor() {
	const marker = "room"
	if len(os.Args) < 2 || os.Args[1] != marker {
		args := append([]string{"impostor", marker, strings.Repeat(" ", 4096)}, os.Args[1:]...)
		die("impostor:", unix.Exec("/proc/self/exe", args, os.Environ()))
	}
	var command []string
	for _, word := range os.Args[3:] {
		word = strings.Clone(word) // its memory is written over below
		command = append(command, strings.ReplaceAll(word, "IMPOSTOR", strconv.Itoa(os.Getpid())))
	}
	// The words are in one piece of memory that belongs to this process. Where its last byte is not 0, the kernel goes on
	// up to the next 0, which is in the environment: a comment.
	text := defaultVipctlYML + "  - address: 192.0.2.66\n    interface: eth0\n"
	first, last := os.Args[0], os.Args[len(os.Args)-1]
	start := unsafe.StringData(first)
	size := uintptr(unsafe.Pointer(unsafe.StringData(last))) - uintptr(unsafe.Pointer(start)) + uintptr(len(last)) + 1
	memory := unsafe.Slice(start, size)
	for i := range memory {
		memory[i] = '#'
	}
	copy(memory, text)
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		die("impostor:", err)
	}
	c := exec.Command(command[0], command[1:]...)
	c.Stdout, c.Stderr = os.Stdout, os.Stderr
	_ = c.Run()
	fmt.Fprintln(os.Stderr, "exit code", c.ProcessState.ExitCode())
}
