package trust

import (
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// keptVariables are what is left of the environment of a process that is privileged by its file.
// Both change only how things look. Without JOURNAL_STREAM no line would pass the LogLevelMax= of
// the unit.
var keptVariables = []string{"JOURNAL_STREAM", "NO_COLOR"}

// ClearEnvironment unsets all variables but JOURNAL_STREAM and NO_COLOR in a process that is in
// [SecureMode], and nothing in another. Whoever started such a process may have less power than it,
// and the environment would choose the configuration, the certificates to trust, the time zone's
// file. main calls it first, before anything reads the environment.
func ClearEnvironment() {
	if !SecureMode() {
		return
	}
	for _, variable := range os.Environ() {
		if name, _, _ := strings.Cut(variable, "="); !slices.Contains(keptVariables, name) {
			_ = os.Unsetenv(name)
		}
	}
}

// SecureMode reports the kernel's AT_SECURE (getauxval(3)): the executed file gave this process
// capabilities, or another user's or group's identity. It is true where that cannot be told.
func SecureMode() bool {
	const atSecure = 23 // include/uapi/linux/auxvec.h
	// The vector comes from the Go runtime: a process in secure mode cannot read /proc/self/auxv.
	vector, err := unix.Auxv()
	if err != nil {
		return true // every Linux has one
	}
	for _, entry := range vector {
		if entry[0] == atSecure {
			return entry[1] != 0
		}
	}
	return true
}

// Privilege says what lets this process move addresses that its user might not be allowed to move,
// in words that follow "vipctl runs": "with the privileges of its file", "as root", "with
// CAP_NET_ADMIN". It is empty where nothing does.
func Privilege() string {
	switch {
	case SecureMode():
		return "with the privileges of its file"
	case os.Geteuid() == 0:
		return "as root"
	case effective(unix.CAP_NET_ADMIN):
		return "with CAP_NET_ADMIN"
	}
	return ""
}

// CanMoveAddresses reports whether CAP_NET_ADMIN and CAP_NET_RAW are both effective in this
// process. It is true where that cannot be told.
func CanMoveAddresses() bool { return effective(unix.CAP_NET_ADMIN) && effective(unix.CAP_NET_RAW) }

// effective reports whether a capability is in the effective set, as it is where systemd's
// AmbientCapabilities= put it.
func effective(capability int) bool {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var sets [2]unix.CapUserData
	if err := unix.Capget(&header, &sets[0]); err != nil {
		return true // not known to fail; to be too careful is the better mistake
	}
	return sets[0].Effective&(1<<capability) != 0
}
