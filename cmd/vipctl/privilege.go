package main

import (
	"errors"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/vipctl/vipctl/reconcile"
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
	case effective(unix.CAP_NET_ADMIN):
		return "with CAP_NET_ADMIN"
	}
	return ""
}

// effective reports whether a capability is in the effective set, as it is where systemd's AmbientCapabilities= put it.
func effective(capability int) bool {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var sets [2]unix.CapUserData
	if err := unix.Capget(&header, &sets[0]); err != nil {
		return true // not known to fail; then rather too careful
	}
	return sets[0].Effective&(1<<capability) != 0
}

// setcapLine is the command that lets whoever runs this program move addresses, and the program.
func setcapLine() (line, self string) {
	self, err := os.Executable()
	if err != nil {
		self = "/usr/bin/vipctl"
	}
	return "setcap cap_net_admin,cap_net_raw+ep " + shellWord(self), self
}

// findPowers finds where this program may do too little, or too many may run it.
func (a *app) findPowers(found *reconcile.Findings, h *host) {
	line, self := setcapLine()
	given, err := unix.Getxattr(self, "security.capability", nil)
	if err == nil && given > 0 {
		findUsers(found, h, line, self)
	}
	findLack(found, h, line, self, errors.Is(err, unix.ENODATA) || errors.Is(err, unix.ENOTSUP))
}

// findUsers finds where everybody may run a file that has capabilities: whoever may can claim a VIP by force.
func findUsers(found *reconcile.Findings, h *host, line, self string) {
	var file, data unix.Stat_t
	if unix.Stat(self, &file) != nil || file.Mode&unix.S_IXOTH == 0 {
		return
	}
	group, mend := "postgres", "chmod 0750 "+shellWord(self)
	known := unix.Stat(h.patroni.DataDir(), &data) == nil
	if known {
		group = groupName(data.Gid)
	}
	if !known || data.Gid != file.Gid { // a chgrp takes the capabilities away
		mend = "chgrp " + group + " " + shellWord(self) + " && " + mend + " && " + line
	}
	found.Add(reconcile.Warning, "%s: mode %04o: with its capabilities every user can move the VIPs; run: %s", self, file.Mode&0o7777, mend)
}

// findLack finds where this user cannot move addresses, and as root where the callbacks could not: they run as the owner
// of PostgreSQL's data directory, with what the file gives them. bare is whether it has no capabilities.
func findLack(found *reconcile.Findings, h *host, line, self string, bare bool) {
	if os.Geteuid() != 0 {
		if !effective(unix.CAP_NET_ADMIN) || !effective(unix.CAP_NET_RAW) {
			found.Add(reconcile.Warning, "this user cannot move addresses: CAP_NET_ADMIN and CAP_NET_RAW are not both effective; run as root: %s", line)
		}
		return
	}
	var data unix.Stat_t
	if unix.Stat(h.patroni.DataDir(), &data) != nil || data.Uid == 0 {
		return
	}
	if bare {
		found.Add(reconcile.Warning, "callbacks, which run as %s, cannot move addresses unless Patroni's unit gives them the capabilities: %s has none; run: %s",
			userName(data.Uid), self, line)
	}
}
