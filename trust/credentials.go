package trust

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Credentials are what a process hands on to a program that it runs.
type Credentials struct {
	UID, GID uint32 // the effective ones

	pid    int // of the process, 0 for those of a user
	groups []uint32

	inheritable, permitted, ambient, bounding uint64
	noNewPrivileges                           bool
}

// ProcessCredentials reads the credentials of a running process from /proc/PID/status. found is
// false where there is no such process, as when it has ended.
func ProcessCredentials(pid int) (c Credentials, found bool) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return Credentials{}, false
	}
	c = parseStatus(data)
	c.pid = pid
	return c, true
}

// parseStatus reads the text of /proc/PID/status.
func parseStatus(data []byte) (c Credentials) {
	sets := map[string]*uint64{"CapInh": &c.inheritable, "CapPrm": &c.permitted, "CapAmb": &c.ambient, "CapBnd": &c.bounding}
	for line := range strings.Lines(string(data)) { // not by a Scanner, which ends at a line of many groups
		key, value, _ := strings.Cut(line, ":")
		fields := strings.Fields(value)
		switch {
		case sets[key] != nil && len(fields) == 1:
			*sets[key], _ = strconv.ParseUint(fields[0], 16, 64)
		case key == "NoNewPrivs":
			c.noNewPrivileges = slices.Contains(fields, "1")
		case key == "Uid" && len(fields) == 4:
			c.UID = number(fields[1]) // real, effective, saved, of the file system
		case key == "Gid" && len(fields) == 4:
			c.GID = number(fields[1])
		case key == "Groups":
			for _, f := range fields {
				c.groups = append(c.groups, number(f))
			}
		}
	}
	return c
}

func number(text string) uint32 {
	n, _ := strconv.ParseUint(text, 10, 32)
	return uint32(n)
}

// UserCredentials are those of a user who logs in: what is known of callbacks while no Patroni
// runs. The user database says which further groups the user is in.
func UserCredentials(uid, gid uint32) Credentials {
	c := Credentials{UID: uid, GID: gid, bounding: ^uint64(0)}
	u, err := user.LookupId(strconv.FormatUint(uint64(uid), 10))
	if err != nil {
		return c
	}
	ids, _ := u.GroupIds()
	for _, id := range ids {
		c.groups = append(c.groups, number(id))
	}
	return c
}

// Run says which capabilities are effective in a program that a process with these credentials
// runs, and whether the kernel starts it at all: a program whose capabilities are effective by its
// file must get all of them (security/commoncap.c, bprm_caps_from_vfs_caps and
// cap_bprm_creds_from_file). The test findings-powers.txtar of cmd/vipctl compares it with the
// kernel.
func (c Credentials) Run(p Program) (effective uint64, starts bool) {
	switch {
	case c.UID == 0:
		return c.bounding | c.inheritable, true
	case !p.given || p.nosuid:
		return c.ambient, true
	}
	permitted := c.inheritable&p.inheritable | c.bounding&p.permitted
	if p.effective && p.permitted&^permitted != 0 {
		return 0, false
	}
	if c.noNewPrivileges && permitted&^c.permitted != 0 {
		permitted &= c.permitted
	}
	if !p.effective {
		return 0, true // what the file gives cancels what is ambient
	}
	return permitted, true
}

// CheckRun returns an error where a process with these credentials cannot run a file. The error
// says which file or folder on the way to it is the reason, and its owner, group and mode. These
// are all that counts: an access list is believed to allow it, and so is what cannot be looked at.
func (c Credentials) CheckRun(file string) error {
	paths := []string{file}
	if real, err := filepath.EvalSymlinks(file); err == nil && real != file {
		paths = append(paths, real)
	}
	for _, p := range paths {
		for dir := filepath.Dir(p); ; dir = filepath.Dir(dir) {
			if !c.mayRun(dir) {
				return refusal(dir)
			}
			if dir == filepath.Dir(dir) {
				break
			}
		}
	}
	if !c.mayRun(file) {
		return refusal(file)
	}
	return nil
}

// mayRun reports whether these credentials may run a file, or pass a folder.
func (c Credentials) mayRun(file string) bool {
	var st unix.Stat_t
	if c.UID == 0 || unix.Stat(file, &st) != nil {
		return true
	}
	if n, err := unix.Getxattr(file, "system.posix_acl_access", nil); err == nil && n > 0 {
		return true
	}
	switch {
	case st.Uid == c.UID:
		return st.Mode&unix.S_IXUSR != 0
	case st.Gid == c.GID || slices.Contains(c.groups, st.Gid):
		return st.Mode&unix.S_IXGRP != 0
	}
	return st.Mode&unix.S_IXOTH != 0
}

// refusal says who may do what with the file that is in the way.
func refusal(file string) error {
	var st unix.Stat_t
	if err := unix.Stat(file, &st); err != nil {
		return err
	}
	return fmt.Errorf("%s has owner %s, group %s, mode %04o", file, UserName(st.Uid), groupName(st.Gid), st.Mode&0o7777)
}
