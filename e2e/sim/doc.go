// Package sim lets whole clusters live in simulated time: the real engine and its policy on every
// node, and models of all that is around them. A simulated minute takes some milliseconds, so that
// many thousand combinations of faults can be tried. One number, the seed, decides all of them.
//
// What is real: package reconcile with its policy, package callbacks, the order of the engine's
// calls, its goroutines and deadlines. They run in a bubble of testing/synctest, whose clock moves
// when everybody waits.
//
// What is a model:
//
//	network.go   who reaches whom: cables, partitions, what drops etcd's or the REST API's packets
//	link.go      the kernel's addresses, whose lifetimes are whole seconds, and ARP
//	client.go    clients of the VIP with their neighbour caches
//	dcs.go       the leader lock with its lease, quorum, the cluster's settings
//	postgres.go  PostgreSQL: primary or replica, starting, stopping, crashed, its timeline
//	patroni.go   Patroni's HA loop; member.go what it does to its PostgreSQL; rest.go its REST API
//	executor.go  how Patroni runs callbacks: one at a time, the next one kills
//	process.go   a vipctl process: it can be frozen, and killed between any two of its calls
//	store.go     /run and the history
//	timer.go     the systemd timer
//
// faults.go has all that may happen, themes.go what is dangerous together, scenario.go draws it from
// the seed, check.go has what must hold in every instant, metrics.go what a trial on the real cluster
// measures, and story.go tells what did happen.
package sim
