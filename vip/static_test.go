package vip

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/reconcile/addresstest"
	"github.com/vipctl/vipctl/reconcile/policy"
)

// noted is a static address with the note that is kept of it.
type noted struct {
	*Static
	until policy.Moment // 0 while it is not held
}

func (n *noted) Keep(until policy.Moment) error {
	err := n.Static.Keep(until)
	if err == nil {
		n.until = until
	}
	return err
}

func (n *noted) Release() error {
	err := n.Static.Release()
	if err == nil {
		n.until = policy.Moment{}
	}
	return err
}

// static is a Static that is not held yet, and whose warnings fail the test.
func static(t testing.TB, prefix string) *noted {
	n := new(noted)
	n.Static = NewStatic(StaticOptions{
		Prefix: netip.MustParsePrefix(prefix),
		Clock:  bootTime,
		Held:   func() (policy.Moment, bool) { return n.until, !n.until.IsZero() },
		Warn:   func(err error) { t.Errorf("warning: %v", err) },
	})
	n.sessionPatience = patient
	t.Cleanup(n.rtnl.close)
	return n
}

func TestStaticContract(t *testing.T) {
	for _, prefix := range []string{"10.77.0.5/32", "fd00::5/64"} {
		t.Run(prefix, func(t *testing.T) {
			addresstest.Run(t, func(t *testing.T) (reconcile.Address, func() policy.Moment) {
				newLAN(t).plug(t, us, "eth0")
				addAddr(t, "eth0", prefix)
				return static(t, prefix), bootTime
			})
		})
	}
}

// The note says until when; what is past, or not noted, is not here.
func TestStaticIsHereByTheNote(t *testing.T) {
	newLAN(t).plug(t, us, "eth0")
	addAddr(t, "eth0", "10.77.0.5/32")
	s := static(t, "10.77.0.5/32")
	now := policy.SinceBoot(1000 * time.Second)
	s.clock = func() policy.Moment { return now }
	no := policy.AddressState{Presence: policy.PresenceNo}
	for until, want := range map[policy.Moment]policy.AddressState{
		{}:                    no,
		now.Add(-time.Second): no,
		now:                   no,
		now.Add(1):            {Presence: policy.PresenceYes, End: now.Add(1)},
		policy.Forever:        {Presence: policy.PresenceYes, Forever: true},
	} {
		s.until = until
		if got, err := s.State(); err != nil || got != want {
			t.Errorf("noted until %v: %+v %v, want %+v", until, got, err, want)
		}
	}
}

// What this host does not answer for is not held, and Look says why, held or not.
func TestStaticMustBeConfigured(t *testing.T) {
	for _, prefix := range []string{"10.77.0.5/32", "fd00::5/128"} {
		for _, c := range []struct {
			name string
			make func(t *testing.T)
			here policy.Presence
			odd  string
		}{
			{"nowhere", func(*testing.T) {}, policy.PresenceNo, "on no link of this host"},
			{"a neighbour of its", func(t *testing.T) { addAddr(t, "eth0", "10.77.0.50/24"); addAddr(t, "eth0", "fd00::51/64") }, policy.PresenceNo, "on no link of this host"},
			{"on the second link", func(t *testing.T) { addAddr(t, "eth1", prefix) }, policy.PresenceYes, ""},
			{"on both", func(t *testing.T) { addAddr(t, "eth0", prefix); addAddr(t, "eth1", prefix) }, policy.PresenceYes, ""},
			{"on lo", func(t *testing.T) { addAddr(t, "lo", prefix); t.Cleanup(func() { delAddr(t, "lo", prefix) }) }, policy.PresenceYes, ""},
			{"within a local route", func(t *testing.T) { localRoute(t, netip.MustParsePrefix(prefix).Addr()) }, policy.PresenceYes, ""},
			{"routed elsewhere", func(t *testing.T) { addAddr(t, "eth0", "10.77.0.1/24"); addAddr(t, "eth0", "fd00::1/64") }, policy.PresenceNo, "on no link of this host"},
		} {
			t.Run(c.name+" "+prefix, func(t *testing.T) {
				l := newLAN(t)
				l.plug(t, us, "eth0")
				l.plug(t, us, "eth1")
				c.make(t)
				s := static(t, prefix)
				wantConfigured(t, s, c.here, c.odd)
			})
		}
	}
}

