package lab

import (
	"fmt"
	"os/exec"
	"strings"
	"syscall"
)

// The lab's addresses. Labs are isolated from each other and from the host, so all use the same ones.
const (
	switchedVIP = "10.77.0.100"
	inside      = "10.77.0.%d" // at the switch: nodes from 11 on, clients from 201 on
	prefixLen   = "/24"
	bridge      = "br0"
)

// plug joins a new namespace to a switch by a cable: eth0 in the namespace, and a port of the given name at the switch.
func (l *Lab) plug(sw *Namespace, port, addr string) (*Namespace, error) {
	ns, err := newNamespace(l.prefix + port)
	if err != nil {
		return nil, err
	}
	for _, args := range [][]string{
		{"-n", sw.Name, "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", ns.Name},
		{"-n", sw.Name, "link", "set", port, "master", bridge, "up"},
		{"-n", ns.Name, "addr", "add", addr + prefixLen, "dev", "eth0"},
		{"-n", ns.Name, "link", "set", "eth0", "up"},
	} {
		if err := ip(args...); err != nil {
			return ns, err
		}
	}
	return ns, nil
}

func (l *Lab) makeSwitch() (err error) {
	if l.sw, err = newNamespace(l.prefix + "sw"); err != nil {
		return err
	}
	return addBridge(l.sw)
}

func addBridge(ns *Namespace) error {
	return ip("-n", ns.Name, "link", "add", bridge, "up", "type", "bridge", "forward_delay", "0")
}

// PullCable cuts the node from everybody: the switch's end of its cable goes down, and the node sees no carrier.
func (l *Lab) PullCable(n *Node) error { return ip("-n", l.sw.Name, "link", "set", n.Name, "down") }

// PlugCable undoes [Lab.PullCable].
func (l *Lab) PlugCable(n *Node) error { return ip("-n", l.sw.Name, "link", "set", n.Name, "up") }

// Partition cuts the node from the other nodes, not from the clients, and leaves its carrier up.
func (l *Lab) Partition(n *Node) error {
	var others []string
	for _, o := range l.Nodes {
		if o != n {
			others = append(others, `"`+o.Name+`"`)
		}
	}
	set := strings.Join(others, ", ")
	return nft(l.sw, fmt.Sprintf(`table bridge partition_%[1]s {
	chain forward {
		type filter hook forward priority 0;
		iifname "%[1]s" oifname { %[2]s } drop
		iifname { %[2]s } oifname "%[1]s" drop
	}
}`, n.Name, set))
}

// DropARP loses every ARP frame between the node and the rest, and nothing else.
func (l *Lab) DropARP(n *Node) error {
	return nft(l.sw, fmt.Sprintf(`table bridge arp_%[1]s {
	chain forward {
		type filter hook forward priority 0;
		iifname "%[1]s" ether type arp drop
		oifname "%[1]s" ether type arp drop
	}
}`, n.Name))
}

// DropEtcd makes every packet from or to etcd on this node vanish, its own etcd's included.
func (n *Node) DropEtcd() error {
	return nft(n.NS, `table inet etcd {
	chain in { type filter hook input priority 0; tcp dport { 2379, 2380 } drop; tcp sport { 2379, 2380 } drop; }
	chain out { type filter hook output priority 0; tcp dport { 2379, 2380 } drop; tcp sport { 2379, 2380 } drop; }
}`)
}

// DropREST makes every packet between this node and another's Patroni vanish, and those of the others to its own.
func (n *Node) DropREST() error {
	return nft(n.NS, `table inet rest {
	chain in { type filter hook input priority 0; iifname "eth0" tcp dport 8008 drop; }
	chain out { type filter hook output priority 0; oifname "eth0" tcp dport 8008 drop; }
}`)
}

// Heal plugs every cable in and forgets every packet filter.
func (l *Lab) Heal() error {
	for _, n := range l.Nodes {
		if err := l.PlugCable(n); err != nil {
			return err
		}
		if err := nft(n.NS, "flush ruleset"); err != nil {
			return err
		}
	}
	return nft(l.sw, "flush ruleset")
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
