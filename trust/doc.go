// Package trust says which files vipctl may believe, who can change or run them, and with which
// privileges vipctl and its callbacks run.
//
// vipctl moves addresses with more power than most users have. So a file that says which addresses
// are moved must be one that only root can change: see [Open]. A program with capabilities must not
// do what an environment of a weaker user says: see [ClearEnvironment]. A secret must be readable
// for the user who runs the callbacks: see [CheckSecret].
//
// Nothing is cached, and nothing on the host is changed. What the package reads is the file system,
// /proc and the user database. Only [ClearEnvironment] changes anything: the environment of its own
// process. All other functions are safe for concurrent use.
package trust