// localRoute is `ip route add local PREFIX dev lo`, with a prefix around the address.
func localRoute(t testing.TB, addr netip.Addr) {
	t.Helper()
	around := netip.PrefixFrom(addr, addr.BitLen()-8).Masked()
	r := &netlink.Route{LinkIndex: 1, Dst: addrOf(t, around.String()).IPNet, Type: unix.RTN_LOCAL, Table: unix.RT_TABLE_LOCAL, Scope: unix.RT_SCOPE_HOST}
	must(t, netlink.RouteAdd(r))
	t.Cleanup(func() { must(t, netlink.RouteDel(r)) })
}

// wantConfigured holds Look and Hold against what this host answers for.
func wantConfigured(t *testing.T, s *noted, here policy.Presence, odd string) {
	t.Helper()
	s.until = policy.Moment{}
	if got, err := s.State(); err != nil || got != (policy.AddressState{Presence: policy.PresenceNo, Detail: odd}) {
		t.Errorf("not held: %+v %v, want no, %q", got, err, odd)
	}
	err := s.Keep(in(time.Minute))
	if want := fmt.Sprintf("keep %s: this host does not answer for the address: %s", s.addr(), odd); odd != "" && (!errors.Is(err, errNotConfigured) || err.Error() != want) {
		t.Errorf("%v, want %s", err, want)
	}
	if odd == "" && err != nil {
		t.Error(err)
	}
	s.until = in(time.Minute)
	want := policy.AddressState{Presence: here, Detail: odd}
	if here != policy.PresenceNo {
		want.End = s.until
	}
	if got, err := s.State(); err != nil || got != want {
		t.Errorf("held: %+v %v, want %+v", got, err, want)
	}
}

// IPv4 goes on taking packets from other links when an address's own goes down. IPv6 does not, even
// where it keeps the address.
func TestStaticOnALinkThatWentDown(t *testing.T) {
	newLAN(t).plug(t, us, "eth0")
	must(t, os.WriteFile("/proc/sys/net/ipv6/conf/eth0/keep_addr_on_down", []byte("1"), 0))
	addAddr(t, "eth0", "10.77.0.5/32")
	addAddr(t, "eth0", "fd00::5/128")
	v4, v6 := static(t, "10.77.0.5/32"), static(t, "fd00::5/128")
	wantConfigured(t, v6, policy.PresenceYes, "")
	linkDown(t, "eth0")
	wantConfigured(t, v4, policy.PresenceYes, "")
	wantConfigured(t, v6, policy.PresencePartly, "eth0 is down")
	linkUp(t, "eth0")
	carries(t, "eth0")
	wantConfigured(t, v6, policy.PresenceYes, "")
}

func TestStaticWithAFailedDAD(t *testing.T) {
	l, other := newLAN(t), newHost(t)
	l.plug(t, us, "eth0")
	l.plug(t, other, "eth0")
	other.do(t, func() { addAddr(t, "eth0", "fd00::5/128") })
	addAddr(t, "eth0", "fd00::5/128", func(a *netlink.Addr) { a.Flags = 0 })
	eventually(t, "duplicate address detection fails", 5*time.Second, func() bool {
		return copyOf(t, "eth0", "fd00::5").Flags&unix.IFA_F_DADFAILED != 0
	})
	wantConfigured(t, static(t, "fd00::5/128"), policy.PresencePartly, "duplicate address detection failed")
}

// The local routes of a VRF are in a table of its own, which nobody else is asked for.
func TestStaticInAnotherTable(t *testing.T) {
	newLAN(t).plug(t, us, "eth0")
	addAddr(t, "eth0", "10.77.0.5/32")
	local := &netlink.Route{
		LinkIndex: linkOf(t, "eth0").Index, Dst: addrOf(t, "10.77.0.5/32").IPNet,
		Type: unix.RTN_LOCAL, Table: unix.RT_TABLE_LOCAL, Scope: unix.RT_SCOPE_HOST,
	}
	must(t, netlink.RouteDel(local))
	local.Table = 77
	must(t, netlink.RouteAdd(local))
	wantConfigured(t, static(t, "10.77.0.5/32"), policy.PresenceYes, "")
}

