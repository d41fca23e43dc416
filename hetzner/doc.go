// Package hetzner points Hetzner's routing at this server.
//
// Three ways exist, each a [reconcile.Route]: [FloatingIP] and [AliasIP] through the Cloud API,
// [Failover] through the Robot webservice for dedicated servers. None of them touches the address
// on the link, and none decides who should have it: the engine does both, and calls a route when
// this member leads.
//
// # What neither API has
//
// There is no compare-and-swap. The last call wins, so that a slow call of a member that has been
// demoted meanwhile would steal the address back. Every mutating attempt but an early first one
// therefore asks again whether this member still leads, at the last moment before the request's
// bytes leave the process ([reconcile.Route], Take).
//
// # Memo
//
// A process lives for one run. What has to outlive it is in a memo, JSON that only this package
// reads: ids that were looked up, a switch that is under way, locks, rate limits and refused
// logins. The caller keeps it, also in the middle of a call, so that a run that is killed there is
// finished by the next.
//
// # Entry
//
// A program calls [New] once, and then [Provider.CloudRoute] or [Provider.RobotRoute] for each VIP.
// The clients and routes that these are made of are exported for tests and tools that have a secret
// in hand.
//
// Facts about the APIs come from Hetzner's specification of the Cloud API, the Robot webservice's
// manual and docs.hetzner.com. docs/hetzner.md says which of them could not be tried without an
// account.
package hetzner
