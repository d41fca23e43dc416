// Package reconcile decides whether this host should hold a VIP, and makes it so.
//
// [Decide] is the policy: one pure function from [Facts] to a [Verdict]. [Engine] gathers the facts, carries the
// verdict out and says what it did. Everything the engine touches is behind an interface of this package ([Address],
// [Patroni], [Notebook], [Journal], [Clock]), so that the policy and the engine need nothing but the standard library.
//
// DESIGN.md beside this file holds the policy as a table; a test holds the table against [Decide].
package reconcile
