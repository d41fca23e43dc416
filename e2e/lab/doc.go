// Package lab runs a real Patroni cluster on one machine: a switch, three nodes and two clients,
// each a network namespace, with etcd, Patroni and PostgreSQL from the distribution's packages on
// every node and vipctl beside them. Where the distribution has Patroni 3, [Options.Patroni] chooses
// Patroni 4 instead.
//
// [Up] brings a [Lab] up and [Lab.Down] takes it away without a trace. A lab is made of parts, and
// what can be done to it is done to the part:
//
//   - a [Node] is a [Host] with its programs ([Etcd], [Postgres], [Patroni] and its [REST] API,
//     [Vipctl], [Timer]), its [Clock], its [Addresses] and its [Link]. All of a node can crash,
//     freeze and lose its power; each part fails in ways of its own.
//   - the [Cluster] is what the nodes are together: who leads, a switchover, a pause.
//   - [Holders], [LeaderLock] and [Wire] write down who has the VIP, who has Patroni's leader lock,
//     and which ARP frames reach a client.
//   - the [Clients] write as clients would ([Writers]). [Recording.Figures] turns what they saw into
//     the numbers that vipctl promises.
//   - [Switch] and [Router] are the network between them. With [Options.Hetzner] the VIP is where a
//     fake of Hetzner's API says: the router sends it to the node that the API names ([Hetzner]).
//
// With [Options.StandIn] a handler replies in the place of every node's Patroni, and there is no
// cluster behind it.
//
// Labs do not see each other: each has its own namespaces, processes and folder, and all may use
// the same addresses. A lab whose process died without cleaning up is removed by the next [Up].
//
// The lab needs root, Linux and the packages that deps.sh beside this folder installs; [Lacks] says
// what is missing.
package lab
