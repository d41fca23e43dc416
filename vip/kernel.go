package vip

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/reconcile/policy"
)

// errElsewhere is what Hold fails with when a copy of the address is on another link of this host, and none on ours.
// Whoever put it there must say which link is meant: two links that answer for one address are worse than none.
var errElsewhere = errors.New("address is on another link")

// Options say which address, on which link.
type Options struct {
	Prefix    netip.Prefix // the address with its prefix length, usually /32 or /128
	Interface string       // the link's name, one of its alternative names, or its MAC

	// Routed is an address that the provider's network brings to this host, whatever the neighbours believe: none is
	// told, asked or heard.
	Routed bool

	// Budget paces the frames that the link is sent. Kernels of one process share one; nil is one of its own.
	Budget *Budget
	// Noted reports whether the VIP's note says that vipctl claimed the address: only then an address that could as well be
	// this host's own is taken away. It is asked for such an address alone; nil is a note that says nothing.
	Noted func() bool
	// Clock is the boot clock. It must be set.
	Clock func() policy.Moment
	// Warn is told what went wrong without keeping the address from where it should be; nil drops it.
	Warn func(error)
}

// Kernel is one address on one link of this host. Nothing about the link is remembered between two calls: it may be
// renamed, replaced or gone by then. A Kernel's methods must not be called concurrently.
type Kernel struct {
	prefix netip.Prefix
	link   string
	routed bool
	budget *Budget
	noted  func() bool
	clock  func() policy.Moment
	warn   func(error)

	sessionBudget time.Duration // how long resetSessions may take

	netlink *netlink.Handle // opened at its first use
}

var _ reconcile.Address = (*Kernel)(nil)

