// Package vip holds an address on a Linux link, tells the neighbours of it, and listens for the
// host that takes it over.
//
// [Kernel] is all of it: netlink for the address, ARP or neighbour discovery for the neighbours,
// sock_diag for the TCP sessions. [Static] is an address that somebody else has configured: it
// resets the address's sessions, and changes nothing else. Neither type decides anything. Package
// reconcile decides what is to be held, until when, and whom to believe.
//
// A file uses only what stands below it: kernel.go and static.go implement the port; findings.go,
// state.go, entries.go, own.go, source.go, survey.go and link.go are about the address on its link;
// announce.go and successor.go are about its neighbours; sessions.go and listeners.go are about
// TCP; at the bottom stand the sockets and formats of the kernel (rtnl.go, socket.go, diag.go,
// sysctl.go, frames.go, claims.go) and values (address.go, lifetime.go, master.go, budget.go).
package vip
