package main

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/vipctl/vipctl/hetzner/hetznertest"
)

// threeRoutes is a vipctl.yml with a VIP of each kind.
const threeRoutes = `patroni:
  config: /etc/patroni/patroni.yml
vips:
  - address: 203.0.113.5
    interface: eth0
    route: {hetzner_cloud: {token_file: /etc/vipctl/hcloud.token, endpoint: "http://127.0.0.1:8101"}}
  - address: 10.0.1.100
    interface: eth0
    route: {hetzner_cloud: {token_file: /etc/vipctl/hcloud.token, endpoint: "http://127.0.0.1:8101", alias_ip: true, network: pg-net}}
  - address: 198.51.100.7
    interface: eth0
    route: {hetzner_robot: {password_file: /etc/vipctl/robot.password, endpoint: "http://127.0.0.1:8102", user: "#ws+robot", server_ip: 198.51.100.1}}
`

// everyCommand is what may have to do with a route. The last line needs a node that does not lead.
const everyCommand = `callback on_role_change primary demo
reconcile
claim
status
status --json
reconcile --dry-run
config show
config check
config check --online
history --json
callback on_role_change replica demo
release --unassign --force`

// secretWorld is a host whose secrets must be nowhere but in their files and in requests.
type secretWorld struct {
	*testHost
	env     []string
	ending  syscall.Signal // to commands that take long
	mu      sync.Mutex
	carried map[string]bool // what requests had in them
}

// needles are what is left of the secrets, in whatever way they are quoted.
func needles() map[string]string {
	basic := func(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
	return map[string]string{
		"the token":                     hetznertest.Token[:24],
		"the password":                  "sswörd",
		"the password in a URL":         "ssw%C3%B6rd",
		"the password in ASCII":         `ssw\u00f6rd`,
		"the password in a header":      basic(hetznertest.User + ":" + hetznertest.Password),
		"the password alone, in base64": basic(hetznertest.Password),
		"the token in base64":           basic(hetznertest.Token)[:24],
	}
}

func search(t *testing.T, where string, text []byte) {
	t.Helper()
	for what, needle := range needles() {
		if at := bytes.Index(text, []byte(needle)); at >= 0 {
			t.Errorf("%s has %s: %q", where, what, text[max(0, at-80):min(len(text), at+80)])
		}
	}
}

// searchFiles searches all that vipctl has written.
func searchFiles(t *testing.T) {
	t.Helper()
	for _, dir := range []string{"/run/vipctl", "/var/lib/vipctl"} {
		files := 0
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			files++
			text, err := os.ReadFile(path)
			search(t, path, text)
			return err
		})
		if err != nil || files == 0 {
			t.Fatalf("search %s: %d files, %v", dir, files, err)
		}
	}
}

// run runs vipctl as a process, for a moment, and searches what it prints and how it is called.
func (w *secretWorld) run(t *testing.T, format string, words ...string) {
	t.Helper()
	const moment = 400 * time.Millisecond
	var out bytes.Buffer
	c := exec.Command("vipctl", append([]string{"--log-level", "debug", "--log-format", format}, words...)...)
	c.Stdout, c.Stderr, c.Env = &out, &out, append(os.Environ(), w.env...)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", c.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { defer close(ended); _ = c.Wait() }()
	for _, signal := range []syscall.Signal{w.ending, syscall.SIGKILL} {
		select {
		case <-ended:
		case <-time.After(moment):
			_ = c.Process.Signal(signal)
		}
	}
	<-ended
	search(t, fmt.Sprintf("the command line of vipctl %s", words), line)
	search(t, fmt.Sprintf("the output of vipctl %s", words), out.Bytes())
}

// everything runs all commands in a world that knows nothing of the ones before.
func (w *secretWorld) everything(t *testing.T, format string) {
	t.Helper()
	files, err := filepath.Glob("/run/vipctl/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if err := os.Remove(f); err != nil {
			t.Fatal(err)
		}
	}
	w.role(t, true)
	for words := range strings.Lines(everyCommand) {
		w.run(t, format, strings.Fields(words)...)
	}
	searchFiles(t)
}

// noting notes which secrets a request has in it, before the fault.
func (w *secretWorld) noting(f hetznertest.Fault) hetznertest.Fault {
	return func(rw http.ResponseWriter, r *http.Request, honest http.HandlerFunc) {
		w.mu.Lock()
		for what, needle := range needles() {
			w.carried[what] = w.carried[what] || strings.Contains(r.Header.Get("Authorization"), needle)
		}
		w.mu.Unlock()
		f(rw, r, honest)
	}
}

func newSecretWorld(t *testing.T) *secretWorld {
	w := &secretWorld{testHost: ownHost(t), ending: syscall.SIGTERM, carried: map[string]bool{}}
	var err error
	if w.hetzner, err = newFakeHetzner(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.hetzner.stop)
	return w
}

func (w *secretWorld) write(t *testing.T, config, token, password string) {
	t.Helper()
	if err := errors.Join(
		os.WriteFile("/etc/vipctl/vipctl.yml", []byte(config), 0o644),
		os.WriteFile("/etc/vipctl/hcloud.token", []byte(token+"\n"), 0o640),
		os.WriteFile("/etc/vipctl/robot.password", []byte(password+"\n"), 0o640)); err != nil {
		t.Fatal(err)
	}
}

// answers has the APIs answer so from now on.
func (w *secretWorld) answers(f hetznertest.Fault) {
	for _, on := range []string{
		"GET /floating_ips", "POST /floating_ips", "GET /servers", "POST /servers", "GET /networks", "GET /failover", "POST /failover",
	} {
		w.hetzner.Script(on, 0, w.noting(f))
	}
}

// Whatever an API does, and whatever vipctl does about it, no secret comes out anywhere.
func TestSecretsStaySecret(t *testing.T) {
	t.Parallel()
	w := newSecretWorld(t)
	formats := []string{"text", "json", "journal"}
	round := func(what string, n int) {
		w.everything(t, formats[n%len(formats)])
		w.hetzner.Honest()
		if t.Failed() {
			t.Fatalf("where the API or the secret %s", what)
		}
	}
	w.write(t, threeRoutes, hetznertest.Token, hetznertest.Password)
	for i, fault := range []string{"honest", "unauthorized", "down", "hang", "reset", "garbage", "echo"} {
		w.answers(faults[fault])
		round(fault, i)
	}
	for _, what := range []string{"the token", "the password in a header"} {
		if !w.carried[what] {
			t.Errorf("no request had %s in it, so that this test looks for the wrong thing", what)
		}
	}

	w.answers(faults["hang"])
	w.ending = syscall.SIGQUIT
	round("is waited for by a program that panics", 1)
	w.ending = syscall.SIGTERM

	w.write(t, threeRoutes, hetznertest.Token+"-old", hetznertest.Password+"-old")
	round("is wrong", 0)
	w.write(t, threeRoutes, hetznertest.Token+"\n"+hetznertest.Token, hetznertest.Password+"\x01")
	round("fits into no header", 0)

	w.write(t, regexp.MustCompile(`(token|password)_file: \S+, `).ReplaceAllString(threeRoutes, ""), hetznertest.Token, hetznertest.Password)
	w.env = []string{"CREDENTIALS_DIRECTORY=/etc/vipctl"}
	round("is a credential of systemd's", 2)
	w.env = []string{"HCLOUD_TOKEN=" + hetznertest.Token, "ROBOT_PASSWORD=" + hetznertest.Password}
	round("is in the environment", 1)
}
