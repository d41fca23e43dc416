package main

import (
	"fmt"
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
func findPowers(found *reconcile.Findings, s *scene) {
	if s.file.given {
		findUsers(found, s)
	}
	if s.findWeakness(found) || os.Geteuid() == 0 {
		return
	}
	if !effective(unix.CAP_NET_ADMIN) || !effective(unix.CAP_NET_RAW) {
		found.Add(reconcile.Warning, "this user cannot move addresses: CAP_NET_ADMIN and CAP_NET_RAW are not both effective; run as root: %s", s.setcap)
	}
}

// findUsers finds where everybody may run a file that has capabilities: whoever may can claim a VIP by force.
func findUsers(found *reconcile.Findings, s *scene) {
	self := s.self
	var file, data unix.Stat_t
	if unix.Stat(self, &file) != nil || file.Mode&unix.S_IXOTH == 0 {
		return
	}
	group, mend := "postgres", "chmod 0750 "+shellWord(self)
	known := unix.Stat(s.h.patroni.DataDir(), &data) == nil
	if known {
		group = groupName(data.Gid)
	}
	if !known || data.Gid != file.Gid { // a chgrp takes the capabilities away
		mend = "chgrp " + group + " " + shellWord(self) + " && " + mend + " && " + s.setcap
	}
	found.Add(reconcile.Warning, "%s: mode %04o: with its capabilities every user can move the VIPs; run: %s", self, file.Mode&0o7777, mend)
}

// findWeakness finds where callbacks could not move addresses, or not even start this program, and reports whether they
// could not. They run with what Patroni has, and what the file gives them. Where no Patroni runs its unit may yet give them
// the capabilities, and only root is told: whoever else looks, is told of himself.
func (s *scene) findWeakness(found *reconcile.Findings) bool {
	powers, starts := s.callbacksBy.run(s.file)
	if starts && powers&neededCapabilities == neededCapabilities {
		return false
	}
	if s.patroni.pid == 0 {
		if os.Geteuid() == 0 {
			found.Add(reconcile.Warning, "callbacks, which run as %s, cannot move addresses unless Patroni's unit gives them the capabilities: %s",
				userName(s.callbacksBy.uid), s.weakness(starts))
		}
		return os.Geteuid() == 0
	}
	found.Add(reconcile.Problem, "callbacks, which Patroni (pid %d) runs as %s, cannot move addresses: %s", s.patroni.pid, userName(s.callbacksBy.uid), s.weakness(starts))
	return true
}

// weakness is why, and what to do.
func (s *scene) weakness(starts bool) string {
	const unit = "in Patroni's unit (systemctl cat), then restart Patroni"
	switch {
	case !starts:
		return fmt.Sprintf("the kernel refuses to start %s, whose capabilities are not all in Patroni's bounding set (CapBnd in /proc/%d/status): "+
			"add CAP_NET_ADMIN CAP_NET_RAW to CapabilityBoundingSet= %s", s.self, s.patroni.pid, unit)
	case !s.file.given:
		return fmt.Sprintf("%s has none; run: %s", s.self, s.setcap)
	case s.file.nosuid:
		return s.self + " is on a file system that is mounted nosuid, where its capabilities do not count: install it on another"
	case s.callbacksBy.noNewPrivileges:
		return fmt.Sprintf("Patroni runs with NoNewPrivileges, under which the capabilities of %s do not count: "+
			"set NoNewPrivileges=no, or AmbientCapabilities=CAP_NET_ADMIN CAP_NET_RAW, %s", s.self, unit)
	}
	return fmt.Sprintf("%s has not both of them in effect; run: %s", s.self, s.setcap)
}
