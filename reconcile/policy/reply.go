package policy

import "time"

// ReplyKind is what came of asking a Patroni whether its member leads, GET /leader.
type ReplyKind string

// The kinds of reply. The last two are both called silent: there is no reply that counts.
const (
	Unasked   ReplyKind = ""           // nobody has asked in this run
	Leader    ReplyKind = "leader"     // 200: this member holds the leader lock
	NotLeader ReplyKind = "not_leader" // 503: it does not
	Silent    ReplyKind = "silent"     // no reply in time, or none at all
	NotOurs   ReplyKind = "not_ours"   // not this member's: wrong scope or name, not JSON, TLS or HTTP error
)

// PatroniReply is what one Patroni said about its own member, and when. Only Kind, Why and At are
// set where it said nothing.
type PatroniReply struct {
	Kind     ReplyKind `json:"kind"`
	Why      string    `json:"why,omitempty"` // for people: why there is no reply, "connection refused"
	Role     Role      `json:"role,omitempty"`
	State    string    `json:"state,omitempty"` // PostgreSQL's state in Patroni's words, "running"
	Timeline int       `json:"timeline,omitempty"`
	Paused   bool      `json:"paused,omitempty"`
	Unlocked bool      `json:"unlocked,omitempty"` // cluster_unlocked: no leader key, or no view of the DCS
	Failsafe bool      `json:"failsafe,omitempty"` // failsafe_mode_is_active
	Scope    string    `json:"scope,omitempty"`
	Name     string    `json:"name,omitempty"` // empty before Patroni 3.2.0

	// LastSeen is dcs_last_seen: when this Patroni last read the DCS, in whole seconds since 1970
	// on its wall clock. It is 0 where the reply has none (Patroni before 2.1.2), and where Patroni
	// has not read the DCS yet.
	LastSeen int64 `json:"dcs_last_seen,omitempty"`

	// Date is HTTP's Date: when the reply was given by that host's wall clock, in whole seconds
	// since
	// 1970. It is 0 where the reply does not say. The same clock wrote LastSeen, so that Date tells
	// its age whatever our own clock says.
	Date int64 `json:"date,omitempty"`

	// At is when the question was put, not when the reply came: the reply was true at some time
	// after it.
	At Moment `json:"at"`
	// SeenAt is LastSeen on this host's boot clock; 0 is unknown. The engine fills in SeenAt,
	// SeenBy and Offset.
	SeenAt Moment `json:"seen_at,omitzero"`
	// SeenBy is the latest that LastSeen can have been, see [ClusterState.Narrow].
	SeenBy Moment `json:"seen_by,omitzero"`
	// Offset is the wall clock less the boot clock when the reply was heard.
	Offset time.Duration `json:"offset,omitempty"`
}

// Counts reports whether this member's Patroni has said whether it leads.
func (r PatroniReply) Counts() bool { return r.Kind == Leader || r.Kind == NotLeader }

// IsSilent reports whether Patroni was asked and no reply counts.
func (r PatroniReply) IsSilent() bool { return r.Kind == Silent || r.Kind == NotOurs }

// Running reports whether Patroni says that PostgreSQL runs.
func (r PatroniReply) Running() bool { return r.State == "running" }

// blind reports whether this Patroni has not read the DCS for longer than a loop and its retries
// take.
func (r PatroniReply) blind(at Moment, t Timing) bool {
	return r.SeenAt.IsZero() || at.Sub(r.SeenAt) > t.LoopWait+t.RetryTimeout
}

// lockOver reports whether the lock has run out, or is about to, unless something refreshes it that
// does not read the DCS.
func (r PatroniReply) lockOver(t Timing) bool {
	return !r.SeenAt.IsZero() && !r.At.Before(r.SeenAt.Add(t.TTL).Add(-leaseSafety))
}

// Timing is the three settings of a Patroni cluster that say how long a leader lock lasts.
type Timing struct {
	TTL          time.Duration `json:"ttl"`
	LoopWait     time.Duration `json:"loop_wait"`
	RetryTimeout time.Duration `json:"retry_timeout"`
}

// leaseSafety is the distance that a rolling end keeps from the lock's own while our Patroni
// replies.
const leaseSafety = 2 * time.Second

// Roomy reports whether the usual lease leaves time for a tick between two loops of Patroni. Where
// it does not, the lease rolls from tick to tick.
func (t Timing) Roomy(interval time.Duration) bool {
	return t.TTL-2*t.LoopWait-leaseSafety >= interval+time.Second
}

// Peer is another member of the cluster.
type Peer struct {
	Name string `json:"name"`
	URL  string `json:"url"` // where its REST API is, without a path: "http://10.0.0.2:8008"
}

// PeerReply is what a peer said: about itself, and about who leads.
type PeerReply struct {
	Peer  Peer
	Reply PatroniReply // of its own GET /leader
	Names string       // the leader that its GET /cluster names; empty when none, or when not asked
}
