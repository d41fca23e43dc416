package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// credentials are what a process hands on to a program that it runs, as /proc/PID/status has them.
type credentials struct {
	uid, gid uint32
	groups   []uint32

	inheritable, permitted, ambient, bounding uint64
	noNewPrivileges                           bool
}

// needed are the capabilities without which no address is moved.
const neededCapabilities = 1<<unix.CAP_NET_ADMIN | 1<<unix.CAP_NET_RAW

// findPatroni finds the Patroni that runs here by vipctl's patroni.yml, and what its callbacks would inherit. Patroni is
// not the postmaster's parent: it starts that through a process of its own that ends (patroni/postgresql/postmaster.py).
func findPatroni(h *host) (p process, c credentials, found bool) {
	var owner unix.Stat_t
	owned := unix.Stat(h.patroni.DataDir(), &owner) == nil
	for _, candidate := range runningNamed(func(name string) bool { return name == "patroni" || strings.HasPrefix(name, "python") }) {
		args := candidate.arguments()
		is := credentialsOf(candidate.pid)
		if is == nil || owned && is.uid != owner.Uid || !runsPatroni(args) {
			continue
		}
		named := h.config.Patroni.Config != "" && slices.Contains(args, h.config.Patroni.Config)
		if named || !found {
			p, c, found = candidate, *is, true
		}
		if named {
			break
		}
	}
	return p, c, found
}

// runsPatroni reports whether a command line is Patroni's: "python3 /usr/bin/patroni FILE", "python3 -m patroni FILE".
func runsPatroni(args []string) bool {
	args = args[:min(len(args), 3)]
	return slices.ContainsFunc(args, func(arg string) bool { return filepath.Base(arg) == "patroni" })
}

// credentialsOf reads a process's, nil where it has ended.
func credentialsOf(pid int) *credentials {
	data, err := os.ReadFile(procFile(pid, "status"))
	if err != nil {
		return nil
	}
	var c credentials
	sets := map[string]*uint64{"CapInh": &c.inheritable, "CapPrm": &c.permitted, "CapAmb": &c.ambient, "CapBnd": &c.bounding}
	for lines := bufio.NewScanner(bytes.NewReader(data)); lines.Scan(); {
		key, value, _ := strings.Cut(lines.Text(), ":")
		fields := strings.Fields(value)
		switch {
		case sets[key] != nil && len(fields) == 1:
			*sets[key], _ = strconv.ParseUint(fields[0], 16, 64)
		case key == "NoNewPrivs":
			c.noNewPrivileges = slices.Contains(fields, "1")
		case key == "Uid" && len(fields) == 4:
			c.uid = number(fields[1]) // real, effective, saved, of the file system
		case key == "Gid" && len(fields) == 4:
			c.gid = number(fields[1])
		case key == "Groups":
			for _, f := range fields {
				c.groups = append(c.groups, number(f))
			}
		}
	}
	return &c
}

func number(text string) uint32 {
	n, _ := strconv.ParseUint(text, 10, 32)
	return uint32(n)
}

// usersCredentials are those of a user who logs in: what is known of callbacks where no Patroni runs.
func usersCredentials(uid, gid uint32) credentials {
	c := credentials{uid: uid, gid: gid, bounding: ^uint64(0)}
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

// mayRun reports whether a file can be run, or a folder passed, as far as owner, group and mode tell; an access list is
// believed to allow it.
func (c credentials) mayRun(file string) bool {
	var st unix.Stat_t
	if c.uid == 0 || unix.Stat(file, &st) != nil {
		return true
	}
	if n, err := unix.Getxattr(file, "system.posix_acl_access", nil); err == nil && n > 0 {
		return true
	}
	switch {
	case st.Uid == c.uid:
		return st.Mode&unix.S_IXUSR != 0
	case st.Gid == c.gid || slices.Contains(c.groups, st.Gid):
		return st.Mode&unix.S_IXGRP != 0
	}
	return st.Mode&unix.S_IXOTH != 0
}

// barrier is the file, or the folder on the way to it, that keeps these credentials from running it; "" for none.
func (c credentials) barrier(file string) string {
	way := []string{file}
	if real, err := filepath.EvalSymlinks(file); err == nil && real != file {
		way = append(way, real)
	}
	for _, file := range way {
		for dir := filepath.Dir(file); ; dir = filepath.Dir(dir) {
			if !c.mayRun(dir) {
				return dir
			}
			if dir == filepath.Dir(dir) {
				break
			}
		}
	}
	if !c.mayRun(file) {
		return file
	}
	return ""
}

// fileCapabilities are a file's own, and whether the kernel heeds them where the file is.
type fileCapabilities struct {
	permitted, inheritable uint64
	effective              bool
	given                  bool // it has some
	nosuid                 bool // on a file system that is mounted nosuid, where they do not count
}

// capabilitiesOf reads them from the attribute that setcap(8) writes (include/uapi/linux/capability.h, vfs_cap_data).
func capabilitiesOf(file string) (f fileCapabilities) {
	const effective = 1
	data := make([]byte, 64)
	n, err := unix.Getxattr(file, "security.capability", data)
	if err != nil || n < 20 { // revision 2 and 3: the flags and two words each of 32 bits
		return f
	}
	word := func(i int) uint64 { return uint64(binary.LittleEndian.Uint32(data[4*i:])) }
	f.given, f.effective = true, word(0)&effective != 0
	f.permitted, f.inheritable = word(1)|word(3)<<32, word(2)|word(4)<<32
	var system unix.Statfs_t
	f.nosuid = unix.Statfs(file, &system) == nil && system.Flags&unix.ST_NOSUID != 0
	return f
}

// run says what a program has that a process with these credentials runs, and whether the kernel runs it at all: one whose
// capabilities are effective by its file must get all of them (security/commoncap.c, bprm_caps_from_vfs_caps and
// cap_bprm_creds_from_file; tried with setpriv(1), see TestRunsAsTheKernelDoes).
func (c credentials) run(f fileCapabilities) (effective uint64, allowed bool) {
	switch {
	case c.uid == 0:
		return c.bounding | c.inheritable, true
	case !f.given || f.nosuid:
		return c.ambient, true
	}
	permitted := c.inheritable&f.inheritable | c.bounding&f.permitted
	if f.effective && f.permitted&^permitted != 0 {
		return 0, false
	}
	if c.noNewPrivileges && permitted&^c.permitted != 0 {
		permitted &= c.permitted
	}
	if !f.effective {
		return 0, true // what the file gives cancels what is ambient
	}
	return permitted, true
}
