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

// errNotConfigured is what Static's Hold fails with when this host does not take packets for the
// address: nobody has configured it, or not so that it works.
var errNotConfigured = errors.New("this host does not answer for the address")

// StaticOptions say which address, and who knows whether it is held.
type StaticOptions struct {
	Prefix netip.Prefix // only the address counts, not the length

	// Held returns until when this host holds the address, which may be past, and whether it holds
	// it at all. That is the LeaseEnd of the VIP's note: a claim sets it before anything else, and
	// a release takes it back. Every Look and Release asks for it.
	Held func() (until policy.Moment, held bool)

	// Clock is the boot clock. It must be set.
	Clock func() policy.Moment
	// Warn is told what went wrong without keeping the address from where it should be. A nil Warn
	// drops it.
	Warn func(error)
}

// Static is an address that somebody else has configured, on this host as on every other that may
// hold it. The provider's network brings the address to one of them. No method changes an address
// or a link, so that holding it needs no privilege; resetting its sessions does. The methods of a
// Static must not be called concurrently.
type Static struct {
	address
	held  func() (until policy.Moment, held bool)
	clock func() policy.Moment
	warn  func(error)

	sessionPatience time.Duration // how long a release may take to reset the TCP sessions
	rtnl            *rtnl
}

var _ reconcile.Address = (*Static)(nil)

// NewStatic makes no system calls. What is wrong with the options shows when they are used.
func NewStatic(o StaticOptions) *Static {
	s := &Static{
		address: newAddress(o.Prefix),
		held:    o.Held,
		clock:   o.Clock,
		warn:    o.Warn,

		sessionPatience: sessionPatience,
		rtnl:            new(rtnl),
	}
	if s.warn == nil {
		s.warn = func(error) {}
	}
	return s
}

// State implements [reconcile.Address]. The address is here while the VIP state says so and this host
// takes packets for it. It is not here where it is on no link, and partly here where it is on one
// but does not work. Detail says so also while it is not here. There is never an error: where the
// kernel cannot be asked, that is a warning, and the VIP state alone decides.
func (s *Static) State() (policy.AddressState, error) {
	configured, odd := s.configured()
	until, held := s.held()
	if configured == policy.PresenceNo || !held || !until.After(s.clock()) {
		return policy.AddressState{Presence: policy.PresenceNo, Detail: odd}, nil
	}
	state := policy.AddressState{Presence: configured, Detail: odd, Forever: until == policy.Forever}
	if !state.Forever {
		state.End = until
	}
	return state, nil
}

// Keep implements [reconcile.Address] as far as that can be done without changing anything. It is
// an error where less than a second is left, and where the address would not serve.
func (s *Static) Keep(until policy.Moment) error {
	if _, err := lifetimeUntil(until, s.clock()); err != nil {
		return err
	}
	if configured, why := s.configured(); configured != policy.PresenceYes {
		return fmt.Errorf("keep %s: %w: %s", s.addr(), errNotConfigured, why)
	}
	return nil
}

// Announce implements [reconcile.Address]. There is nobody to tell.
func (s *Static) Announce() error { return nil }

// AwaitSuccessor implements [reconcile.Address]. It waits for the end of ctx: the link never shows a
// successor, because every host has the address.
func (s *Static) AwaitSuccessor(ctx context.Context, _ []policy.MAC) (policy.MAC, error) {
	<-ctx.Done()
	return "", nil
}

// Probe implements [reconcile.Address]. Every host has the address, and none is asked for it.
func (s *Static) Probe(context.Context, time.Duration) ([]policy.MAC, error) { return nil, nil }

// Release implements [reconcile.Address], but leaves the address where it is. It resets the TCP
// sessions of an address that was held, so that their clients look for the new holder. That takes
// 50 ms at most, and what goes wrong there is a warning. The sessions of an address that is not
// held are this host's own, and stay.
func (s *Static) Release() error {
	if _, held := s.held(); !held {
		return nil
	}
	if err := resetSessions(s.addr(), s.sessionPatience); err != nil {
		s.warn(err)
	}
	return nil
}

// Findings is what Look finds odd.
func (s *Static) Findings() (found reconcile.Findings) {
	if state, _ := s.State(); state.Detail != "" {
		found.Add(reconcile.Warning, "%s", state.Detail)
	}
	return found
}

// configured is whether this host takes packets for the address, and what is odd about it. What
// cannot be found out is taken for a yes.
func (s *Static) configured() (policy.Presence, string) {
	local, err := s.local()
	if local {
		return policy.PresenceYes, ""
	}
	var copies []netlink.Addr
	if err == nil {
		copies, err = s.rtnl.addresses(s.family())
		copies = slices.DeleteFunc(copies, func(a netlink.Addr) bool { return !s.isCopy(a) })
	}
	if err != nil {
		err = fmt.Errorf("look for %s: %w", s.addr(), err)
		s.warn(err)
		return policy.PresenceYes, err.Error()
	}
	failed := slices.IndexFunc(copies, func(c netlink.Addr) bool { return c.Flags&unix.IFA_F_DADFAILED != 0 })
	switch {
	case len(copies) == 0:
		return policy.PresenceNo, "on no link of this host"
	case failed >= 0:
		return policy.PresencePartly, unwanted(copies[failed], false)
	case slices.ContainsFunc(copies, s.up): // of a VRF, which has a routing table of its own
		return policy.PresenceYes, ""
	}
	return policy.PresencePartly, s.rtnl.linkNames(copies) + " is down"
}

// local reports whether the kernel takes packets for the address as its own, from whichever link
// they come. That counts more than where the address is: IPv4 takes them while the address's link
// is down, and a local route (ip route add local PREFIX dev lo) needs no address at all.
func (s *Static) local() (bool, error) {
	h, err := s.rtnl.open()
	if err != nil {
		return false, err
	}
	routes, err := h.RouteGet(s.addr().AsSlice())
	return err == nil && slices.ContainsFunc(routes, func(r netlink.Route) bool { return r.Type == unix.RTN_LOCAL }), nil
}

func (s *Static) up(c netlink.Addr) bool {
	l, err := s.rtnl.handle.LinkByIndex(c.LinkIndex)
	return err == nil && l.Attrs().RawFlags&unix.IFF_UP != 0
}
