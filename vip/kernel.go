package vip

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/reconcile/policy"
)

// errElsewhere is what Hold fails with when a copy of the address is on another link of this host,
// and none is on ours. Whoever put it there must say which link is meant: two links that answer for
// one address are worse than none.
var errElsewhere = errors.New("address is on another link")

// Options say which address, on which link.
type Options struct {
	Prefix    netip.Prefix // the address with its prefix length, usually /32 or /128
	Interface string       // the link's name, one of its alternative names, or its MAC

	// Routed is for an address that the provider's network brings to this host, whatever the
	// neighbours believe. Nobody on the link is told of it, asked for it or listened to.
	Routed bool

	// Budget paces the frames that the link is sent. All Kernels of a process share one. Where it
	// is nil, the Kernel has one of its own.
	Budget *Budget
	// Noted reports whether the VIP's note says that vipctl claimed the address. It is asked only
	// for an address that could as well be this host's own: that is taken away only if it is noted.
	// A nil Noted says no.
	Noted func() bool
	// Clock is the boot clock. It must be set.
	Clock func() policy.Moment
	// Warn is told what went wrong without keeping the address from where it should be. A nil Warn
	// drops it.
	Warn func(error)
}

// Kernel is one address on one link of this host. A Kernel remembers nothing of the link between
// two calls: the link may be renamed, replaced or gone by then. Its methods must not be called
// concurrently.
type Kernel struct {
	address
	link   string // as the options have it
	routed bool
	budget *Budget
	noted  func() bool
	clock  func() policy.Moment
	warn   func(error)

	sessionPatience time.Duration // how long a release may take to reset the TCP sessions
	rtnl            *rtnl
}

var _ reconcile.Address = (*Kernel)(nil)

// New makes no system calls. What is wrong with the options shows when they are used.
func New(o Options) *Kernel {
	k := &Kernel{
		address: newAddress(o.Prefix),
		link:    o.Interface,
		routed:  o.Routed,
		budget:  o.Budget,
		noted:   o.Noted,
		clock:   o.Clock,
		warn:    o.Warn,

		sessionPatience: sessionPatience,
		rtnl:            new(rtnl),
	}
	if k.budget == nil {
		k.budget = NewBudget(o.Clock, nil)
	}
	if k.warn == nil {
		k.warn = func(error) {}
	}
	if k.noted == nil {
		k.noted = func() bool { return false }
	}
	return k
}

// State implements [reconcile.Address]. End is rounded down: the kernel counts in seconds, and drops
// the address no earlier than End and up to 1.3 s after it. Where there are several copies, End is
// the end of the last.
func (k *Kernel) State() (policy.AddressState, error) {
	s, err := k.survey()
	if err != nil {
		err = fmt.Errorf("look for %s on %s: %w", k.addr(), k.link, err)
		return policy.AddressState{Presence: policy.PresenceUnknown, Detail: err.Error()}, err
	}
	return stateOf(ownership{s, k.noted}, k.clock()), nil
}

// Keep implements [reconcile.Address]. It is an error where less than a second is left, where the
// address is on another link and not here as wanted, and where it is this host's own. An address
// that is here as wanted is renewed although another link has it too, with a warning each time:
// clients are served by it, and `ip addr add` on lo must not end that. A missing link is an error
// that is [os.ErrNotExist]. A link that is down gets the address and stays down.
func (k *Kernel) Keep(until policy.Moment) error {
	s, err := k.survey()
	if err != nil {
		return fmt.Errorf("keep %s on %s: %w", k.prefix, k.link, err)
	}
	if s.link == nil {
		return s.noLink
	}
	var other error
	if len(s.elsewhere) > 0 {
		other = fmt.Errorf("keep %s on %s: %w: %s", k.prefix, s.link.Name, errElsewhere, k.rtnl.linkNames(s.elsewhere))
	}
	if other != nil && !slices.ContainsFunc(s.here, k.wanted) {
		return other
	}
	if err := (ownership{s, k.noted}).refuse(); err != nil {
		return fmt.Errorf("keep %s on %s: %w", k.prefix, s.link.Name, err)
	}
	// An error here leaves everything as it is. What follows asks again, with the time that is left
	// by then.
	if _, err := lifetimeUntil(until, k.clock()); err != nil {
		return err
	}
	if other != nil {
		k.warn(fmt.Errorf("%w: remove it there", other))
	}
	return entries{s, k.clock, k.warn}.hold(until)
}

