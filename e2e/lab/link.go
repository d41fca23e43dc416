package lab

import (
	"fmt"
	"strings"
)

// Link is a node's cable to the switch, and what can happen to the packets on it. Each has a method
// that undoes it alone, and [Lab.Heal] undoes all of it.
type Link struct {
	host *Host
	sw   *Switch
	all  []*Host // the nodes, this one among them
}

// Pull cuts the node from everybody: the switch's end of its cable goes down, and the node sees no
// carrier.
func (l *Link) Pull() error { return l.sw.setPort(l.host.Name, "down") }

// Plug undoes [Link.Pull].
func (l *Link) Plug() error { return l.sw.setPort(l.host.Name, "up") }

// Partition cuts the node from the other nodes, not from the clients, and leaves its carrier up.
func (l *Link) Partition() error {
	var others []string
	for _, h := range l.all {
		if h != l.host {
			others = append(others, `"`+h.Name+`"`)
		}
	}
	return nft(l.sw.ns, fmt.Sprintf(`table bridge partition_%[1]s {
	chain forward {
		type filter hook forward priority 0;
		iifname "%[1]s" oifname { %[2]s } drop
		iifname { %[2]s } oifname "%[1]s" drop
	}
}`, l.host.Name, strings.Join(others, ", ")))
}

// Rejoin undoes [Link.Partition].
func (l *Link) Rejoin() error { return forgetTable(l.sw.ns, "bridge partition_"+l.host.Name) }

// DropEtcd makes every packet from or to etcd on this node vanish, its own etcd's included.
func (l *Link) DropEtcd() error {
	return nft(l.host.NS, `table inet etcd {
	chain in { type filter hook input priority 0; tcp dport { 2379, 2380 } drop; tcp sport { 2379, 2380 } drop; }
	chain out { type filter hook output priority 0; tcp dport { 2379, 2380 } drop; tcp sport { 2379, 2380 } drop; }
}`)
}

// PassEtcd undoes [Link.DropEtcd].
func (l *Link) PassEtcd() error { return forgetTable(l.host.NS, "inet etcd") }

// DropREST makes every packet between this node and another's Patroni vanish, and those of the
// others to its own.
func (l *Link) DropREST() error {
	return nft(l.host.NS, `table inet rest {
	chain in { type filter hook input priority 0; iifname "eth0" tcp dport 8008 drop; }
	chain out { type filter hook output priority 0; oifname "eth0" tcp dport 8008 drop; }
}`)
}

// PassREST undoes [Link.DropREST].
func (l *Link) PassREST() error { return forgetTable(l.host.NS, "inet rest") }

// heal plugs the cable in and forgets the node's packet filters.
func (l *Link) heal() error {
	if err := l.Plug(); err != nil {
		return err
	}
	return forgetRules(l.host.NS)
}
