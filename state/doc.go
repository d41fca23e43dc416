// Package state keeps what one process of vipctl has to tell the next ones, in files under /run
// ([Store]): a state a VIP, the state of the cluster, the memo of each route, the account of
// frames, what was last read of Patroni's configuration. The locks that processes exclude each
// other with are there too.
//
// Files are replaced by temp and rename, so that a reader sees the old content or the new one and
// never half of one. They are not synced: the folder is a tmpfs, a power failure takes the whole of
// it, and what was written before a reboot would be ignored anyway.
//
// What people read about the past is in package history.
package state
