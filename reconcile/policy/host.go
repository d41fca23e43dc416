package policy

// Presence is whether the VIP's address is on its link.
type Presence string

// Partly and unknown count as no when a claim is considered, and as yes when a release is.
const (
	PresenceNo      Presence = "no"
	PresencePartly  Presence = "partly" // there, but not as wanted: another prefix, or a link that is down
	PresenceYes     Presence = "yes"
	PresenceUnknown Presence = "unknown" // the kernel could not be asked
)

// AddressState is what the kernel says of a VIP's address.
type AddressState struct {
	Presence Presence
	Forever  bool   // present, and without an end
	End      Moment // present, and dropped by the kernel at this moment; 0 when Forever
	Detail   string // for people: what is unusual, for example "on eth1 too"
}

// MAC is a link-layer address in the usual text form, "02:00:00:00:00:01".
type MAC string

// PG is whether the local PostgreSQL could accept a write. postmaster.pid says so, not Patroni.
type PG string

// The states of the local PostgreSQL. Down means that postmaster.pid is gone, or that its status
// line says "stopping": no new connection is accepted.
const (
	PGUnknown PG = "unknown"
	PGDown    PG = "down"
	PGAlive   PG = "alive"
)
