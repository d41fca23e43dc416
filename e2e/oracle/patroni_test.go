package oracle

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/vipctl/vipctl/patroni/conf"
	"github.com/vipctl/vipctl/reconcile"
)

// loader is Debian's Patroni: one process that reads one configuration after the other.
type loader struct {
	t   *testing.T
	in  io.Writer
	out *bufio.Scanner
}

func newLoader(t *testing.T) loader {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "/usr/bin/python3", "testdata/patroni_config.py")
	cmd.Env = []string{"PATH=/usr/bin:/bin"}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("%v; run e2e/oracle/deps.sh", err)
	}
	t.Cleanup(func() { _ = in.Close(); _ = cmd.Wait() })
	return loader{t, in, bufio.NewScanner(out)}
}

// loaded is what Patroni took from a configuration, or why it would not start.
type loaded struct {
	Error         string
	Scope, Name   string
	DataDir       string `json:"data_dir"`
	Host          string
	Port          int
	HTTPS         bool
	ConnectHost   string `json:"connect_host"`
	CA, Cert, Key string
	CertFromCtl   bool `json:"cert_from_ctl"`
	Required      bool
}

func (l loader) load(config string, env map[string]string) (answer loaded) {
	l.t.Helper()
	question, err := json.Marshal(map[string]any{"config": config, "env": env})
	if err != nil {
		l.t.Fatal(err)
	}
	if _, err := fmt.Fprintf(l.in, "%s\n", question); err != nil {
		l.t.Fatal(err)
	}
	if !l.out.Scan() {
		l.t.Fatalf("no answer; is the package patroni there? run e2e/oracle/deps.sh (%v)", l.out.Err())
	}
	if err := json.Unmarshal(l.out.Bytes(), &answer); err != nil {
		l.t.Fatalf("%v in %s", err, l.out.Text())
	}
	return answer
}

// taken are the settings of that name that vipctl should take where Patroni starts.
func (a loaded) taken() map[string]string {
	want := map[string]string{
		"scope": a.Scope, "name": a.Name, "postgresql.data_dir": a.DataDir, "CA": a.CA, "certificate": a.Cert, "key": a.Key,
		"restapi.verify_client": "", "its name in TLS": "",
	}
	if a.Required {
		want["restapi.verify_client"] = "required"
	}
	if !a.Required && !a.CertFromCtl {
		want["certificate"], want["key"] = "", "" // not shown where nobody asks for one, as since 3.1.0
	}
	if want["key"] == "" {
		want["key"] = want["certificate"]
	}
	u := url.URL{Scheme: "http", Host: net.JoinHostPort(a.Host, strconv.Itoa(a.Port))}
	if everywhere(a.Host) {
		u.Host = net.JoinHostPort("127.0.0.1", strconv.Itoa(a.Port))
	}
	if a.HTTPS {
		u.Scheme = "https"
		if !everywhere(a.ConnectHost) {
			want["its name in TLS"] = a.ConnectHost
		}
	}
	want["REST API"] = u.String()
	return want
}

func everywhere(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "" || host == "*" || err == nil && ip.IsUnspecified()
}

// compare has both read one configuration. Where Patroni would not start, vipctl must say so; where
// it would, vipctl must take the same, and find nothing wrong.
func compare(t *testing.T, l loader, c configuration) (starts bool) {
	t.Helper()
	path, env := c.write(t)
	want := l.load(path, c.env)
	source := conf.Source{Config: path, EnvironmentFile: env}
	settings, err := conf.Read(source, nil)
	problems := conf.FindUnstartable(source)
	problems = slices.DeleteFunc(problems, func(f reconcile.Finding) bool { return f.Level != reconcile.Problem })
	switch {
	case want.Error != "" && err == nil && len(problems) == 0:
		t.Errorf("%s\nPatroni does not start: %s\nvipctl says nothing", c, want.Error)
	case want.Error == "" && (err != nil || len(problems) > 0):
		t.Errorf("%s\nPatroni starts\nvipctl: %v %v", c, err, problems)
	case want.Error == "":
		got := map[string]string{}
		for _, s := range settings.Taken() {
			got[s.Name] = s.Value
		}
		delete(got, "ctl.insecure")
		if !maps.Equal(got, want.taken()) {
			t.Errorf("%s\nvipctl  %v\nPatroni %v", c, got, want.taken())
		}
	}
	return want.Error == ""
}

// configuration is what one Patroni is started with: files of a folder, or one alone, or none; and
// its environment.
type configuration struct {
	files []string
	env   map[string]string
}

func (c configuration) String() string {
	return fmt.Sprintf("files %q\nenvironment %q", c.files, c.env)
}

// write writes the files, and the environment as one that systemd reads.
func (c configuration) write(t *testing.T) (config, env string) {
	t.Helper()
	dir := t.TempDir()
	save := func(path, text string) string {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for i, text := range c.files {
		config = save(filepath.Join(dir, fmt.Sprintf("%d.yml", i)), text)
	}
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(c.env)) {
		lines = append(lines, name+"='"+c.env[name]+"'\n")
	}
	if len(lines) > 0 {
		env = save(filepath.Join(dir, "env.conf"), strings.Join(lines, ""))
	}
	if len(c.files) > 1 {
		config = dir
	}
	return config, env
}
