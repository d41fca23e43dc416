package lab

import (
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"syscall"
)

// The addresses at a lab's switch. Labs are isolated from each other and from the host, so all use
// the same ones.
const (
	inside    = "10.77.0.%d" // nodes from 11 on, clients from 201 on
	prefixLen = "/24"
	bridge    = "br0"
)

// Switch joins namespaces by cables, as a bridge in a namespace of its own.
type Switch struct {
	ns     *Namespace
	prefix string // of the names of the namespaces that are plugged in
}

// newSwitch makes a switch of the namespace.
func newSwitch(ns *Namespace, prefix string) (*Switch, error) {
	err := ip("-n", ns.Name, "link", "add", bridge, "up", "type", "bridge", "forward_delay", "0")
	return &Switch{ns: ns, prefix: prefix}, err
}

// plug joins a new namespace to the switch by a cable: eth0 in the namespace, and a port of the
// given name at the switch.
func (s *Switch) plug(port, addr string) (*Namespace, error) {
	ns, err := newNamespace(s.prefix + port)
	if err != nil {
		return nil, err
	}
	for _, args := range [][]string{
		{"-n", s.ns.Name, "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", ns.Name},
		{"-n", s.ns.Name, "link", "set", port, "master", bridge, "up"},
		{"-n", ns.Name, "addr", "add", addr + prefixLen, "dev", "eth0"},
		{"-n", ns.Name, "link", "set", "eth0", "up"},
	} {
		if err := ip(args...); err != nil {
			return ns, err
		}
	}
	return ns, nil
}

// PlugStranger plugs in one more host that has the address by mistake, for good. It returns that
// host's MAC, and a function that takes the host away.
func (s *Switch) PlugStranger(addr string) (mac string, leave func() error, err error) {
	ns, err := s.plug("stranger", addr)
	if err != nil {
		return "", nil, errors.Join(err, ns.delete())
	}
	mac, err = macOf(ns)
	return mac, ns.delete, err
}

// setPort sets a port up or down. The namespace at the other end sees its carrier come or go.
func (s *Switch) setPort(port, state string) error {
	return ip("-n", s.ns.Name, "link", "set", port, state)
}

// macOf returns the MAC of the namespace's eth0.
func macOf(ns *Namespace) (mac string, err error) {
	err = ns.Do(func() error {
		link, err := net.InterfaceByName("eth0")
		if err == nil {
			mac = link.HardwareAddr.String()
		}
		return err
	})
	return mac, err
}

// nft gives the rules to nft(8) in the namespace.
func nft(ns *Namespace, rules string) error {
	var out strings.Builder
	cmd := exec.Command("nft", "-f", "-")
	cmd.Stdin, cmd.Stderr = strings.NewReader(rules), &out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // as for ip
	if err := children.run(ns, cmd); err != nil {
		return fmt.Errorf("nft in %s: %w: %s", ns.Name, err, strings.TrimSpace(out.String()))
	}
	return nil
}

// forgetRules forgets every rule that was given to [nft] in the namespace.
func forgetRules(ns *Namespace) error { return nft(ns, "flush ruleset") }

// forgetTable forgets a table of rules, if there is one.
func forgetTable(ns *Namespace, table string) error {
	return nft(ns, fmt.Sprintf("add table %[1]s\ndelete table %[1]s", table))
}