// New makes no system calls: what is wrong with the options shows when they are used.
func New(o Options) *Kernel {
	k := &Kernel{
		prefix: netip.PrefixFrom(o.Prefix.Addr().WithZone(""), o.Prefix.Bits()),
		link:   o.Interface,
		routed: o.Routed,
		budget: o.Budget,
		noted:  o.Noted,
		clock:  o.Clock,
		warn:   o.Warn,

		sessionBudget: 50 * time.Millisecond,
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

// Look implements [reconcile.Address]. End is rounded down: the kernel counts in seconds, and drops the address no
// earlier than End and up to 1.3 s after it. Where there are several copies, it is the end of the last.
func (k *Kernel) State() (policy.AddressState, error) {
	s, err := k.survey()
	if err != nil {
		err = fmt.Errorf("look for %s on %s: %w", k.addr(), k.link, err)
		return policy.AddressState{Presence: policy.PresenceUnknown, Detail: err.Error()}, err
	}
	return k.sight(s), nil
}

func (k *Kernel) sight(s survey) policy.AddressState {
	var odd []string
	sight := policy.AddressState{Presence: policy.PresenceNo}
	if s.link == nil {
		odd = append(odd, s.noLink.Error())
	}
	if len(s.here) > 0 {
		sight.Presence = policy.PresenceYes
		sight.Forever, sight.End = k.end(s.here)
		if s.link.RawFlags&unix.IFF_UP == 0 {
			sight.Presence = policy.PresencePartly
			odd = append(odd, s.link.Name+" is down")
		}
	}
	wanted := slices.ContainsFunc(s.here, k.wanted)
	for _, c := range s.here {
		why := k.own(s, c)
		switch {
		case why != "":
			why = errOwn.Error() + ", " + why
		case !k.wanted(c):
			why = oddity(c, wanted)
		default:
			continue
		}
		sight.Presence = policy.PresencePartly
		odd = append(odd, why)
	}
	if len(s.elsewhere) > 0 {
		odd = append(odd, also(len(s.here) > 0)+"on "+k.linkNames(s.elsewhere))
	}
	sight.Detail = strings.Join(odd, ", ")
	return sight
}

// Hold implements [reconcile.Address]. It refuses where less than a second is left, where the address is on another link
// and not here as wanted, and where it is this host's own. One that is here as wanted is renewed all the same, with a
// warning about the other each time: clients are served by it, and `ip addr add` on lo must not end that. A missing link
// is an error that is [os.ErrNotExist]; one that is down gets the address and stays down.
func (k *Kernel) Keep(until policy.Moment) error {
	s, err := k.survey()
	if err != nil {
		return fmt.Errorf("hold %s on %s: %w", k.prefix, k.link, err)
	}
	if s.link == nil {
		return s.noLink
	}
	other := k.elsewhere(s)
	if other != nil && !slices.ContainsFunc(s.here, k.wanted) {
		return other
	}
	if err := k.refuseOwn(s); err != nil {
		return fmt.Errorf("hold %s on %s: %w", k.prefix, s.link.Name, err)
	}
	// An error here leaves everything as it is; set asks again, with the time that is left by then.
	if _, err := lifetimeUntil(until, k.clock()); err != nil {
		return err
	}
	if other != nil {
		k.warn(fmt.Errorf("%w: remove it there", other))
	}
	return k.hold(s, until)
}

// hold leaves one copy on the link, as it should be.
func (k *Kernel) hold(s survey, until policy.Moment) error {
	scope := k.scope(s.link)
	first, last := k.strays(s.here)
	if k.promoteSecondaries(s.link, append(slices.Clone(s.here), netlink.Addr{IPNet: k.ipNet()})) {
		first = append(first, k.sources(s, scope)...)
	}
	if err := k.remove(s.link, first); err != nil {
		return err
	}
	if err := k.set(s.link, until, scope); err != nil {
		return err
	}
	return k.remove(s.link, last)
}

// elsewhere is an error that tells of the copies on other links, or nil.
func (k *Kernel) elsewhere(s survey) error {
	if len(s.elsewhere) == 0 {
		return nil
	}
	return fmt.Errorf("hold %s on %s: %w: %s", k.prefix, s.link.Name, errElsewhere, k.linkNames(s.elsewhere))
}

// set puts the address on the link until the given moment. A process that was stopped between reading the clock and
// asking the kernel has given too long a life, and takes it back.
func (k *Kernel) set(link *netlink.LinkAttrs, until policy.Moment, scope int) error {
	for tries := 0; ; tries++ {
		life, err := lifetimeUntil(until, k.clock())
		if err != nil {
			if tries > 0 {
				err = errors.Join(err, k.remove(link, []netlink.Addr{{IPNet: k.ipNet(), LinkIndex: link.Index}}))
			}
			return err
		}
		if err := k.replace(link, life, scope); err != nil {
			return fmt.Errorf("hold %s on %s: %w", k.prefix, link.Name, err)
		}
		if !life.outlasts(until, k.clock()) {
			return nil
		}
	}
}

// replace is one RTM_NEWADDR. The preferred lifetime is 0: see [marked]. For IPv6 there is no duplicate address detection:
// it would take a second, and fail while a frozen predecessor's kernel goes on answering.
func (k *Kernel) replace(link *netlink.LinkAttrs, life lifetime, scope int) error {
	a := &netlink.Addr{IPNet: k.ipNet(), LinkIndex: link.Index, ValidLft: int(life.seconds()), Scope: scope}
	if k.addr().Is6() {
		a.Flags = unix.IFA_F_NODAD
	}
	err := k.netlink.AddrReplace(nil, a)
	switch {
	case errors.Is(err, unix.ENODEV):
		return noLink{name: k.link}
	case errors.Is(err, unix.EACCES):
		return k.denied(link.Name, err)
	}
	return err
}

// Release implements [reconcile.Address]. It refuses to take this host's own address away. The TCP sessions of the address
// are reset first, so that their clients hear of it instead of waiting; what goes wrong there is a warning, and costs 50 ms
// at most.
func (k *Kernel) Release() error {
	s, err := k.survey()
	if err != nil {
		return fmt.Errorf("release %s from %s: %w", k.addr(), k.link, err)
	}
	if len(s.here) == 0 {
		return nil
	}
	if err := k.refuseOwn(s); err != nil {
		return fmt.Errorf("release %s from %s: %w", k.addr(), s.link.Name, err)
	}
	if err := k.resetSessions(); err != nil {
		k.warn(err)
	}
	k.promoteSecondaries(s.link, s.here)
	return k.remove(s.link, s.here)
}

// remove removes the copies; one that is gone already is removed.
func (k *Kernel) remove(link *netlink.LinkAttrs, copies []netlink.Addr) error {
	var errs []error
	for _, c := range copies {
		err := k.netlink.AddrDel(nil, &c)
		if err != nil && !errors.Is(err, unix.EADDRNOTAVAIL) && !errors.Is(err, unix.ENODEV) {
			errs = append(errs, fmt.Errorf("remove %s from %s: %w", c.IPNet, link.Name, err))
		}
	}
	return errors.Join(errs...)
}

func (k *Kernel) addr() netip.Addr { return k.prefix.Addr() }
