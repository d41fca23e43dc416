package vip

import (
	"errors"
	"fmt"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/vipctl/vipctl/reconcile/policy"
)

// entries are the address's entries on its link, and the only place that changes them.
type entries struct {
	survey
	clock func() policy.Moment
	warn  func(error)
}

// hold leaves one copy on the link, as it should be.
func (e entries) hold(until policy.Moment) error {
	scope := scopeOf(e.survey)
	first, last := e.strays(e.here)
	if e.promoteSecondaries(append(slices.Clone(e.here), netlink.Addr{IPNet: e.ipNet()})) {
		first = append(first, sources(e.survey, scope)...)
	}
	if err := e.remove(first); err != nil {
		return err
	}
	if err := e.set(until, scope); err != nil {
		return err
	}
	return e.remove(last)
}

// release removes every copy.
func (e entries) release() error {
	e.promoteSecondaries(e.here)
	return e.remove(e.here)
}

// set puts the address on the link until the given moment. A process that was stopped between
// reading the clock and asking the kernel has given too long a life, and takes it back.
func (e entries) set(until policy.Moment, scope int) error {
	for tries := 0; ; tries++ {
		life, err := lifetimeUntil(until, e.clock())
		if err != nil {
			if tries > 0 {
				err = errors.Join(err, e.remove([]netlink.Addr{{IPNet: e.ipNet(), LinkIndex: e.link.Index}}))
			}
			return err
		}
		if err := e.replace(life, scope); err != nil {
			return err
		}
		if !life.outlasts(until, e.clock()) {
			return nil
		}
	}
}

// replace is one RTM_NEWADDR. The preferred lifetime is 0: see [marked]. For IPv6 there is no
// duplicate address detection: it would take a second, and it would fail while a frozen
// predecessor's kernel goes on answering.
func (e entries) replace(life lifetime, scope int) error {
	a := &netlink.Addr{IPNet: e.ipNet(), LinkIndex: e.link.Index, ValidLft: int(life.seconds()), Scope: scope}
	if e.addr().Is6() {
		a.Flags = unix.IFA_F_NODAD
	}
	err := e.rtnl.handle.AddrReplace(nil, a)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.ENODEV):
		err = noLink{name: e.name}
	case errors.Is(err, unix.EACCES):
		err = e.denied(err)
	}
	return fmt.Errorf("keep %s on %s: %w", e.prefix, e.link.Name, err)
}

// denied says who denied the address. It is no lack of privileges, which is EPERM.
func (e entries) denied(err error) error {
	if why := noIPv6(e.addr(), e.link.Name); why != "" {
		return errors.New(why)
	}
	return fmt.Errorf("%w (not for a lack of capabilities: a security module such as SELinux, see `ausearch -m avc -ts recent`)", err)
}

// remove removes the copies. A copy that is gone already is removed.
func (e entries) remove(copies []netlink.Addr) error {
	var errs []error
	for _, c := range copies {
		err := e.rtnl.handle.AddrDel(nil, &c)
		if err != nil && !errors.Is(err, unix.EADDRNOTAVAIL) && !errors.Is(err, unix.ENODEV) {
			errs = append(errs, fmt.Errorf("remove %s from %s: %w", c.IPNet, e.link.Name, err))
		}
	}
	return errors.Join(errs...)
}

// promoteSecondaries keeps the host's own addresses when a copy goes. A copy that came first in its
// subnet is the subnet's primary address, and without this setting the kernel drops the secondary
// ones with it. CAP_NET_ADMIN suffices. It reports whether they are safe; where they are not, it
// has warned.
func (e entries) promoteSecondaries(copies []netlink.Addr) (safe bool) {
	shared := func(c netlink.Addr) bool { return bits(c) < 32 }
	key := linkConf("ipv4", e.link.Name, "promote_secondaries")
	if e.addr().Is6() || !slices.ContainsFunc(copies, shared) || sysctl(key) != 0 {
		return true
	}
	err := setSysctl(key, 1)
	if err != nil {
		e.warn(fmt.Errorf("when %s goes, other addresses of its subnet on %s may go with it: %w", e.addr(), e.link.Name, err))
	}
	return err == nil
}
