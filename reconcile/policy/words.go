package policy

// Role is a member's role in the cluster, in Patroni's words.
type Role string

// The roles that Patroni reports. Everything else is read as "unknown", which never leads.
const (
	rolePrimary       Role = "primary"
	roleReplica       Role = "replica"
	roleStandbyLeader Role = "standby_leader"
	roleDemoted       Role = "demoted"
	roleUninitialized Role = "uninitialized"
	roleUnknown       Role = "unknown"
)

// ParseRole reads a role as any Patroni from 2.1 to 4.1 spells it. Up to 3.3 the primary is
// "master", and 3.0.0 alone passes "promoted" to its callbacks (patroni/postgresql/__init__.py,
// call_nowait).
func ParseRole(s string) Role {
	switch r := Role(s); r {
	case rolePrimary, roleReplica, roleStandbyLeader, roleDemoted, roleUninitialized:
		return r
	case "master", "promoted":
		return rolePrimary
	}
	return roleUnknown
}

// Follow says which leader a VIP belongs to.
type Follow string

// What a VIP can follow.
const (
	followPrimary       Follow = "primary"
	followLeader        Follow = "leader" // the primary, or the standby leader of a standby cluster
	followStandbyLeader Follow = "standby_leader"
)

// Wants reports whether a VIP that follows f belongs to a leader of role r.
func (f Follow) Wants(r Role) bool {
	switch f {
	case followLeader:
		return r == rolePrimary || r == roleStandbyLeader
	case followStandbyLeader:
		return r == roleStandbyLeader
	}
	return r == rolePrimary
}

// Event is what made the engine run.
type Event string

// The events. All but the first two are Patroni's callbacks, by the names that Patroni gives them.
const (
	EventTick         Event = "tick"
	EventOperator     Event = "operator"
	eventOnStart      Event = "on_start"
	eventOnStop       Event = "on_stop"
	eventOnRestart    Event = "on_restart"
	eventOnRoleChange Event = "on_role_change"
	eventOnReload     Event = "on_reload"
)

// FromPatroni reports whether an event is one of Patroni's callbacks.
func (e Event) FromPatroni() bool {
	switch e {
	case eventOnStart, eventOnStop, eventOnRestart, eventOnRoleChange, eventOnReload:
		return true
	}
	return false
}

// Order is what an operator wants of a VIP on this host.
type Order string

// The orders that are the policy's business.
const (
	OrderClaim   Order = "claim"
	OrderRelease Order = "release"
)

// Trigger is why the engine runs.
type Trigger struct {
	Event   Event
	Role    Role   // callbacks: the role that Patroni passed
	Cluster string // callbacks: the scope that Patroni passed
	By      string // who asked, for the history: "patroni", "timer" or an operator's user name
	Order   Order  // an operator's
	Force   bool   // an operator's: whatever Patroni says
	At      Moment // when the process was started; argv is evidence for [EvidenceAge] from here
}
