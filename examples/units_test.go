package examples

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vipctl/vipctl/config"
)

// need returns a program of systemd's, and skips where there is none.
func need(t *testing.T, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		t.Skipf("%s is not on this machine (Debian: systemd)", program)
	}
	return path
}

// quiet runs a command that must succeed and say nothing on stderr.
func quiet(t *testing.T, program string, args ...string) string {
	t.Helper()
	cmd := exec.Command(program, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil || stderr.Len() > 0 {
		t.Errorf("%s: %v\n%s", cmd, err, &stderr)
	}
	return stdout.String()
}

// install copies the examples to where systemd-analyze can check them: with a program in the place
// of /usr/bin/vipctl, since verify complains about one that is not there, and beside a unit of
// Patroni's for the drop-in. The program is this test.
func install(t *testing.T, program string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(".")); err != nil {
		t.Fatal(err)
	}
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	err := fs.WalkDir(os.DirFS("."), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(name, ".go") {
			return err
		}
		text, err := os.ReadFile(name)
		write(name, strings.ReplaceAll(string(text), "/usr/bin/vipctl", program))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	write("patroni.service", "[Service]\nExecStart="+self(t)+"\n")
	return dir
}

func self(t *testing.T) string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func TestUnits(t *testing.T) {
	analyze := need(t, "systemd-analyze")
	dir := install(t, self(t))
	for _, unit := range []string{
		"vipctl.service", "vipctl.timer", "vipctl@second.service", "vipctl@second.timer", "patroni.service",
	} {
		t.Run(unit, func(t *testing.T) {
			if said := quiet(t, analyze, "verify", "--man=no", instance(t, dir, unit)); said != "" {
				t.Errorf("verify says %q", said)
			}
		})
	}
}

// instance returns the path under which systemd-analyze finds a unit, an instance by a link to its
// template.
func instance(t *testing.T, dir, unit string) string {
	t.Helper()
	path := filepath.Join(dir, unit)
	if name, rest, ok := strings.Cut(unit, "@"); ok {
		template := name + "@." + rest[strings.LastIndexByte(rest, '.')+1:]
		if err := os.Symlink(template, path); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

// TestUnitsAreRead shows that TestUnits can fail, the drop-in's part too.
func TestUnitsAreRead(t *testing.T) {
	analyze := need(t, "systemd-analyze")
	for unit, file := range map[string]string{
		"vipctl.service":        "vipctl.service",
		"vipctl@second.service": "vipctl@.service",
		"vipctl.timer":          "vipctl.timer",
		"patroni.service":       "patroni.service.d/vipctl.conf",
		"./vipctl.service":      "vipctl.service.d/route.conf",
	} {
		dir := install(t, self(t))
		section := "Service"
		if strings.HasSuffix(file, ".timer") {
			section = "Timer"
		}
		f, err := os.OpenFile(filepath.Join(dir, file), os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(f, "\n[%s]\nNonsense=yes\n", section)
		f.Close()
		out, _ := exec.Command(analyze, "verify", "--man=no", instance(t, dir, unit)).CombinedOutput()
		if !strings.Contains(string(out), "Nonsense") {
			t.Errorf("%s: verify did not read %s: %s", unit, file, out)
		}
	}
}

// TestSandbox shows how much the unit may do still: 10 is a service without any restriction, 0 one
// with all. Above 6 somebody took away more than vipctl.service gives reasons for.
func TestSandbox(t *testing.T) {
	analyze := need(t, "systemd-analyze")
	dir := install(t, self(t))
	said := quiet(t, analyze, "security", "--offline=yes", "--threshold=60", "--no-pager", filepath.Join(dir, "vipctl.service"))
	lines := strings.Split(strings.TrimSpace(said), "\n")
	t.Log(lines[len(lines)-1])
}

// TestInstanceIsTheSame: the template for a second cluster differs in its names and nothing else,
// behind the comment at its top.
func TestInstanceIsTheSame(t *testing.T) {
	for _, kind := range []string{"service", "timer"} {
		one, template := behindTop(t, "vipctl."+kind), behindTop(t, "vipctl@."+kind)
		template = strings.NewReplacer(
			" of %i", "", "vipctl-%i", "vipctl", "vipctl --config /etc/vipctl/%i.yml", "vipctl", // directives
			"/run/vipctl-NAME", "/run/vipctl", "in NAME.yml", "in vipctl.yml", // comments
		).Replace(template)
		if one != template {
			t.Errorf("%s:\n%s\ntemplate:\n%s", kind, one, template)
		}
	}
}

// behindTop is a unit without the comment at its top, which says what the file is.
func behindTop(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(data), "\n\n")
	if !found || !strings.HasPrefix(string(data), "#") {
		t.Fatalf("%s has no comment at its top", file)
	}
	return rest
}

// directives is a unit without its comments.
func directives(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for line := range strings.Lines(string(data)) {
		if !strings.HasPrefix(line, "#") {
			b.WriteString(line)
		}
	}
	return b.String()
}

// TestNothingIsDropped: what keeps systemd's own lines out of the journal lets every line of
// vipctl's in, also one without a level in front.
func TestNothingIsDropped(t *testing.T) {
	for _, unit := range []string{"vipctl.service", "vipctl@.service"} {
		text := directives(t, unit)
		_, rest, _ := strings.Cut(text, "\nLogLevelMax=")
		most, _, _ := strings.Cut(rest, "\n")
		if most == "" || !strings.Contains(text, "\nSyslogLevel="+most+"\n") {
			t.Errorf("%s: LogLevelMax=%s, and no SyslogLevel= that is the same", unit, most)
		}
	}
}

// TestTimerIsTheInterval: leases are reckoned with interval, so that the timer must keep to it.
func TestTimerIsTheInterval(t *testing.T) {
	c, err := config.Load("vipctl.yml")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(directives(t, "vipctl.timer"), "\nOnUnitActiveSec=")
	every, _, _ := strings.Cut(rest, "\n")
	if d, err := time.ParseDuration(every); err != nil || d != c.Interval {
		t.Errorf("the timer fires every %q, interval is %v", every, c.Interval)
	}
}

// setting is what a unit says, as a duration.
func setting(t *testing.T, file, name string) time.Duration {
	t.Helper()
	_, rest, _ := strings.Cut(directives(t, file), "\n"+name+"=")
	value, _, _ := strings.Cut(rest, "\n")
	d, err := time.ParseDuration(value)
	if err != nil {
		t.Fatalf("%s: %s=%s: %v", file, name, value, err)
	}
	return d
}

// TestFrozenTick: a tick that is slow has its time, and one that is frozen is killed before it
// costs a healthy leader its lease: with Patroni's defaults, min(S + ttl - loop_wait, S' + ttl) - 1
// s, and frozen just before the next loop.
func TestFrozenTick(t *testing.T) {
	c, err := config.Load("vipctl.yml")
	if err != nil {
		t.Fatal(err)
	}
	const ttl, loopWait = 30 * time.Second, 10 * time.Second
	left := ttl - 2*loopWait - time.Second
	slow := c.Interval + 6*time.Second // a look each at Patroni and the peers, and again where two lead
	for _, unit := range []string{"vipctl.service", "vipctl@.service"} {
		start, stop := setting(t, unit, "TimeoutStartSec"), setting(t, unit, "TimeoutStopSec")
		if start != slow {
			t.Errorf("%s: a tick may take %v, want %v", unit, start, slow)
		}
		if start+stop > left {
			t.Errorf("%s: a frozen tick is gone after %v, the lease after %v", unit, start+stop, left)
		}
	}
}

// TestTicksWithARoute: they are given more time than they take at the most.
func TestTicksWithARoute(t *testing.T) {
	const longest = 28 * time.Second // as docs/hetzner.md says
	if got := setting(t, "vipctl.service.d/route.conf", "TimeoutStartSec"); got <= longest || got > longest+2*time.Second {
		t.Errorf("got %v, want a little more than %v", got, longest)
	}
	const drop = "examples/vipctl.service.d/route.conf"
	for _, readme := range []string{"hetzner-cloud/README.md", "hetzner-robot/README.md"} {
		if !strings.Contains(file(t, readme), "/etc/systemd/system/vipctl.service.d "+drop) {
			t.Errorf("%s does not say how to install %s", readme, drop)
		}
	}
}

// TestFolders: unit, tmpfiles.d and configuration mean the same folders.
func TestFolders(t *testing.T) {
	c, err := config.Load("vipctl.yml")
	if err != nil {
		t.Fatal(err)
	}
	unit, folders := directives(t, "vipctl.service"), directives(t, "tmpfiles.d/vipctl.conf")
	for folder, directive := range map[string]string{c.Paths.Run: "RuntimeDirectory=", c.Paths.State: "StateDirectory="} {
		if !strings.Contains(unit, "\n"+directive+filepath.Base(folder)+"\n") {
			t.Errorf("vipctl.service does not have %s for %s", directive, folder)
		}
		if !strings.Contains(folders, " "+folder+" ") {
			t.Errorf("tmpfiles.d does not have %s", folder)
		}
	}
}

// TestTmpfiles has systemd-tmpfiles read the file; below a prefix that nothing in it has, it makes
// nothing.
func TestTmpfiles(t *testing.T) {
	tmpfiles := need(t, "systemd-tmpfiles")
	file, err := filepath.Abs("tmpfiles.d/vipctl.conf")
	if err != nil {
		t.Fatal(err)
	}
	quiet(t, tmpfiles, "--create", "--prefix=/nonexistent", file)
}
