// Package policy decides whether this host should have a VIP, until when, and when to look next. It
// is pure: no clock, no file, no network, and nothing but the standard library.
//
// [Decide] is where a decision begins. It goes through tables of rows (leading.go, notleading.go,
// silent.go, callbacks.go, operator.go), and the first row that fits decides. lease.go says until
// when. POLICY.md beside this file is written from the tables.
package policy
