package sim

import (
	"time"

	"github.com/vipctl/vipctl/reconcile/policy"
)

// postgres is a node's PostgreSQL. Every method wants the world locked.
type postgres struct {
	n        *node
	state    string // in Patroni's words; "" where it is down
	primary  bool   // not in recovery
	writable bool   // takes writes
	timeline int
	crashed  bool // the postmaster was killed, and left its postmaster.pid
}

// begin is the cluster's birth.
func (p *postgres) begin(primary bool) {
	p.state, p.primary, p.writable, p.timeline = "running", primary, primary, 1
}

// set changes the state, and has the checks look.
func (p *postgres) set(state string, primary bool) {
	p.state, p.primary = state, primary
	p.writable = primary && state == "running"
	p.crashed = false
	p.n.tell("PostgreSQL: %s%s", orDown(state), map[bool]string{true: ", primary", false: ""}[primary])
	p.n.w.checks.look()
}

func orDown(state string) string {
	if state == "" {
		return "down"
	}
	return state
}

func (p *postgres) crash() {
	if p.state == "" {
		return
	}
	p.state, p.writable, p.crashed = "crashed", false, true
	p.n.tell("postmaster killed")
	p.n.w.checks.look()
}

// promote makes a primary of a replica, on a new timeline. It takes writes a moment later, see
// [postgres.open].
func (p *postgres) promote() {
	p.primary = true
	p.timeline = p.n.w.newTimeline()
	p.n.tell("promoted to timeline %d", p.timeline)
}

// open lets a promoted primary take writes.
func (p *postgres) open() {
	if p.state == "running" && p.primary && !p.writable {
		p.writable = true
		p.n.w.checks.look()
	}
}

func (p *postgres) running() bool { return p.state == "running" }

// postmaster is what postmaster.pid says.
func (p *postgres) postmaster() policy.PG {
	switch {
	case p.crashed:
		return policy.PGUnknown
	case p.state == "" || p.state == "stopping":
		return policy.PGDown
	}
	return policy.PGAlive
}

// The times that PostgreSQL takes.
const (
	stopLeast, stopMost       = 30 * time.Millisecond, 400 * time.Millisecond
	startLeast, startMost     = 300 * time.Millisecond, 1500 * time.Millisecond
	promoteLeast, promoteMost = 40 * time.Millisecond, 300 * time.Millisecond
	openLeast, openMost       = 10 * time.Millisecond, 200 * time.Millisecond
)
