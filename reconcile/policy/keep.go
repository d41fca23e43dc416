package policy

import "fmt"

// keepUntil vouches for the address until the given moment, or longer where that was proved before.
// Where that moment is past, an older lease still counts; when that has ended too, the address
// goes.
func keepUntil(f Facts, until Moment, why string, args ...any) Verdict {
	why = fmt.Sprintf(why, args...)
	until = steady(f, until)
	switch {
	case until.After(f.Now):
		return Verdict{Do: DoKeep, Why: why, Until: until, Forever: !f.Leased || !ticking(f)}
	case f.Now.Before(leaseEnd(f)):
		return nothing("%s, lease ends in %v", why, leaseLeft(f))
	}
	return release("%s, lease ended", why)
}

// keepIfRunning keeps what is here, and claims only for a PostgreSQL that runs.
func keepIfRunning(f Facts, until Moment, why string) Verdict {
	if f.NotAsWanted() && !f.Reply.Running() {
		return nothing("%s, PostgreSQL is %s", why, f.Reply.State)
	}
	return keepUntil(f, until, "%s", why)
}

// keepIfHere keeps what is here and claims nothing.
func keepIfHere(f Facts, why string, args ...any) Verdict {
	if f.NotAsWanted() {
		return nothing(why, args...)
	}
	return keepUntil(f, lockLease(f), why, args...)
}

// runOut lets the lease of what is here run out, and claims nothing.
func runOut(f Facts, why string) Verdict {
	switch {
	case f.NotAsWanted():
		return nothing("%s", why)
	case f.Now.Before(leaseEnd(f)):
		return nothing("%s, lease ends in %v", why, leaseLeft(f))
	}
	return release("%s, lease ended", why)
}