// Announce implements [reconcile.Address]. A link that is down or has no carrier is an error:
// nobody was told. A link that is down is an error also where there is nobody to tell, because
// nobody reaches the address there. Where the link has had as many frames as it may, Announce waits
// for a second at most, and is [reconcile.ErrUnasked] then.
func (k *Kernel) Announce() error {
	link, err := findLink(k.rtnl, k.link)
	if err != nil {
		return err
	}
	switch {
	case link.RawFlags&unix.IFF_UP == 0:
		err = unix.ENETDOWN
	case k.routed, !hasNeighbours(link):
	case link.RawFlags&unix.IFF_LOWER_UP == 0:
		// Sending would succeed: the kernel drops the frame without an error (seen on 6.18).
		err = fmt.Errorf("no carrier: %w", unix.ENETDOWN)
	default:
		err = announcer{k.addr(), link, k.budget, k.clock}.announce()
	}
	if err != nil {
		return fmt.Errorf("announce %s on %s: %w", k.addr(), link.Name, err)
	}
	return nil
}

// AwaitSuccessor implements [reconcile.Address]. The probes claim nothing, and work on a link without any
// other address. A link that goes down is waited for; one that goes away is an error. On a link
// without ARP there is never a successor. A routed address has none either: its link is not even
// looked up.
func (k *Kernel) AwaitSuccessor(ctx context.Context, ignore []policy.MAC) (policy.MAC, error) {
	var successor policy.MAC
	_, err := k.listen(ctx, func(m policy.MAC) (goOn bool) {
		same := func(i policy.MAC) bool { return strings.EqualFold(string(i), string(m)) }
		if slices.ContainsFunc(ignore, same) {
			return true
		}
		successor = m
		return false
	})
	return successor, err
}

// Probe implements [reconcile.Address]. The MACs are sorted. While we hold the address ourselves,
// each of them is a conflict or a proxy. A routed address has none, which takes no time to find
// out. Where the link's budget allowed no probe and no frame came, it is [reconcile.ErrUnasked].
func (k *Kernel) Probe(ctx context.Context, window time.Duration) ([]policy.MAC, error) {
	if k.routed {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, window)
	defer cancel()
	var claimants []policy.MAC
	asked, err := k.listen(ctx, func(m policy.MAC) bool {
		if i, found := slices.BinarySearch(claimants, m); !found {
			claimants = slices.Insert(claimants, i, m)
		}
		return true
	})
	if err == nil && !asked && len(claimants) == 0 {
		err = fmt.Errorf("ask for %s on %s: %w", k.addr(), k.link, reconcile.ErrUnasked)
	}
	return claimants, err
}

// listen is [listener.listen] on the link. Where there is nobody to ask, it waits for ctx to end
// and says that everybody was asked.
func (k *Kernel) listen(ctx context.Context, claimed func(policy.MAC) (goOn bool)) (asked bool, err error) {
	if k.routed {
		<-ctx.Done()
		return true, nil
	}
	link, err := findLink(k.rtnl, k.link)
	if err != nil {
		return false, err
	}
	if !hasNeighbours(link) {
		<-ctx.Done()
		return true, nil
	}
	if asked, err = (listener{k.address, link, k.rtnl, k.budget}).listen(ctx, claimed); err != nil {
		err = fmt.Errorf("listen for %s on %s: %w", k.addr(), link.Name, err)
	}
	return asked, err
}

// Release implements [reconcile.Address]. The TCP sessions of the address are reset first, so that
// their clients notice at once instead of waiting. That takes 50 ms at most, and what goes wrong
// there is a warning.
func (k *Kernel) Release() error {
	s, err := k.survey()
	if err != nil {
		return fmt.Errorf("release %s from %s: %w", k.addr(), k.link, err)
	}
	if len(s.here) == 0 {
		return nil
	}
	if err := (ownership{s, k.noted}).refuse(); err != nil {
		return fmt.Errorf("release %s from %s: %w", k.addr(), s.link.Name, err)
	}
	if err := resetSessions(k.addr(), k.sessionPatience); err != nil {
		k.warn(err)
	}
	return entries{s, k.clock, k.warn}.release()
}

// Findings is what this host can see of what keeps clients from the address, be the address here
// already or not. It takes some dumps more than Look, and is meant for people.
func (k *Kernel) Findings() reconcile.Findings {
	s, err := k.survey()
	if err != nil {
		var found reconcile.Findings
		found.Add(reconcile.Warning, "look for %s on %s: %v", k.addr(), k.link, err)
		return found
	}
	return inspect(ownership{s, k.noted}, k.clock(), k.routed)
}

func (k *Kernel) survey() (survey, error) { return newSurvey(k.rtnl, k.address, k.link) }
