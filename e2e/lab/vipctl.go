package lab

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
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

// Vipctl is vipctl on a node, run as postgres.
type Vipctl struct {
	host     *Host
	program  string // a file of its own name on each node
	address  string // the VIP
	interval time.Duration
	route    string // lines of vipctl.yml, below the VIP
	more     string // lines of vipctl.yml, at its end
}

// command is the command line of a subcommand.
func (v *Vipctl) command(args ...string) []string {
	return append([]string{v.program, "--config", v.host.path("vipctl.yml")}, args...)
}

// installVipctl copies a binary as a package would install it: owned by root, run by the group
// alone, with the two capabilities that moving and announcing an address take.
func installVipctl(binary, to string, group uint32) error {
	program, err := os.ReadFile(binary)
	if err != nil {
		return fmt.Errorf("%w (make build writes it)", err)
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(to, program, 0o750); err != nil {
		return err
	}
	if err := os.Chown(to, 0, int(group)); err != nil {
		return err
	}
	out, err := exec.Command("setcap", "cap_net_admin,cap_net_raw+ep", to).CombinedOutput()
	if err != nil {
		return fmt.Errorf("setcap %s: %w: %s", to, err, strings.TrimSpace(string(out)))
	}
	return nil
}

// link makes an installed binary the node's.
func (v *Vipctl) link(installed string) error {
	if err := os.MkdirAll(filepath.Dir(v.program), 0o755); err != nil {
		return err
	}
	return os.Link(installed, v.program)
}

// SetPrefix puts a prefix such as "/24" behind the VIP in the node's vipctl.yml, or none for "".
func (v *Vipctl) SetPrefix(prefix string) error {
	text := fmt.Sprintf(vipctlYAML, v.host.Dir, v.address+prefix, v.interval, v.more, v.route)
	return os.WriteFile(v.host.path("vipctl.yml"), []byte(text), 0o644)
}

// Run runs a subcommand and returns what it prints; what it complains of is in the error.
func (v *Vipctl) Run(args ...string) (string, error) {
	var out, problems bytes.Buffer
	cmd := v.host.command(&out, v.command(args...)...)
	cmd.Stderr = &problems
	if err := children.run(v.host.NS, cmd); err != nil {
		return out.String(), fmt.Errorf("vipctl %s on %s: %w: %s", strings.Join(args, " "), v.host.Name, err,
			strings.TrimSpace(problems.String()))
	}
	return out.String(), nil
}

// FoundProblem reports whether a status or a config check has found something that stops the job:
// exit code 1.
func FoundProblem(err error) bool {
	var exit *exec.ExitError
	return errors.As(err, &exit) && exit.ExitCode() == 1
}

// Transition is one entry of `vipctl history --json`.
type Transition struct {
	At      time.Time `json:"at"`
	VIP     string    `json:"vip"`
	Trigger string    `json:"trigger"`
	By      string    `json:"by"`
	Do      string    `json:"do"`
	Code    string    `json:"code"`
	Reason  string    `json:"reason"`
	TookMS  float64   `json:"took_ms"`
	Error   string    `json:"error"`
}

// History reads the node's history, newest first.
func (v *Vipctl) History() ([]Transition, error) {
	text, err := v.Run("history", "--json")
	if err != nil {
		return nil, err
	}
	var all []Transition
	return all, json.Unmarshal([]byte(text), &all)
}

// Status is the part of `vipctl status --json` that the lab looks at.
type Status struct {
	Node string     `json:"node"`
	Tick *time.Time `json:"last_tick"`
	VIPs []struct {
		Name     string   `json:"name"`
		Present  string   `json:"present"`
		Lease    *float64 `json:"lease_seconds"`
		Code     string   `json:"code"`
		Reason   string   `json:"reason"`
		Conflict *struct {
			MAC string `json:"mac"`
		} `json:"conflict"`
		Route *struct {
			Ours *bool `json:"ours"` // nil where nobody knows
		} `json:"route"`
	} `json:"vips"`
}

// Status asks for the node's status. A problem that it has found, which its exit code says, is no
// error here.
func (v *Vipctl) Status() (Status, error) {
	var s Status
	text, err := v.Run("status", "--json")
	if FoundProblem(err) {
		err = nil
	}
	if err != nil {
		return s, err
	}
	return s, json.Unmarshal([]byte(text), &s)
}

// run is vipctl's /run, a file system in memory.
func (v *Vipctl) run(name ...string) string {
	return v.host.path(append([]string{"run"}, name...)...)
}

// WipeRun deletes all that vipctl keeps in /run.
func (v *Vipctl) WipeRun() error {
	files, err := os.ReadDir(v.run())
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := os.RemoveAll(v.run(f.Name())); err != nil {
			return err
		}
	}
	return nil
}

// FillRun fills the node's /run, or empties it of that again. In a full one nothing can be written,
// and what is there can be read, locked and deleted.
func (v *Vipctl) FillRun(on bool) error {
	if !on {
		return os.RemoveAll(v.run("filler"))
	}
	f, err := os.Create(v.run("filler"))
	if err != nil {
		return err
	}
	defer f.Close()
	for page := make([]byte, 4096); err == nil; {
		_, err = f.Write(page)
	}
	if !errors.Is(err, unix.ENOSPC) {
		return err
	}
	return nil
}
