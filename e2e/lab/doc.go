// Package lab runs a real Patroni cluster on one machine: a switch, three nodes and two clients, each a network
// namespace, with etcd, Patroni and PostgreSQL from the distribution's packages on every node and vipctl beside them.
//
// [Up] brings a lab up and [Lab.Down] takes it away without a trace. In between, a [Lab] can be switched over, crashed,
// frozen, unplugged and partitioned (faults.go), written to as clients would (writer.go), and watched for who holds the
// VIP (watch.go). [Recording.Figures] turns what the writers saw into the numbers that vipctl promises.
//
// With [Options.Clocks] each node has a wall clock of its own, for Patroni and vipctl ([Node.SetClock]); with [Options.StandIn] a
// handler answers in the place of every node's Patroni, and there is no cluster behind it.
//
// With [Options.Hetzner] the clients are behind a router, and the VIP is where a fake of Hetzner's API says: the router
// sends it to the node that the API names ([Hetzner]).
//
// Labs do not see each other: each has its own namespaces, processes and folder, and all may use the same addresses. A
// lab whose process died without cleaning up is removed by the next [Up].
//
// It needs root, Linux and the packages that deps.sh beside this folder installs; [Lacks] says what is missing.
package lab
