package recipes

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// callTwice has Patroni's own executor call two callbacks, the second while the first hangs.
const callTwice = `import os, sys, time
from patroni.postgresql.callback_executor import CallbackExecutor
folder, executor = sys.argv[1], CallbackExecutor()
def see(action):
    for _ in range(500):
        if all(os.path.exists(os.path.join(folder, f"{who}-{action}")) for who in ("vipctl", "yours")):
            return
        time.sleep(.02)
    sys.exit(action + " was not called twice")
for action in ("on_stop", "on_start"):
    executor.call([os.path.join(folder, "vipctl-and"), os.path.join(folder, "yours"), action, "replica", "main"])
    see(action)
`

// sleeper leaves its PID under its name and the action, and sleeps where that is on_stop.
const sleeper = `#!/bin/sh
[ "$1" != callback ] || shift
echo $$ >"$0-$1.new" && mv "$0-$1.new" "$0-$1"
[ "$1" != on_stop ] || exec sleep 600
`

// TestWrapperUnderPatroni: Patroni ends both commands of examples/vipctl-and when the next callback
// comes, and runs that.
func TestWrapperUnderPatroni(t *testing.T) {
	alone(t)
	const python = "/usr/bin/python3" // Debian's, which has Patroni
	if err := exec.Command(python, "-c", "import patroni.postgresql.callback_executor").Run(); err != nil {
		t.Skip("needs Patroni (make deps installs it)")
	}
	dir := t.TempDir()
	script, err := os.ReadFile("../../examples/vipctl-and")
	must(t, err)
	for name, text := range map[string]string{
		"vipctl": sleeper, "yours": sleeper, "vipctl-and": strings.Replace(string(script), "/usr/bin/vipctl", dir+"/vipctl", 1),
	} {
		must(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o700))
	}
	hung := []string{filepath.Join(dir, "vipctl-on_stop"), filepath.Join(dir, "yours-on_stop")}
	done := make(chan error, 1)
	go func() {
		out, err := exec.Command(python, "-c", callTwice, dir).CombinedOutput()
		if err != nil {
			err = fmt.Errorf("%w: %s", err, out)
		}
		done <- err
	}()
	reaped := map[string]bool{}
	eventually(t, "Patroni has ended both", func() bool {
		for _, file := range hung {
			reaped[file] = reaped[file] || reap(file)
		}
		return reaped[hung[0]] && reaped[hung[1]]
	})
	must(t, <-done)
}

// reap collects the process whose PID is in the file once it has ended and fallen to this one,
// which is PID 1 here. Patroni waits for that before it runs the next callback.
func reap(file string) bool {
	text, _ := os.ReadFile(file)
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return false
	}
	got, _ := unix.Wait4(pid, nil, unix.WNOHANG, nil)
	return got == pid
}
