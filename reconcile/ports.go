package reconcile

import (
	"context"
	"errors"
	"time"

	"github.com/vipctl/vipctl/reconcile/policy"
)

// Address is one VIP's address on this host's link. Every method is idempotent and none of them
// waits for a network, except AwaitSuccessor and Probe, whose business it is. Methods of one
// Address are not called concurrently by one engine; several processes may, and the kernel keeps
// each call whole.
type Address interface {
	// State asks the kernel where the address is now. A missing link is not an error: the address
	// is not here.
	State() (policy.AddressState, error)
	// Keep puts the address on the link until the given moment, or moves that moment where it is
	// there already. Copies with another prefix on the same link are removed. A moment less than a
	// second ahead is an error, and so is an address that must be this host's own.
	Keep(until policy.Moment) error
	// Announce tells the neighbours, once, that the address is here. On a link without ARP it does
	// nothing.
	Announce() error
	// AwaitSuccessor probes the link and listens until another host answers or announces the
	// address, and returns its MAC. Hosts in ignore, the default gateway and every link of this
	// host do not count. It returns "" and no error when ctx ends first.
	AwaitSuccessor(ctx context.Context, ignore []policy.MAC) (policy.MAC, error)
	// Probe probes the link for the length of window and returns every other host, the default
	// gateway excepted, that answers for the address or announces it. It is [ErrUnasked] where the
	// link could not be asked, and nobody was heard.
	Probe(ctx context.Context, window time.Duration) ([]policy.MAC, error)
	// Release removes every copy of the address from its link. An address that is not there is
	// released; one that must be this host's own stays, with an error.
	Release() error
}

// Members is what a Patroni reads in the DCS when it is asked for the cluster.
type Members struct {
	Peers  []policy.Peer // those other than this one that can be asked
	Leader string        // who holds the leader lock; empty where nobody does
}

// Patroni asks the cluster. Nothing is decided upon an error: what keeps Patroni from saying who
// leads is part of the reply. Every method with a context ends with that, and within a deadline of
// its own.
type Patroni interface {
	// Reply asks the local Patroni, GET /leader.
	Reply(ctx context.Context) policy.PatroniReply
	// Poll asks the peers side by side: GET /leader of each, and GET /cluster of those that do not
	// lead and see a lock.
	Poll(ctx context.Context, peers []policy.Peer) []policy.PeerReply
	// Rivals asks the peers side by side whether they lead, GET /leader alone, and waits for no
	// answer that does not come at once: only what leads says something.
	Rivals(ctx context.Context, peers []policy.Peer) []policy.PeerReply
	// Timing asks the local Patroni for ttl, loop_wait and retry_timeout, GET /config.
	Timing(ctx context.Context) (policy.Timing, error)
	// Members asks the local Patroni who else is in the cluster, and who holds the lock, GET
	// /cluster. To answer, Patroni reads the DCS, or its watch cache, which moves dcs_last_seen.
	Members(ctx context.Context) (Members, error)
	// Name is this member's name in the cluster, empty when patroni.yml cannot say.
	Name() string
	// Postmaster reads postmaster.pid in the local data directory. It is [policy.PGUnknown] where
	// ctx ends first.
	Postmaster(ctx context.Context) policy.PG
}

// ErrBusy is returned by a [Store] when another process kept a lock for longer than the caller
// could wait.
var ErrBusy = errors.New("locked by another vipctl")

// ErrUnasked is returned by an [Address] whose link has had as many frames as it may for now.
var ErrUnasked = errors.New("the link has had as many ARP frames as it may for now")

// RouteLockAge is longer than any call of a [Route] takes.
const RouteLockAge = 3 * time.Minute

// Store keeps the state that decisions are made with, where a reboot forgets it. State that cannot
// be read is an error together with a zero value: decisions go on without it.
type Store interface {
	// Lock takes the VIP's lock, waiting for patience at the most, and returns the function that
	// gives it back. A lock that has been held for over 2 s belongs to a stopped process and is
	// passed over: the caller gets a lock that excludes nobody. Errors other than [ErrBusy] mean
	// that there can be no lock, for example on a read-only /run.
	Lock(vip string, patience time.Duration) (unlock func(), err error)
	VIPState(vip string) (policy.VIPState, error)
	SaveVIPState(vip string, n policy.VIPState) error
	ClusterState() (policy.ClusterState, error)
	// LockRoute takes the right to ask the API of a VIP's route, without waiting: [ErrBusy] where
	// another has it. It may be kept for as long as a call takes, and is passed over after
	// [RouteLockAge], when its holder must have been stopped.
	LockRoute(vip string) (unlock func(), err error)
	// RouteMemo is zero where there is none. Only who has the route's lock saves one.
	RouteMemo(vip string) (RouteMemo, error)
	SaveRouteMemo(vip string, m RouteMemo) error
	// UpdateClusterState reads, changes and writes the cluster's state under a lock of its own, and
	// returns [ErrBusy] with nothing changed where that is not free within 200 ms.
	UpdateClusterState(change func(*policy.ClusterState)) error
}

// Clock is time, as the engine sees it.
type Clock interface {
	Now() policy.Moment // the boot clock
	Wall() time.Time    // the wall clock, which steps
	// Wait returns after d, or when ctx ends, whichever is first, with ctx's error then.
	Wait(ctx context.Context, d time.Duration) error
}

// VIP is one managed address.
type VIP struct {
	Name     string
	Address  Address
	Follow   policy.Follow
	Leased   bool          // the address dies by itself unless it is renewed
	HandOver time.Duration // the longest wait for a successor; less than 1 s releases at once
	Route    Route         // nil: the link is all there is
}
