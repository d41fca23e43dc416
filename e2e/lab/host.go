package lab

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Host is a node without its programs: a namespace at the switch, and a folder. Its programs run as
// postgres.
type Host struct {
	Name string
	Addr string
	NS   *Namespace
	Dir  string // logs, configuration, data

	postgres *syscall.Credential
}

func (h *Host) path(name ...string) string {
	return filepath.Join(append([]string{h.Dir}, name...)...)
}

// command prepares a program that runs as postgres, in a session of its own: Ctrl-C at the terminal
// is not for it.
func (h *Host) command(out io.Writer, argv ...string) *exec.Cmd {
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=" + h.Dir, "LC_ALL=C.UTF-8", "PYTHONUNBUFFERED=1"}
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Credential: h.postgres}
	return cmd
}

// serve starts a program whose output goes to NAME.log in the host's folder.
func (h *Host) serve(name string, argv ...string) (*service, error) {
	log, err := os.OpenFile(h.path(name+".log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	s := &service{cmd: h.command(log, argv...), done: make(chan struct{})}
	if err := children.start(h.NS, s.cmd); err != nil {
		return nil, fmt.Errorf("start %s on %s: %w", name, h.Name, err)
	}
	go func() {
		defer close(s.done)
		_ = children.wait(s.cmd)
	}()
	return s, nil
}

// logEnd returns the end of a service's log.
func (h *Host) logEnd(service string) string {
	const enough = 600
	log, err := os.ReadFile(h.path(service + ".log"))
	if err != nil {
		return err.Error()
	}
	return string(log[max(0, len(log)-enough):])
}

// http sends a request to a server on the host, from the host itself: the reply does not depend on
// any cable.
func (h *Host) http(ctx context.Context, method string, port int, path, body string) (code int, reply string, err error) {
	limit := time.Second
	if method == http.MethodPost {
		limit = time.Minute // Patroni replies when a switchover is over
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, fmt.Sprintf("http://127.0.0.1:%d%s", port, path), strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	resp, err := h.NS.httpClient().Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text), err
}

// service is a long-running program of a host. A nil one does not run.
type service struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
}

func (s *service) running() bool {
	if s == nil {
		return false
	}
	select {
	case <-s.done:
		return false
	default:
		return true
	}
}

// signal sends sig to the service, if it runs.
func (s *service) signal(sig os.Signal) {
	if s.running() {
		_ = s.cmd.Process.Signal(sig)
	}
}

// kill ends the service with SIGKILL, and returns when it has ended.
func (s *service) kill() {
	s.signal(syscall.SIGKILL)
	<-s.done
}
