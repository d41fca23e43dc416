package trust

import (
	"encoding/binary"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Needed are the capabilities without which no address is moved, CAP_NET_ADMIN and CAP_NET_RAW, as
// bits of a capability set.
const Needed = 1<<unix.CAP_NET_ADMIN | 1<<unix.CAP_NET_RAW

// Program is an executable file and the capabilities that the file gives to whoever runs it.
type Program struct {
	File string // its path

	given                  bool // the file has capabilities
	permitted, inheritable uint64
	effective              bool
	nosuid                 bool // the file system is mounted nosuid, so that they do not count
}

// ProgramAt reads the capabilities of a file from the attribute that setcap(8) writes. A file that
// cannot be looked at counts as one without capabilities.
func ProgramAt(file string) Program {
	data := make([]byte, 64)
	n, err := unix.Getxattr(file, "security.capability", data)
	if err != nil {
		return Program{File: file}
	}
	p := parseCapabilities(data[:n])
	p.File = file
	if !p.given {
		return p
	}
	var system unix.Statfs_t
	p.nosuid = unix.Statfs(file, &system) == nil && system.Flags&unix.ST_NOSUID != 0
	return p
}

// parseCapabilities reads the attribute (include/uapi/linux/capability.h, vfs_cap_data).
func parseCapabilities(data []byte) (p Program) {
	const effective = 1
	if len(data) < 20 { // revisions 2 and 3 have the flags and two words each of 32 bits
		return p
	}
	word := func(i int) uint64 { return uint64(binary.LittleEndian.Uint32(data[4*i:])) }
	p.given, p.effective = true, word(0)&effective != 0
	p.permitted, p.inheritable = word(1)|word(3)<<32, word(2)|word(4)<<32
	return p
}

// ThisProgram is the one that runs now, or /usr/bin/vipctl where the kernel does not say which file
// that is.
func ThisProgram() Program {
	file, err := os.Executable()
	if err != nil {
		file = "/usr/bin/vipctl"
	}
	return ProgramAt(file)
}

// SetcapCommand is the command with which root lets whoever runs the program move addresses.
func (p Program) SetcapCommand() string {
	return "setcap cap_net_admin,cap_net_raw+ep " + ShellWord(p.File)
}

// CheckUsers returns an error where the file has capabilities and everybody may run it: whoever may
// can claim a VIP by force. The error says which commands leave it to the group of dataDir,
// PostgreSQL's data directory, or to the group postgres where that folder cannot be looked at.
func (p Program) CheckUsers(dataDir string) error {
	var file, data unix.Stat_t
	if !p.given || unix.Stat(p.File, &file) != nil || file.Mode&unix.S_IXOTH == 0 {
		return nil
	}
	group, fix := "postgres", "chmod 0750 "+ShellWord(p.File)
	known := unix.Stat(dataDir, &data) == nil
	if known {
		group = groupName(data.Gid)
	}
	if !known || data.Gid != file.Gid { // a chgrp takes the capabilities away
		fix = "chgrp " + group + " " + ShellWord(p.File) + " && " + fix + " && " + p.SetcapCommand()
	}
	return fmt.Errorf("%s: mode %04o: with its capabilities every user can move the VIPs; run: %s", p.File, file.Mode&0o7777, fix)
}

// WhyPowerless says why the program cannot move addresses when Patroni, with these credentials,
// runs it, and what to do. It is empty where the program can.
func (p Program) WhyPowerless(c Credentials) string {
	const unit = "in Patroni's unit (systemctl cat), then restart Patroni"
	powers, starts := c.Run(p)
	switch {
	case !starts:
		return fmt.Sprintf("the kernel refuses to start %s, whose capabilities are not all in Patroni's bounding set (CapBnd in /proc/%d/status): "+
			"add CAP_NET_ADMIN CAP_NET_RAW to CapabilityBoundingSet= %s", p.File, c.pid, unit)
	case powers&Needed == Needed:
		return ""
	case !p.given:
		return fmt.Sprintf("%s has none; run: %s", p.File, p.SetcapCommand())
	case p.nosuid:
		return p.File + " is on a file system that is mounted nosuid, where its capabilities do not count: install it on another"
	case c.noNewPrivileges:
		return fmt.Sprintf("Patroni runs with NoNewPrivileges, under which the capabilities of %s do not count: "+
			"set NoNewPrivileges=no, or AmbientCapabilities=CAP_NET_ADMIN CAP_NET_RAW, %s", p.File, unit)
	}
	return fmt.Sprintf("%s has not both of them in effect; run: %s", p.File, p.SetcapCommand())
}
