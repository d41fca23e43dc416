package reconcile

import "time"

// Moment is a point on the boot clock (CLOCK_BOOTTIME): the time since this host booted, suspends included. Leases,
// deadlines and the age of evidence are kept in it, because nobody can set that clock; the wall clock is for people.
type Moment = time.Duration

// Forever is the end of an address that has none.
const Forever Moment = 1<<63 - 1

// Role is a member's role in the cluster, in Patroni's words.
type Role string

// The roles that Patroni reports. Everything else is [RoleUnknown], which never leads.
const (
	RolePrimary       Role = "primary"
	RoleReplica       Role = "replica"
	RoleStandbyLeader Role = "standby_leader"
	RoleDemoted       Role = "demoted"
	RoleUninitialized Role = "uninitialized"
	RoleUnknown       Role = "unknown"
)

// ParseRole reads a role as any Patroni from 2.1 to 4.1 spells it: up to 3.3 the primary is "master", and 3.0.0 alone
// passes "promoted" to its callbacks (patroni/postgresql/__init__.py, call_nowait).
func ParseRole(s string) Role {
	switch r := Role(s); r {
	case RolePrimary, RoleReplica, RoleStandbyLeader, RoleDemoted, RoleUninitialized:
		return r
	case "master", "promoted":
		return RolePrimary
	}
	return RoleUnknown
}

// Follow says which leader a VIP belongs to.
type Follow string

// What a VIP can follow.
const (
	FollowPrimary       Follow = "primary"
	FollowLeader        Follow = "leader" // the primary, or the standby leader of a standby cluster
	FollowStandbyLeader Follow = "standby_leader"
)

// Wants reports whether a VIP that follows f belongs to a leader of role r.
func (f Follow) Wants(r Role) bool {
	switch f {
	case FollowLeader:
		return r == RolePrimary || r == RoleStandbyLeader
	case FollowStandbyLeader:
		return r == RoleStandbyLeader
	}
	return r == RolePrimary
}

// Event is what made the engine run.
type Event string

// The events. All but the first two are Patroni's callbacks.
const (
	EventTick         Event = "tick"
	EventOperator     Event = "operator"
	EventOnStart      Event = "on_start"
	EventOnStop       Event = "on_stop"
	EventOnRestart    Event = "on_restart"
	EventOnRoleChange Event = "on_role_change"
	EventOnReload     Event = "on_reload"
)

// Trigger is one run's reason to be.
type Trigger struct {
	Event   Event
	Role    Role   // callbacks: the role Patroni passed
	Cluster string // callbacks: the scope Patroni passed
	By      string // who asked, for the history: "patroni", "timer" or an operator's user name
	Order   Order  // an operator's
	Force   bool   // an operator's: whatever Patroni says
	At      Moment // when the process was started; argv counts as evidence for [EvidenceAge] from here
}

// Answer is what came of asking a Patroni for its word.
type ReplyKind string

// The answers to GET /leader.
const (
	Unasked   ReplyKind = ""           // nobody has asked in this run
	Leader    ReplyKind = "leader"     // 200: this member holds the leader lock
	NotLeader ReplyKind = "not_leader" // 503: it does not
	Silent    ReplyKind = "silent"     // no answer in time, or no answer at all
	NotOurs   ReplyKind = "not_ours"   // an answer that cannot be this member's word: wrong scope or name, not JSON, TLS or HTTP error
)

// Word is what one Patroni said about its own member, and when. Only Answer, Why and At are set when it said nothing.
type PatroniReply struct {
	Kind   ReplyKind `json:"answer"`
	Why      string `json:"why,omitempty"` // for people: why there is no word, for example "connection refused"
	Role     Role   `json:"role,omitempty"`
	State    string `json:"state,omitempty"` // PostgreSQL's state in Patroni's words, "running" for example
	Timeline int    `json:"timeline,omitempty"`
	Paused   bool   `json:"paused,omitempty"`
	Unlocked bool   `json:"unlocked,omitempty"` // cluster_unlocked: no leader key, or no view of the DCS
	Failsafe bool   `json:"failsafe,omitempty"` // failsafe_mode_is_active
	Scope    string `json:"scope,omitempty"`
	Name     string `json:"name,omitempty"` // empty before Patroni 3.2.0

	// LastSeen is dcs_last_seen: when this Patroni last read the DCS, in whole seconds since 1970 on its wall clock.
	// 0 where the answer had none (Patroni before 2.1.2) or where it has not read the DCS yet.
	LastSeen int64 `json:"dcs_last_seen,omitempty"`

	// Date is when the answer was given by that host's wall clock, in whole seconds since 1970, as HTTP's Date has it; 0 where
	// it does not say. It dates LastSeen, which was written by the same clock, whatever our own says.
	Date int64 `json:"date,omitempty"`

	// At is when the question was put, not when the answer came: what is said was true at some time after it.
	At Moment `json:"at"`
	// SeenAt is LastSeen on this host's boot clock; 0 means missing. The engine fills it in, and Offset: the wall clock
	// less the boot clock when the answer was heard.
	SeenAt Moment        `json:"seen_at,omitempty"`
	SeenBy Moment        `json:"seen_by,omitempty"` // the latest that LastSeen can have been, see [Memory.narrow]
	Offset time.Duration `json:"offset,omitempty"`
}

// blind reports whether this Patroni has not read the DCS for longer than a loop and its retries take.
func (w PatroniReply) blind(at Moment, t Timing) bool {
	return w.SeenAt == 0 || at-w.SeenAt > t.LoopWait+t.RetryTimeout
}

// Heard reports whether this member's Patroni has said whether it leads.
func (w PatroniReply) Counts() bool { return w.Kind == Leader || w.Kind == NotLeader }

// Mute reports whether it was asked and has not: nothing that answers is ours, or nothing does.
func (w PatroniReply) IsSilent() bool { return w.Kind == Silent || w.Kind == NotOurs }

// Running reports whether Patroni says that PostgreSQL runs.
func (w PatroniReply) Running() bool { return w.State == "running" }

// Timing is the three settings of a Patroni cluster that say how long a leader lock lasts.
type Timing struct {
	TTL          time.Duration `json:"ttl"`
	LoopWait     time.Duration `json:"loop_wait"`
	RetryTimeout time.Duration `json:"retry_timeout"`
}

// Peer is another member of the cluster.
type Peer struct {
	Name string `json:"name"`
	URL  string `json:"url"` // where its REST API answers, without a path: "http://10.0.0.2:8008"
}

// Members is what a Patroni reads in the DCS when it is asked for the cluster.
type Members struct {
	Peers  []Peer // those other than this one that can be asked
	Leader string // who holds the leader lock; empty where nobody does
}

// PeerWord is what a peer said: about itself, and about who leads.
type PeerReply struct {
	Peer  Peer
	Reply  PatroniReply   // of its own GET /leader
	Names string // the leader that its GET /cluster names; empty when none, or when it was not asked
}

// PG is whether the local PostgreSQL could accept a write, read from its postmaster.pid and not from Patroni.
type PG string

// The states of the local PostgreSQL.
const (
	PGUnknown PG = "unknown"
	PGDown    PG = "down" // postmaster.pid is gone, or its status line says "stopping": no new connection is accepted
	PGAlive   PG = "alive"
)
