// Package history keeps the records of what happened to the VIPs of this host, for people: a bbolt
// database on disk ([Log]). Nothing is decided with it.
//
// A record goes to a spool file first and from there into the database. Whatever happens in between
// (a SIGKILL, a full disk, a reader that keeps the database locked, a database that is corrupt or
// of a newer vipctl) leaves it in the spool, and the next run that can write takes it in. Readers
// show both.
//
// # Order
//
// Records are kept in the order of their keys: the wall clock's nanoseconds, a number within the
// process, the process id. Within one process the order is that of the Append calls, however the
// wall clock steps. Across processes it is the wall clock's: after a step back, a later process's
// records stand below those of the time that is lived through twice. Pruning takes the smallest
// keys, but never a record of the transaction that prunes.
package history
