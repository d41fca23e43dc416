package main

import (
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// keptVariables are what is left of the environment of a process that is privileged by its file. Both only change how
// things look, and without JOURNAL_STREAM no line would pass the LogLevelMax= of the unit.
var keptVariables = []string{"JOURNAL_STREAM", "NO_COLOR"}

// shedEnvironment forgets the environment where the kernel says that whoever set it has less power than this process:
// it would choose the configuration, the certificates to trust, the time zone's file. Nothing may have read it before.
func shedEnvironment() {
	if !secureMode() {
		return
	}
	for _, variable := range os.Environ() {
		if name, _, _ := strings.Cut(variable, "="); !slices.Contains(keptVariables, name) {
			_ = os.Unsetenv(name)
		}
	}
}

// secureMode is the kernel's AT_SECURE: the executed file gave this process capabilities, or another user's or group's
// identity. The vector comes from the runtime, since such a process cannot read /proc/self/auxv.
func secureMode() bool {
	const atSecure = 23 // include/uapi/linux/auxvec.h
	vector, err := unix.Auxv()
	if err != nil {
		return true // there is no Linux without one
	}
	for _, entry := range vector {
		if entry[0] == atSecure {
			return entry[1] != 0
		}
	}
	return true
}

// privilegedBy says what lets this process move addresses that its user might not move, in words that follow "it runs";
// "" where nothing does.
func privilegedBy() string {
	switch {
	case secureMode():
		return "with the privileges of its file"
	case os.Geteuid() == 0:
		return "as root"
	case mayMoveAddresses():
		return "with CAP_NET_ADMIN"
	}
	return ""
}

// mayMoveAddresses reports whether CAP_NET_ADMIN is in the effective set, as it is where systemd's AmbientCapabilities=
// put it.
func mayMoveAddresses() bool {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var sets [2]unix.CapUserData
	if err := unix.Capget(&header, &sets[0]); err != nil {
		return true // not known to fail; then rather too careful
	}
	return sets[0].Effective&(1<<unix.CAP_NET_ADMIN) != 0
}
