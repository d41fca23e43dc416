// Package vip holds an address on a Linux link, tells the neighbours, and hears the successor.
//
// [Kernel] is all of it: netlink for the address, ARP or neighbour discovery for the neighbours, sock_diag for the TCP
// sessions. [Static] is an address that somebody else has configured: nothing of it but its sessions is touched. Neither
// decides anything: what is to be held, until when, and whom to believe is package reconcile's business.
package vip
