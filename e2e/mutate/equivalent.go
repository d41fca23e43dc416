package main

// equivalent are the mutants that no test can notice, each with the reason.
var equivalent = map[string]string{
	"yields: we.LastSeen < peer.LastSeen: < to <=": "the case says that they differ",
	"Date: before > age: > to >=":                  "where they are equal, either is the answer",
	"lockLease: end.Before(least): Before to <=":   "where they are equal, the rolling lease ends then too",
	"NextLook: at.Before(f.Now): Before to <=":     "nextLoop never returns the very moment at which it is asked",
}
