package trust

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

const (
	netAdmin = 1 << unix.CAP_NET_ADMIN
	all      = ^uint64(0)
)

// What the kernel does itself is compared in findings-powers.txtar of cmd/vipctl, where the tests
// have more than one user.
func TestRun(t *testing.T) {
	capable := Program{File: "vipctl", given: true, effective: true, permitted: Needed}
	onlyPermitted := Program{File: "vipctl", given: true, permitted: Needed}
	onNosuid := Program{File: "vipctl", given: true, effective: true, permitted: Needed, nosuid: true}
	for name, c := range map[string]struct {
		Credentials
		Program
		effective uint64
		refused   bool
		problem   string // of WhyPowerless
	}{
		"root":                       {Credentials{bounding: all}, Program{}, all, false, ""},
		"a file without":             {Credentials{UID: 9, bounding: all}, Program{File: "vipctl"}, 0, false, "vipctl has none; run: setcap cap_net_admin,cap_net_raw+ep vipctl"},
		"ambient":                    {Credentials{UID: 9, ambient: Needed, bounding: all}, Program{}, Needed, false, ""},
		"by the file":                {Credentials{UID: 9, bounding: all}, capable, Needed, false, ""},
		"by the file, not inherited": {Credentials{UID: 9, bounding: Needed}, Program{given: true, inheritable: Needed, effective: true}, 0, false, "has not both of them in effect"},
		"inherited":                  {Credentials{UID: 9, inheritable: Needed}, Program{given: true, inheritable: Needed, effective: true}, Needed, false, ""},
		"one outside the bounds":     {Credentials{UID: 9, pid: 7, bounding: all &^ netAdmin}, capable, 0, true, "CapBnd in /proc/7/status"},
		"no new privileges":          {Credentials{UID: 9, bounding: all, noNewPrivileges: true}, capable, 0, false, "Patroni runs with NoNewPrivileges"},
		"none new, one had":          {Credentials{UID: 9, bounding: all, noNewPrivileges: true, permitted: netAdmin}, capable, netAdmin, false, "Patroni runs with NoNewPrivileges"},
		"none new, both had":         {Credentials{UID: 9, bounding: all, noNewPrivileges: true, permitted: Needed}, capable, Needed, false, ""},
		"not effective":              {Credentials{UID: 9, bounding: all, ambient: Needed}, onlyPermitted, 0, false, "has not both of them in effect"},
		"not effective, no bounds":   {Credentials{UID: 9}, onlyPermitted, 0, false, "has not both of them in effect"},
		"nosuid":                     {Credentials{UID: 9, bounding: all}, onNosuid, 0, false, "mounted nosuid"},
		"nosuid and ambient":         {Credentials{UID: 9, ambient: Needed, bounding: all}, onNosuid, Needed, false, ""},
		"nosuid, outside the bounds": {Credentials{UID: 9}, onNosuid, 0, false, "mounted nosuid"},
	} {
		effective, starts := c.Run(c.Program)
		if effective != c.effective || starts == c.refused {
			t.Errorf("%s: Run = %x, %v; want %x, %v", name, effective, starts, c.effective, !c.refused)
		}
		why := c.WhyPowerless(c.Credentials)
		if (why == "") != (c.problem == "") || !strings.Contains(why, c.problem) {
			t.Errorf("%s: WhyPowerless: %q, want %q", name, why, c.problem)
		}
	}
}

func TestProcessCredentials(t *testing.T) {
	c, found := ProcessCredentials(os.Getpid())
	if !found || c.UID != uint32(os.Geteuid()) || c.GID != uint32(os.Getegid()) || c.pid != os.Getpid() {
		t.Errorf("this process: %+v, %v", c, found)
	}
	if CanMoveAddresses() && c.permitted&Needed != Needed {
		t.Errorf("permitted %x, although this process can move addresses", c.permitted)
	}
	if _, found := ProcessCredentials(-1); found {
		t.Error("there is a process of the number -1")
	}
}

func TestProgramWithoutCapabilities(t *testing.T) {
	file := filepath.Join(t.TempDir(), "it's mine")
	if err := os.WriteFile(file, nil, 0o777); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{file, file + " and missing"} {
		p := ProgramAt(file)
		if p != (Program{File: file}) || p.CheckUsers("/") != nil {
			t.Errorf("ProgramAt(%s) = %+v, %v", file, p, p.CheckUsers("/"))
		}
	}
	if got, want := ProgramAt("/a b'c").SetcapCommand(), `setcap cap_net_admin,cap_net_raw+ep '/a b'\''c'`; got != want {
		t.Errorf("SetcapCommand = %s, want %s", got, want)
	}
	if self, err := os.Executable(); ThisProgram().File != self {
		t.Errorf("ThisProgram is %s, want %s, %v", ThisProgram().File, self, err)
	}
}