// Nothing of the address changes, whatever is called, and no privilege is asked for.
func TestStaticChangesNothing(t *testing.T) {
	newLAN(t).plug(t, us, "eth0")
	addAddr(t, "eth0", "10.77.0.5/24", func(a *netlink.Addr) { a.ValidLft, a.PreferedLft = 1000, 500 })
	before := copyOf(t, "eth0", "10.77.0.5")
	withoutPrivileges(t, func() {
		s := static(t, "10.77.0.5/32")
		for range 2 {
			for _, err := range []error{s.Keep(policy.Forever), s.Keep(in(time.Minute)), s.Announce(), s.Release(), s.Release()} {
				if err != nil {
					t.Error(err)
				}
			}
		}
	})
	after := copyOf(t, "eth0", "10.77.0.5")
	if after.IPNet.String() != before.IPNet.String() || after.ValidLft < before.ValidLft-5 || after.ValidLft > before.ValidLft || after.Flags != before.Flags {
		t.Errorf("%+v became %+v", before, after)
	}
}

// The holder's release resets the address's sessions and no others; the address stays, and serves.
func TestStaticReleaseResetsSessions(t *testing.T) {
	for _, c := range []struct{ vip, own, client string }{
		{"10.77.0.5/32", "10.77.0.1/24", "10.77.0.9/24"},
		{"fd00::5/128", "fd00::1/64", "fd00::9/64"},
	} {
		t.Run(c.vip, func(t *testing.T) {
			l, client := newLAN(t), newHost(t)
			l.plug(t, us, "eth0")
			l.plug(t, client, "eth0")
			addAddr(t, "eth0", c.own)
			addAddr(t, "eth0", c.vip)
			client.do(t, func() { addAddr(t, "eth0", c.client) })
			s := static(t, c.vip)
			theirEnd := dialEcho(t, client, s.addr().String())
			other := dialEcho(t, client, netip.MustParsePrefix(c.own).Addr().String())

			must(t, s.Release()) // not held: the sessions are this host's own
			ping(t, theirEnd)
			s.until = policy.SinceBoot(1) // held until long ago, as the first tick after a stall finds it
			must(t, s.Release())
			must(t, theirEnd.SetDeadline(time.Now().Add(2*time.Second)))
			if _, err := theirEnd.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("the client gets %v, want a reset", err)
			}
			ping(t, other)
			if !slices.Contains(addrs(t, "eth0"), c.vip) {
				t.Error("the address is gone")
			}
			ping(t, dialEcho(t, client, s.addr().String()))
		})
	}
}

// Where the kernel cannot be asked, the note decides: a sanity check that fails must not move a
// VIP. And sessions that cannot be reset do not keep it.
func TestStaticUnknown(t *testing.T) {
	newLAN(t).plug(t, us, "eth0")
	var warnings []error
	s := static(t, "10.77.0.5/32")
	s.warn = func(err error) { warnings = append(warnings, err) }
	s.until = in(time.Minute)
	var old unix.Rlimit
	must(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &old))
	must(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 0, Max: old.Max}))
	held, heldErr := s.State()
	holdErr := s.Keep(in(time.Minute))
	releaseErr := s.Release()
	free, freeErr := s.State()
	must(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &old))
	if err := errors.Join(heldErr, holdErr, releaseErr, freeErr); err != nil {
		t.Error(err)
	}
	if held.Presence != policy.PresenceYes || held.Detail == "" || free.Presence != policy.PresenceNo {
		t.Errorf("held %+v, not held %+v", held, free)
	}
	if len(warnings) != 4 || !errors.Is(warnings[0], unix.EMFILE) || !errors.Is(warnings[2], ErrNoSessionReset) {
		t.Errorf("warnings: %v", warnings)
	}
}

// Every host has the address and may say so: nobody is a successor.
func TestStaticHasNoSuccessor(t *testing.T) {
	l, other := newLAN(t), newHost(t)
	l.plug(t, us, "eth0")
	l.plug(t, other, "eth0")
	other.do(t, func() { addAddr(t, "eth0", "10.77.0.5/24") })
	addAddr(t, "eth0", "10.77.0.5/24")
	wantNobody(t, static(t, "10.77.0.5/32"))
}

// wantNobody holds that Heard waits for the end of its context, and that Others waits for nothing.
func wantNobody(t *testing.T, a reconcile.Address) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*probeInterval)
	defer cancel()
	if mac, err := a.AwaitSuccessor(ctx, nil); mac != "" || err != nil || ctx.Err() == nil {
		t.Errorf("successor %q %v, context %v", mac, err, ctx.Err())
	}
	began := time.Now()
	claimants, err := a.Probe(t.Context(), time.Hour)
	if len(claimants) > 0 || err != nil || time.Since(began) > time.Minute {
		t.Errorf("claimants %v %v after %v", claimants, err, time.Since(began))
	}
}
