package examples

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// wrapped is vipctl-and with stand-ins: each writes what it was called with into a file of its
// name, and then reads a pipe of its name where there is one, so that it lasts until the test lets
// it go.
type wrapped struct {
	dir string
	cmd *exec.Cmd
}

const standIn = `#!/bin/sh
me=$(basename "$0")
echo "$*" >"$(dirname "$0")/$me.new" && mv "$(dirname "$0")/$me.new" "$(dirname "$0")/$me.called"
[ ! -p "$(dirname "$0")/$me.pipe" ] || read -r _ <"$(dirname "$0")/$me.pipe"
`

func wrap(t *testing.T, hanging ...string) wrapped {
	t.Helper()
	w := wrapped{dir: t.TempDir()}
	for _, name := range []string{"vipctl", "yours"} {
		w.write(t, name, standIn)
	}
	for _, name := range hanging {
		if err := unix.Mkfifo(w.path(name+".pipe"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	script := file(t, "vipctl-and")
	if strings.Count(script, "/usr/bin/vipctl") != 1 {
		t.Fatal("vipctl-and does not run /usr/bin/vipctl once")
	}
	w.write(t, "vipctl-and", strings.ReplaceAll(script, "/usr/bin/vipctl", w.path("vipctl")))
	return w
}

func (w wrapped) path(name string) string { return filepath.Join(w.dir, name) }

func (w wrapped) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(w.path(name), []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
}

// start runs it as Patroni would.
func (w *wrapped) start(t *testing.T, words ...string) {
	t.Helper()
	w.cmd = exec.Command(w.path("vipctl-and"), append(words, "on_role_change", "primary", "main")...)
	if err := w.cmd.Start(); err != nil {
		t.Fatal(err)
	}
}

// called waits until the stand-in was called, and returns its words.
func (w wrapped) called(t *testing.T, name string) string {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		if words, err := os.ReadFile(w.path(name + ".called")); err == nil {
			return strings.TrimSpace(string(words))
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s was not called", name)
		}
	}
}

// release lets a hanging stand-in go.
func (w wrapped) release(t *testing.T, name string) {
	t.Helper()
	w.write(t, name+".pipe", "on\n")
}

// TestWrapper: vipctl gets Patroni's three words, the other command its own as well.
func TestWrapper(t *testing.T) {
	for given, want := range map[string]string{"": "", "--option value": "--option value "} {
		w := wrap(t)
		w.start(t, append([]string{w.path("yours")}, strings.Fields(given)...)...)
		if err := w.cmd.Wait(); err != nil {
			t.Error(err)
		}
		if got, want := w.called(t, "yours"), want+"on_role_change primary main"; got != want {
			t.Errorf("yours got %q, want %q", got, want)
		}
		if got, want := w.called(t, "vipctl"), "callback on_role_change primary main"; got != want {
			t.Errorf("vipctl got %q, want %q", got, want)
		}
	}
}

// TestWrapperIsInPatroniYML: the line that people copy runs the wrapper where its comment says that
// it is, and the wrapper shows the same line.
func TestWrapperIsInPatroniYML(t *testing.T) {
	const line = "on_role_change: /usr/local/bin/vipctl-and /usr/local/bin/your-script --your-option\n"
	script := file(t, "vipctl-and")
	if !strings.HasPrefix(script, "#!/bin/sh\n# /usr/local/bin/vipctl-and: ") {
		t.Error("vipctl-and does not begin with where it is installed")
	}
	for name, text := range map[string]string{"vipctl-and": script, "patroni.yml": file(t, "patroni.yml")} {
		if !strings.Contains(text, line) {
			t.Errorf("%s has no line %q", name, line)
		}
	}
}

// TestWrapperAlone: without a command, and with one that is not there, vipctl runs all the same.
func TestWrapperAlone(t *testing.T) {
	for _, words := range [][]string{nil, {"/nonexistent/script"}} {
		w := wrap(t)
		w.start(t, words...)
		_ = w.cmd.Wait()
		if got, want := w.called(t, "vipctl"), "callback on_role_change primary main"; got != want {
			t.Errorf("%q: vipctl got %q, want %q", words, got, want)
		}
	}
}

// TestWrapperWaitsForBoth: neither is held up by the other, and Patroni sees one callback until
// both have ended.
func TestWrapperWaitsForBoth(t *testing.T) {
	for _, order := range [][]string{{"vipctl", "yours"}, {"yours", "vipctl"}} {
		w := wrap(t, order...)
		w.start(t, w.path("yours"))
		ended := make(chan error, 1)
		go func() { ended <- w.cmd.Wait() }()
		w.called(t, "yours")
		w.called(t, "vipctl")
		w.release(t, order[0])
		select {
		case <-ended:
			t.Errorf("it ended before %s had", order[1])
		default:
		}
		w.release(t, order[1])
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}
