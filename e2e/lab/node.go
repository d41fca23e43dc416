package lab

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// Node is one host of the cluster: a namespace with etcd, Patroni, PostgreSQL and vipctl.
type Node struct {
	Name string
	Addr string
	NS   *Namespace
	Dir  string // logs, configuration, data

	lab     *Lab
	etcd    *service
	patroni *service
	timer   *timer
}

// service is a long-running program of a node.
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

func (n *Node) path(name ...string) string { return filepath.Join(append([]string{n.Dir}, name...)...) }

// command prepares a program that runs as postgres, in a session of its own: Ctrl-C at the terminal is not for it.
func (n *Node) command(out io.Writer, argv ...string) *exec.Cmd {
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=" + n.Dir, "LC_ALL=C.UTF-8", "PYTHONUNBUFFERED=1"}
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Credential: n.lab.postgres}
	return cmd
}

// serve starts a program whose output goes to NAME.log in the node's folder.
func (n *Node) serve(name string, argv ...string) (*service, error) {
	log, err := os.OpenFile(n.path(name+".log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	s := &service{cmd: n.command(log, argv...), done: make(chan struct{})}
	if err := children.start(n.NS, s.cmd); err != nil {
		return nil, fmt.Errorf("start %s on %s: %w", name, n.Name, err)
	}
	go func() {
		defer close(s.done)
		_ = children.wait(s.cmd)
	}()
	return s, nil
}

// lastWords is the end of a service's log.
func (n *Node) lastWords(service string) string {
	const enough = 600
	log, err := os.ReadFile(n.path(service + ".log"))
	if err != nil {
		return err.Error()
	}
	return string(log[max(0, len(log)-enough):])
}
