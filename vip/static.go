package vip

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/reconcile/policy"
)

// errNotConfigured is what Static's Hold fails with when this host does not take packets for the address: nobody has
// configured it, or not so that it works.
var errNotConfigured = errors.New("this host does not answer for the address")

// StaticOptions say which address, and who knows whether it is held.
type StaticOptions struct {
	Prefix netip.Prefix // its length says nothing here

	// Held returns the VIP's note: until when this host holds the address, which may be past, and whether it holds it at
	// all. That is the note's LeaseEnd, which a claim sets before anything else and a release takes back. Every Look and
	// Release asks for it.
	Held func() (until policy.Moment, held bool)

	// Clock is the boot clock. It must be set.
	Clock func() policy.Moment
	// Warn is told what went wrong without keeping the address from where it should be; nil drops it.
	Warn func(error)
}

// Static is an address that somebody else has configured, on this host as on every other that may hold it: the
// provider's network brings it to one of them. No method changes an address or a link, so that holding it needs no
// privilege; resetting its sessions does. A Static's methods must not be called concurrently.
type Static struct {
	kernel *Kernel // without a link
	held   func() (until policy.Moment, held bool)
}

var _ reconcile.Address = (*Static)(nil)

// NewStatic makes no system calls.
func NewStatic(o StaticOptions) *Static {
	k := New(Options{Prefix: o.Prefix, Routed: true, Clock: o.Clock, Warn: o.Warn})
	return &Static{kernel: k, held: o.Held}
}

// Look implements [reconcile.Address]. The address is here while the note says so and this host answers for it: no
// where it is on no link, partly where it is, but does not work; Detail says so also while it is not held. A kernel that
// cannot be asked is a warning, since the note alone decides then: there is never an error.
func (s *Static) State() (policy.AddressState, error) {
	configured, odd := s.configured()
	until, held := s.held()
	if configured == policy.PresenceNo || !held || until <= s.kernel.clock() {
		return policy.AddressState{Presence: policy.PresenceNo, Detail: odd}, nil
	}
	sight := policy.AddressState{Presence: configured, Detail: odd, Forever: until == policy.Forever}
	if !sight.Forever {
		sight.End = until
	}
	return sight, nil
}

// Hold implements [reconcile.Address] as far as that can be done without changing anything: it refuses
// where less than a second is left, and where the address would not serve.
func (s *Static) Keep(until policy.Moment) error {
	if _, err := lifetimeUntil(until, s.kernel.clock()); err != nil {
		return err
	}
	if configured, why := s.configured(); configured != policy.PresenceYes {
		return fmt.Errorf("hold %s: %w: %s", s.kernel.addr(), errNotConfigured, why)
	}
	return nil
}

// Announce implements [reconcile.Address]: there is nobody to tell.
func (s *Static) Announce() error { return nil }

// Heard implements [reconcile.Address]: nobody is ever heard.
func (s *Static) AwaitSuccessor(ctx context.Context, ignore []policy.MAC) (policy.MAC, error) {
	return s.kernel.AwaitSuccessor(ctx, ignore)
}

// Others implements [reconcile.Address]: every host has the address, and none answers for it.
func (s *Static) Probe(ctx context.Context, window time.Duration) ([]policy.MAC, error) {
	return s.kernel.Probe(ctx, window)
}

// Release implements [reconcile.Address], but leaves the address where it is: it resets the TCP sessions of what was
// held, so that their clients look for the new holder. What goes wrong there is a warning, and costs 50 ms at most.
// Sessions of an address that is not held are none of its business: they are of this host itself.
func (s *Static) Release() error {
	if _, held := s.held(); !held {
		return nil
	}
	if err := s.kernel.resetSessions(); err != nil {
		s.kernel.warn(err)
	}
	return nil
}

// Findings is what Look finds odd.
func (s *Static) Findings() (found reconcile.Findings) {
	if sight, _ := s.State(); sight.Detail != "" {
		found.Add(reconcile.Warning, "%s", sight.Detail)
	}
	return found
}

// configured is whether this host answers for the address, and what is odd about it. What cannot be found out is taken
// for a yes.
func (s *Static) configured() (policy.Presence, string) {
	local, err := s.local()
	if local {
		return policy.PresenceYes, ""
	}
	var copies []netlink.Addr
	if err == nil {
		copies, err = s.kernel.addresses()
		copies = slices.DeleteFunc(copies, func(a netlink.Addr) bool { return !s.kernel.isCopy(a) })
	}
	if err != nil {
		err = fmt.Errorf("look for %s: %w", s.kernel.addr(), err)
		s.kernel.warn(err)
		return policy.PresenceYes, err.Error()
	}
	failed := slices.IndexFunc(copies, func(c netlink.Addr) bool { return c.Flags&unix.IFA_F_DADFAILED != 0 })
	switch {
	case len(copies) == 0:
		return policy.PresenceNo, "on no link of this host"
	case failed >= 0:
		return policy.PresencePartly, oddity(copies[failed], false)
	case slices.ContainsFunc(copies, s.up): // of a VRF, which has a routing table of its own
		return policy.PresenceYes, ""
	}
	return policy.PresencePartly, s.kernel.linkNames(copies) + " is down"
}

// local reports whether the kernel takes packets for the address as its own, from whichever link they come. Its word
// counts more than where the address is: IPv4 takes them while the address's link is down, and a local route (ip route
// add local PREFIX dev lo) needs no address at all.
func (s *Static) local() (bool, error) {
	h, err := s.kernel.handle()
	if err != nil {
		return false, err
	}
	routes, err := h.RouteGet(s.kernel.addr().AsSlice())
	return err == nil && slices.ContainsFunc(routes, func(r netlink.Route) bool { return r.Type == unix.RTN_LOCAL }), nil
}

func (s *Static) up(c netlink.Addr) bool {
	l, err := s.kernel.netlink.LinkByIndex(c.LinkIndex)
	return err == nil && l.Attrs().RawFlags&unix.IFF_UP != 0
}
