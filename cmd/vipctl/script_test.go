package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestScript runs testdata/script/*.txtar. Each script has a host of its own, with eth0 and fresh
// /etc, /run and /var, /etc/vipctl/vipctl.yml for the VIP 192.0.2.10 on eth0, and a Patroni that
// begins as a stopped replica. Its commands, beside testscript's own:
//
//	patroni leader|replica [KEY=VALUE...]  answer so from now on; KEY is one of the answer's, or delay, status, ttl...
//	patroni silent | stop                  take connections and never answer; refuse them
//	certificate rest|client [KEY=VALUE...] what Patroni presents from now on, over HTTPS (what clients have: client.pem), signed by
//	                                       /etc/patroni/ca.pem; KEY is from, until (-24h), name, cn, by
//	certificate none                       plain HTTP from now on
//	postgres up|stopping|down|at ADDRESS   the state of PostgreSQL in its data directory; where it listens (at * at first)
//	[!] held PREFIX LINK                   the address is there, as that and nowhere else (is nowhere: ! held ADDRESS)
//	endless PREFIX LINK                    the same, and nothing ends it
//	sysctl NAME VALUE
//	ip address add|del PREFIX LINK, ip link add|del|up|down|arp-off|arp-on LINK
//	exits CODE PROGRAM...                  as exec, for a certain exit code
//	golden FILE                            stdout is testdata/golden/FILE, times and durations aside
//	remember FILE..., unchanged FILE...    the files are the same files, untouched, or still missing
//	mount tmpfs DIR SIZE, mount readonly DIR, mount nosuid DIR, umount DIR, fill DIR
//	setcap FILE [+p], chown USER FILE, install FILE
//	begin PROGRAM..., end                  PROGRAM says "ready" and runs until the end
//	hetzner start|stop|honest              its APIs, with a token and a password in /etc/vipctl; and other words, see there
//
// And programs: as USER[+CAPABILITY...] PROGRAM, powerless PROGRAM, confine nnp|-CAPABILITY[,...]
// PROGRAM, predict FILE, terminal PROGRAM, journal PROGRAM, unread stdout|stderr PROGRAM; and idle
// ones: python3, keepalived and the like.
func TestScript(t *testing.T) {
	needSandbox(t)
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		Setup:               setupScript,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Condition: func(name string) (bool, error) {
			if name == "users" {
				return os.Getenv(hasUsers) != "", nil
			}
			return false, fmt.Errorf("no condition called %q", name)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"patroni": scriptPatroni, "postgres": scriptPostgres, "held": scriptHeld, "endless": scriptEndless, "ip": scriptIP, "exits": scriptExits,
			"golden": scriptGolden, "remember": scriptRemember, "unchanged": scriptUnchanged, "mount": scriptMount,
			"umount": scriptUmount, "fill": scriptFill, "setcap": scriptSetcap, "chown": scriptChown, "install": scriptInstall,
			"hetzner": scriptHetzner, "certificate": scriptCertificate, "begin": scriptBegin, "end": scriptEnd, "sysctl": scriptSysctl,
		},
	})
}

type (
	hostKey   struct{}
	memoryKey struct{}
)

func setupScript(env *testscript.Env) error {
	h, err := newTestHost()
	if err != nil {
		return err
	}
	env.Defer(h.patroni.stop)
	env.Defer(func() { _ = h.clients.Close() })
	env.Defer(h.end)
	env.Values[hostKey{}] = h
	env.Values[memoryKey{}] = map[string]string{}
	return os.Chmod(filepath.Dir(env.WorkDir), 0o755) // for other users
}

func hostOf(ts *testscript.TestScript) *testHost { return ts.Value(hostKey{}).(*testHost) }

// wants ends the script with a usage line unless it is met.
func wants(ts *testscript.TestScript, met bool, usage string) {
	if !met {
		ts.Fatalf("usage: %s", usage)
	}
}

func scriptPatroni(ts *testscript.TestScript, neg bool, args []string) {
	wants(ts, !neg && len(args) > 0, "patroni leader|replica|silent|stop [KEY=VALUE...]")
	p := hostOf(ts).patroni
	switch args[0] {
	case "stop":
		p.stop()
		return
	case "silent":
		p.fallSilent()
	case "leader", "replica":
		p.become(args[0])
	default:
		ts.Fatalf("patroni: no such state: %s", args[0])
	}
	for _, a := range args[1:] {
		ts.Check(p.set(a))
	}
	ts.Check(p.start())
}

func scriptPostgres(ts *testscript.TestScript, neg bool, args []string) {
	wants(ts, !neg && len(args) == 1 || !neg && len(args) == 2 && args[0] == "at", "postgres up|stopping|down|at ADDRESS")
	if len(args) == 2 {
		ts.Check(hostOf(ts).listenAt(strings.Trim(args[1], "*")))
		return
	}
	ts.Check(hostOf(ts).postgres(args[0]))
}

func scriptHeld(ts *testscript.TestScript, neg bool, args []string) {
	wants(ts, neg && len(args) == 1 || !neg && len(args) == 2, "held PREFIX LINK, or ! held ADDRESS")
	if neg {
		copies, err := held(netip.MustParseAddr(args[0]))
		ts.Check(err)
		if len(copies) > 0 {
			ts.Fatalf("held: %s", strings.Join(copies, ", "))
		}
		return
	}
	copies, err := held(netip.MustParsePrefix(args[0]).Addr())
	ts.Check(err)
	if want := args[0] + " " + args[1]; !slices.Equal(copies, []string{want}) {
		ts.Fatalf("held: got %q, want %q alone", copies, want)
	}
}

func scriptEndless(ts *testscript.TestScript, neg bool, args []string) {
	wants(ts, !neg && len(args) == 2, "endless PREFIX LINK")
	scriptHeld(ts, false, args)
	l, err := netlink.LinkByName(args[1])
	ts.Check(err)
	list, err := netlink.AddrList(l, netlink.FAMILY_ALL)
	ts.Check(err)
	for _, a := range list {
		if a.IPNet.String() == args[0] && uint32(a.ValidLft) != math.MaxUint32 {
			ts.Fatalf("endless: %s ends in %d s", args[0], a.ValidLft)
		}
	}
}

func scriptIP(ts *testscript.TestScript, neg bool, args []string) {
	switch {
	case !neg && len(args) == 4 && args[0] == "address":
		ts.Check(changeAddress(args[1], args[2], args[3]))
	case !neg && len(args) == 3 && args[0] == "link":
		ts.Check(changeLink(args[1], args[2]))
	default:
		wants(ts, false, "ip address add|del PREFIX LINK, or ip link add|del|up|down|arp-off|arp-on LINK")
	}
}

func scriptExits(ts *testscript.TestScript, neg bool, args []string) {
	wants(ts, !neg && len(args) >= 2, "exits CODE PROGRAM...")
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	got := 0
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code: got %d, want %d", got, want)
	}
}

// volatile is what differs from run to run in JSON; its place and type stay.
var volatile = []struct {
	what *regexp.Regexp
	with string
}{
	{regexp.MustCompile(`"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"`), `"2006-01-02T15:04:05.000Z"`},
	{regexp.MustCompile(`("(?:took_ms|observe|lock|address|frame|state|lease_seconds|last_switch_ms|remaining)": ?)-?[0-9.e+-]+`), `${1}1.5`},
	{regexp.MustCompile(`, after [0-9.]+m?s"`), `, after 1ms"`},
}

func scriptGolden(ts *testscript.TestScript, neg bool, args []string) {
	wants(ts, !neg && len(args) == 1, "golden FILE")
	got, err := indentJSON(ts.ReadFile("stdout"))
	ts.Check(err)
	for _, v := range volatile {
		got = v.what.ReplaceAllString(got, v.with)
	}
	file := filepath.Join("testdata", "golden", args[0])
	if *update {
		ts.Check(os.WriteFile(file, []byte(got), 0o644))
		return
	}
	want, err := os.ReadFile(file)
	ts.Check(err)
	if got != string(want) {
		ts.Fatalf("%s: got\n%s\nwant\n%s\n(go test ./cmd/vipctl -run TestScript -update writes it; a field that is gone or renamed breaks a contract)", file, got, want)
	}
}

// identity says which file this is, and when it was last touched.
func identity(file string) string {
	var st syscall.Stat_t
	if err := syscall.Lstat(file, &st); err != nil {
		return err.Error()
	}
	return fmt.Sprint(st.Dev, st.Ino, st.Size, st.Mtim, st.Ctim)
}

func scriptRemember(ts *testscript.TestScript, neg bool, args []string) {
	wants(ts, !neg && len(args) > 0, "remember FILE...")
	for _, file := range args {
		ts.Value(memoryKey{}).(map[string]string)[file] = identity(file)
	}
}

func scriptUnchanged(ts *testscript.TestScript, neg bool, args []string) {
	wants(ts, !neg && len(args) > 0, "unchanged FILE...")
	for _, file := range args {
		if was := ts.Value(memoryKey{}).(map[string]string)[file]; was != identity(file) {
			ts.Fatalf("%s: was %s, is %s", file, was, identity(file))
		}
	}
}

func scriptMount(ts *testscript.TestScript, neg bool, args []string) {
	switch {
	case !neg && len(args) == 3 && args[0] == "tmpfs":
		ts.Check(mountTmpfs(args[1], "size="+args[2]))
	case !neg && len(args) == 2 && args[0] == "readonly":
		ts.Check(unix.Mount(args[1], args[1], "", unix.MS_BIND, ""))
		ts.Check(unix.Mount("", args[1], "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY|unix.MS_NODEV, ""))
	case !neg && len(args) == 2 && args[0] == "nosuid":
		ts.Check(unix.Mount("tmpfs", args[1], "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=0755"))
	default:
		wants(ts, false, "mount tmpfs DIR SIZE, or mount readonly|nosuid DIR")
	}
}

func scriptUmount(ts *testscript.TestScript, neg bool, args []string) {
	wants(ts, !neg && len(args) == 1, "umount DIR")
	ts.Check(unix.Unmount(args[0], 0))
}

// scriptFill takes all the room there is.
func scriptFill(ts *testscript.TestScript, neg bool, args []string) {
	wants(ts, !neg && len(args) == 1, "fill DIR")
	f, err := os.Create(filepath.Join(args[0], "ballast"))
	ts.Check(err)
	defer f.Close()
	for page := make([]byte, os.Getpagesize()); err == nil; {
		_, err = f.Write(page)
	}
	if !errors.Is(err, unix.ENOSPC) {
		ts.Check(err)
	}
}

func scriptSetcap(ts *testscript.TestScript, neg bool, args []string) {
	wants(ts, !neg && (len(args) == 1 || len(args) == 2 && args[1] == "+p"), "setcap FILE [+p]")
	ts.Check(setcap(args[0], uint32(2-len(args))))
}

func scriptChown(ts *testscript.TestScript, neg bool, args []string) {
	wants(ts, !neg && len(args) >= 2, "chown USER FILE...")
	id, err := userID(args[0])
	ts.Check(err)
	for _, file := range args[1:] {
		ts.Check(os.Lchown(ts.MkAbs(file), id, id))
	}
}

func scriptInstall(ts *testscript.TestScript, neg bool, args []string) {
	wants(ts, !neg && len(args) == 1, "install FILE")
	ts.Check(installProgram(args[0]))
}

// scriptBegin starts a program that says "ready" and goes on.
func scriptBegin(ts *testscript.TestScript, neg bool, args []string) {
	wants(ts, !neg && len(args) > 0, "begin PROGRAM...")
	path, err := exec.LookPath(args[0])
	ts.Check(err)
	c := exec.Command(path, args[1:]...)
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := c.StdoutPipe()
	ts.Check(err)
	ts.Check(c.Start())
	h := hostOf(ts)
	h.running = append(h.running, c)
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		ts.Fatalf("begin: %s says %q, %v", args[0], line, err)
	}
}

func scriptSysctl(ts *testscript.TestScript, neg bool, args []string) {
	wants(ts, !neg && len(args) == 2, "sysctl NAME VALUE")
	ts.Check(os.WriteFile("/proc/sys/"+strings.ReplaceAll(args[0], ".", "/"), []byte(args[1]), 0o644))
}

// scriptEnd ends all that was begun.
func scriptEnd(ts *testscript.TestScript, neg bool, args []string) {
	wants(ts, !neg && len(args) == 0, "end")
	hostOf(ts).end()
}

func indentJSON(text string) (string, error) {
	var b bytes.Buffer
	err := json.Indent(&b, []byte(text), "", "  ")
	return b.String(), err
}
