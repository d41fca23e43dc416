package vip

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/vipctl/vipctl/reconcile"
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
	// Clock is the boot clock. It must be set.
	Clock func() reconcile.Moment
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
	clock  func() reconcile.Moment
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
	return k
}

// Look implements [reconcile.Address]. End is rounded down: the kernel counts in seconds, and drops the address no
// earlier than End and up to 1.3 s after it. Where there are several copies, it is the end of the last.
func (k *Kernel) Look() (reconcile.Sight, error) {
	s, err := k.survey()
	if err != nil {
		err = fmt.Errorf("look for %s on %s: %w", k.addr(), k.link, err)
		return reconcile.Sight{Here: reconcile.PresenceUnknown, Detail: err.Error()}, err
	}
	return k.sight(s), nil
}

func (k *Kernel) sight(s survey) reconcile.Sight {
	var odd []string
	sight := reconcile.Sight{Here: reconcile.PresenceNo}
	if s.link == nil {
		odd = append(odd, noLink(k.link).Error())
	}
	if len(s.here) > 0 {
		sight.Here = reconcile.PresenceYes
		sight.Forever, sight.End = k.end(s.here)
		if s.link.RawFlags&unix.IFF_UP == 0 {
			sight.Here = reconcile.PresencePartly
			odd = append(odd, s.link.Name+" is down")
		}
	}
	wanted := slices.ContainsFunc(s.here, k.wanted)
	for _, c := range s.here {
		if k.wanted(c) {
			continue
		}
		sight.Here = reconcile.PresencePartly
		odd = append(odd, oddity(c, wanted))
	}
	if len(s.elsewhere) > 0 {
		odd = append(odd, also(len(s.here) > 0)+"on "+k.linkNames(s.elsewhere))
	}
	sight.Detail = strings.Join(odd, ", ")
	return sight
}

// end is when the last of the copies goes.
func (k *Kernel) end(copies []netlink.Addr) (forever bool, end reconcile.Moment) {
	now := k.clock()
	for _, c := range copies {
		if uint32(c.ValidLft) == forever32 {
			return true, 0
		}
		// The kernel reports what is left rounded up.
		end = max(end, now, now+time.Duration(c.ValidLft-1)*time.Second)
	}
	return false, end
}

// Hold implements [reconcile.Address]. It refuses where less than a second is left, and where the address is on
// another link and not here as wanted. One that is here as wanted is renewed all the same, with a warning about the other
// each time: clients are served by it, and `ip addr add` on lo must not end that. A missing link is an error that is
// [os.ErrNotExist]; one that is down gets the address and stays down.
func (k *Kernel) Hold(until reconcile.Moment) error {
	s, err := k.survey()
	if err != nil {
		return fmt.Errorf("hold %s on %s: %w", k.prefix, k.link, err)
	}
	if s.link == nil {
		return noLink(k.link)
	}
	other := k.elsewhere(s)
	if other != nil && !slices.ContainsFunc(s.here, k.wanted) {
		return other
	}
	// An error here leaves everything as it is; set asks again, with the time that is left by then.
	if _, err := lifetimeUntil(until, k.clock()); err != nil {
		return err
	}
	if other != nil {
		k.warn(fmt.Errorf("%w: remove it there", other))
	}

	first, last := k.strays(s.here)
	k.promoteSecondaries(s.link, append(slices.Clone(s.here), netlink.Addr{IPNet: k.ipNet()}))
	if err := k.remove(s.link, first); err != nil {
		return err
	}
	if err := k.set(s.link, until); err != nil {
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
func (k *Kernel) set(link *netlink.LinkAttrs, until reconcile.Moment) error {
	for tries := 0; ; tries++ {
		life, err := lifetimeUntil(until, k.clock())
		if err != nil {
			if tries > 0 {
				err = errors.Join(err, k.remove(link, []netlink.Addr{{IPNet: k.ipNet(), LinkIndex: link.Index}}))
			}
			return err
		}
		if err := k.replace(link, life); err != nil {
			return fmt.Errorf("hold %s on %s: %w", k.prefix, link.Name, err)
		}
		if !life.outlasts(until, k.clock()) {
			return nil
		}
	}
}

// replace is one RTM_NEWADDR. Preferred = valid for IPv4; for IPv6 it is 0, so that the host does not choose the VIP as
// the source of its own connections, and there is no duplicate address detection: it would take a second, and fail
// while a frozen predecessor's kernel goes on answering.
func (k *Kernel) replace(link *netlink.LinkAttrs, life lifetime) error {
	a := &netlink.Addr{IPNet: k.ipNet(), LinkIndex: link.Index, ValidLft: int(life.seconds())}
	if k.addr().Is4() {
		a.PreferedLft = a.ValidLft
	} else {
		a.Flags = unix.IFA_F_NODAD
	}
	err := k.netlink.AddrReplace(nil, a)
	switch {
	case errors.Is(err, unix.ENODEV):
		return noLink(k.link)
	case errors.Is(err, unix.EACCES) && k.addr().Is6():
		// Not a lack of privileges (that is EPERM), so it must not look like one.
		return fmt.Errorf("IPv6 is disabled (net.ipv6.conf.%s.disable_ipv6)", link.Name)
	}
	return err
}

// Release implements [reconcile.Address]. The TCP sessions of the address are reset first, so that their clients hear
// of it instead of waiting; what goes wrong there is a warning, and costs 50 ms at most.
func (k *Kernel) Release() error {
	s, err := k.survey()
	if err != nil {
		return fmt.Errorf("release %s from %s: %w", k.addr(), k.link, err)
	}
	if len(s.here) == 0 {
		return nil
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

// promoteSecondaries keeps the host's own addresses when a copy goes: one that came first in its subnet is the subnet's
// primary address, and without this setting the kernel drops the secondary ones with it. CAP_NET_ADMIN suffices.
func (k *Kernel) promoteSecondaries(link *netlink.LinkAttrs, copies []netlink.Addr) {
	shared := func(c netlink.Addr) bool { return bits(c) < 32 }
	if k.addr().Is6() || !slices.ContainsFunc(copies, shared) {
		return
	}
	file := "/proc/sys/net/ipv4/conf/" + link.Name + "/promote_secondaries"
	if now, err := os.ReadFile(file); err == nil && strings.TrimSpace(string(now)) != "0" {
		return
	}
	if err := os.WriteFile(file, []byte("1"), 0); err != nil {
		k.warn(fmt.Errorf("when %s goes, other addresses of its subnet on %s may go with it: %w", k.addr(), link.Name, err))
	}
}

func (k *Kernel) addr() netip.Addr { return k.prefix.Addr() }