func TestCheckUsers(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "vipctl")
	if err := os.WriteFile(file, nil, 0o755); err != nil {
		t.Fatal(err)
	}
	var st unix.Stat_t
	if err := unix.Stat(file, &st); err != nil {
		t.Fatal(err)
	}
	dataOf := func(gid uint32) string {
		for _, data := range []string{dir, "/"} {
			var folder unix.Stat_t
			if unix.Stat(data, &folder) == nil && folder.Gid == gid {
				return data
			}
		}
		t.Fatalf("no folder of group %d", gid)
		return ""
	}
	p := Program{File: file, given: true}
	for data, want := range map[string]string{
		dataOf(st.Gid):     fmt.Sprintf("%s: mode 0755: with its capabilities every user can move the VIPs; run: chmod 0750 %[1]s", file),
		dir + "/not-there": fmt.Sprintf("%s: mode 0755: with its capabilities every user can move the VIPs; run: chgrp postgres %[1]s && chmod 0750 %[1]s && %s", file, p.SetcapCommand()),
	} {
		if err := p.CheckUsers(data); err == nil || err.Error() != want {
			t.Errorf("CheckUsers(%s): %v, want %s", data, err, want)
		}
	}
	if err := os.Chmod(file, 0o750); err != nil {
		t.Fatal(err)
	}
	if err := p.CheckUsers(dir); err != nil {
		t.Errorf("mode 0750: %v", err)
	}
}

func TestCheckRun(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for dir := dir; dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	own, stranger := Credentials{UID: uint32(os.Getuid())}, Credentials{UID: 54321, GID: 54321}
	if err := os.MkdirAll(dir+"/sub", 0o755); err != nil {
		t.Fatal(err)
	}
	file := dir + "/sub/vipctl"
	if err := os.WriteFile(file, nil, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(file, dir+"/link"); err != nil {
		t.Fatal(err)
	}
	var st unix.Stat_t
	if err := unix.Stat(file, &st); err != nil {
		t.Fatal(err)
	}
	check := func(who string, c Credentials, file, barrier string) {
		t.Helper()
		err := c.CheckRun(file)
		if barrier == "" && err != nil || barrier != "" && (err == nil || !strings.HasPrefix(err.Error(), barrier+" has owner ")) {
			t.Errorf("%s and %s: %v, want %q in the way", who, file, err, barrier)
		}
	}
	inGroup := Credentials{UID: 54321, GID: 54321, groups: []uint32{st.Gid}}
	check("the owner", own, file, "")
	check("the owner", own, dir+"/link", "")
	check("a stranger", stranger, file, file)
	check("the group", inGroup, file, file)
	if err := os.Chmod(file, 0o750); err != nil {
		t.Fatal(err)
	}
	check("the group", inGroup, file, "")
	check("a stranger", stranger, file, file)
	if err := os.Chmod(dir+"/sub", 0o700); err != nil {
		t.Fatal(err)
	}
	check("the group", inGroup, file, dir+"/sub")
	check("a stranger through a link", stranger, dir+"/link", dir+"/sub")
	check("root", Credentials{}, file, "")
	check("a stranger and what is not there", stranger, dir+"/missing", "")
}

func TestExplainUnreadable(t *testing.T) {
	wrapped := fmt.Errorf("open: %w", os.ErrPermission)
	err := ExplainUnreadable(wrapped, "/etc/vipctl/a token")
	want := fmt.Sprintf("open: permission denied; run as root: chgrp %s '/etc/vipctl/a token' && chmod 0640 '/etc/vipctl/a token'", groupName(uint32(os.Getegid())))
	if err.Error() != want || !errors.Is(err, os.ErrPermission) {
		t.Errorf("got %v, want %s", err, want)
	}
	for _, c := range []struct {
		err  error
		file string
	}{{os.ErrNotExist, "/etc/vipctl/token"}, {wrapped, ""}, {nil, "/etc/vipctl/token"}} {
		if err := ExplainUnreadable(c.err, c.file); err != c.err {
			t.Errorf("%v of %q became %v", c.err, c.file, err)
		}
	}
}

func TestShellWord(t *testing.T) {
	for text, want := range map[string]string{
		"/etc/vipctl/vipctl.yml": "/etc/vipctl/vipctl.yml", "a_b-c+d@e:f.9": "a_b-c+d@e:f.9",
		"a b": "'a b'", "it's": `'it'\''s'`, "$(x)": "'$(x)'", "ä": "'ä'", "a\nb": "'a\nb'",
	} {
		if got := ShellWord(text); got != want {
			t.Errorf("ShellWord(%q) = %s, want %s", text, got, want)
		}
	}
}

func TestUserName(t *testing.T) {
	if got := UserName(0); got != "root (uid 0)" {
		t.Errorf("UserName(0) = %s", got)
	}
	if got := UserName(3999999999); got != "uid 3999999999" {
		t.Errorf("UserName of nobody = %s", got)
	}
}
