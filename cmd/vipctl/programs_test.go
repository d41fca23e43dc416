package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"

	"golang.org/x/sys/unix"
)

// terminal is a program: terminal COMMAND... runs the command with a terminal as its standard
// output, and prints what comes out of it.
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

// journal is a program: journal COMMAND... runs the command as systemd does where stderr goes to
// the journal.
func journal() {
	var st unix.Stat_t
	path, err := exec.LookPath(os.Args[1])
	if err = errors.Join(err, unix.Fstat(2, &st)); err == nil {
		env := append(os.Environ(), fmt.Sprintf("JOURNAL_STREAM=%d:%d", st.Dev, st.Ino))
		err = unix.Exec(path, os.Args[1:], env)
	}
	die("journal:", err)
}

// unreadProgram is a program: unread stdout|stderr COMMAND... runs the command with a pipe there
// that nobody reads.
func unreadProgram() {
	r, w, err := os.Pipe()
	if err != nil {
		die("unread:", err)
	}
	r.Close()
	c := exec.Command(os.Args[2], os.Args[3:]...)
	c.Stdout, c.Stderr = os.Stdout, os.Stderr
	switch os.Args[1] {
	case "stdout":
		c.Stdout = w
	case "stderr":
		c.Stderr = w
	default:
		die("unread: got", os.Args[1])
	}
	err = c.Run()
	if c.ProcessState == nil {
		die("unread:", err)
	}
	os.Exit(exitCodeOf(err))
}
