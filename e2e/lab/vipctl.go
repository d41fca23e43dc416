package lab

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

const vipctlYAML = `patroni:
  config: %[1]s/patroni.yml
vips:
  - address: %[2]s
    interface: eth0
%[5]sinterval: %[3]s
paths:
  run: %[1]s/run
  state: %[1]s/state
%[4]s`

// program is the node's vipctl.
func (n *Node) program() string { return n.path("bin", "vipctl") }

// vipctl is the command line of vipctl on this node.
func (n *Node) vipctl(args ...string) []string {
	return append([]string{n.program(), "--config", n.path("vipctl.yml")}, args...)
}

// installVipctl copies the binary as a package would install it: owned by root, run by postgres alone, with the two
// capabilities that moving and announcing an address take. Every node has the same file, by a name of its own.
func (l *Lab) installVipctl() error {
	if l.opts.Binary == "" {
		return nil
	}
	program, err := os.ReadFile(l.opts.Binary)
	if err != nil {
		return fmt.Errorf("%w (make build writes it)", err)
	}
	bin := l.path("bin", "vipctl")
	if err := os.MkdirAll(l.path("bin"), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(bin, program, 0o750); err != nil {
		return err
	}
	if err := os.Chown(bin, 0, int(l.postgres.Gid)); err != nil {
		return err
	}
	out, err := exec.Command("setcap", "cap_net_admin,cap_net_raw+ep", bin).CombinedOutput()
	if err != nil {
		return fmt.Errorf("setcap %s: %w: %s", bin, err, strings.TrimSpace(string(out)))
	}
	for _, n := range l.Nodes {
		if err := n.linkVipctl(bin); err != nil {
			return err
		}
	}
	return nil
}

func (n *Node) linkVipctl(bin string) error {
	if err := os.MkdirAll(filepath.Dir(n.program()), 0o755); err != nil {
		return err
	}
	if err := os.Link(bin, n.program()); err != nil {
		return err
	}
	if n.lab.opts.Clocks {
		return n.SetClock(0)
	}
	return nil
}

func (n *Node) writeVipctlYAML() error { return n.writeVipctl(n.lab.VIP) }

func (n *Node) writeVipctl(address string) error {
	text := fmt.Sprintf(vipctlYAML, n.Dir, address, n.lab.opts.Interval, n.lab.opts.VipctlYAML, n.routeYAML())
	return os.WriteFile(n.path("vipctl.yml"), []byte(text), 0o644)
}

// Vipctl runs a subcommand on the node as postgres and returns what it prints; what it complains of is in the error.
func (n *Node) Vipctl(args ...string) (string, error) {
	var out, problems bytes.Buffer
	cmd := n.command(&out, n.vipctl(args...)...)
	cmd.Stderr = &problems
	if err := children.run(n.NS, cmd); err != nil {
		return out.String(), fmt.Errorf("vipctl %s on %s: %w: %s", strings.Join(args, " "), n.Name, err,
			strings.TrimSpace(problems.String()))
	}
	return out.String(), nil
}

// FoundProblem reports whether a status or a config check has found something that stops the job: exit code 1.
func FoundProblem(err error) bool {
	var exit *exec.ExitError
	return errors.As(err, &exit) && exit.ExitCode() == 1
}
