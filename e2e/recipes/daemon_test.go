package recipes

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
)

// daemon is a networkd, and how to start it.
type daemon struct {
	name    string
	argv    []string
	version int
}

// restartKeepsAll: Debian 12's networkd leaves every address where it is when it starts; Debian
// 11's (247) does not, nor does Debian 13's (257).
func (d daemon) restartKeepsAll() bool { return d.version == 252 }

// daemons are the machine's own networkd, and Debian 13's where deps.sh has unpacked that.
func daemons(t *testing.T) []daemon {
	t.Helper()
	program := "/usr/lib/systemd/systemd-networkd"
	if _, err := os.Stat(program); err != nil {
		t.Skipf("the machine has no systemd-networkd (make deps installs it): %v", err)
	}
	all := []daemon{{name: "of the machine", argv: []string{program}}}
	if loaders, _ := filepath.Glob("../../build/debian13/usr/lib/*/ld-linux-*.so.*"); len(loaders) == 1 {
		libraries := filepath.Dir(loaders[0])
		root := "../../build/debian13/usr/lib/systemd"
		all = append(all, daemon{name: "of Debian 13", argv: []string{
			loaders[0], "--library-path", libraries + ":" + libraries + "/systemd:" + root, root + "/systemd-networkd"}})
	}
	for i := range all {
		all[i].version = version(t, all[i].argv)
		t.Logf("the networkd %s is %d", all[i].name, all[i].version)
	}
	return all
}

func version(t *testing.T, argv []string) int {
	t.Helper()
	out, err := exec.Command(argv[0], append(argv[1:], "--version")...).Output()
	must(t, err)
	m := regexp.MustCompile(`^systemd (\d+)`).FindSubmatch(out)
	if m == nil {
		t.Fatalf("no version in %q", out)
	}
	n, err := strconv.Atoi(string(m[1]))
	must(t, err)
	return n
}

const busConfig = `<busconfig><type>system</type><listen>unix:path=/run/dbus/system_bus_socket</listen>
<policy context="default"><allow user="*"/><allow own="*"/><allow send_type="method_call"/><allow send_destination="*"/>
<allow receive_sender="*"/></policy></busconfig>`

// startBus starts a system bus for networkctl and networkd.
func startBus(t *testing.T) {
	t.Helper()
	program, err := exec.LookPath("dbus-daemon")
	if err != nil {
		t.Skipf("networkctl needs a bus (make deps installs it): %v", err)
	}
	must(t, os.MkdirAll("/run/dbus", 0o755))
	must(t, os.WriteFile("/run/dbus/config", []byte(busConfig), 0o644))
	bus := exec.Command(program, "--config-file=/run/dbus/config", "--nofork", "--nopidfile")
	must(t, bus.Start())
	t.Cleanup(func() {
		must(t, bus.Process.Kill())
		_ = bus.Wait()
	})
	eventually(t, "the bus listens", func() bool {
		_, err := os.Stat("/run/dbus/system_bus_socket")
		return err == nil
	})
}
