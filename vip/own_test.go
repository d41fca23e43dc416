package vip

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/reconcile/policy"
)

// An address that could be the host's own is neither taken away nor given an end, whatever the
// configuration says; one that others left of a VIP is taken over.
func TestHostsOwnAddressIsRefused(t *testing.T) {
	finite := func(a *netlink.Addr) { a.ValidLft, a.PreferedLft = 86400, 86400 }
	for name, c := range map[string]struct {
		vip   string // as vipctl.yml has it
		there func(t *testing.T)
		why   string // "" where the address is a VIP
	}{
		"the only address of its subnet": {"10.77.0.5/24", func(t *testing.T) { addAddr(t, "eth0", "10.77.0.5/24") }, "the primary address of 10.77.0.0/24"},
		"a VIP without a prefix length":  {"10.77.0.5/32", func(t *testing.T) { addAddr(t, "eth0", "10.77.0.5/24") }, "the primary address of 10.77.0.0/24"},
		"from a DHCP server":             {"10.77.0.5/24", func(t *testing.T) { addAddr(t, "eth0", "10.77.0.5/24", finite) }, "the primary address of 10.77.0.0/24"},
		"before another one": {"10.77.0.5/24", func(t *testing.T) {
			addAddr(t, "eth0", "10.77.0.5/24")
			addAddr(t, "eth0", "10.77.0.6/24")
		}, "the primary address of 10.77.0.0/24"},
		"behind the host's own": {"10.77.0.5/24", func(t *testing.T) {
			addAddr(t, "eth0", "10.77.0.1/24")
			addAddr(t, "eth0", "10.77.0.5/24")
		}, ""},
		"a /32 beside the host's own": {"10.77.0.5/32", func(t *testing.T) {
			addAddr(t, "eth0", "10.77.0.5/32")
			addAddr(t, "eth0", "10.77.0.1/24")
			addDefaultRoute(t, "10.77.0.254", "")
		}, ""},
		"a /32 on a link of its own": {"10.77.0.5/32", func(t *testing.T) { addAddr(t, "eth0", "10.77.0.5/32") }, ""},
		"a /32 that the host lives by": {"10.77.0.5/32", func(t *testing.T) {
			addAddr(t, "eth0", "10.77.0.5/32")
			must(t, kernel(t, "10.77.0.7/32", "eth0").Keep(in(time.Minute))) // another VIP is no address of the host's own
			addDefaultRoute(t, "172.31.1.1", "")
		}, "the only address of a link with a default route"},
		"a /32 that a default route names": {"10.77.0.5/32", func(t *testing.T) {
			addAddr(t, "eth0", "10.77.0.5/32")
			addAddr(t, "eth0", "10.77.0.1/32")
			addDefaultRoute(t, "172.31.1.1", "10.77.0.5")
		}, "the source of a default route"},
		"IPv6, alone in its subnet": {"fd00::5/128", func(t *testing.T) { addAddr(t, "eth0", "fd00::5/64") }, "the address that brings fd00::/64 to the link"},
		"IPv6, from a router": {"fd00::5/64", func(t *testing.T) {
			addAddr(t, "eth0", "fd00::1/64")
			addAddr(t, "eth0", "fd00::5/64", finite)
		}, "the address that brings fd00::/64 to the link"},
		"IPv6, beside the host's own": {"fd00::5/64", func(t *testing.T) {
			addAddr(t, "eth0", "fd00::1/64")
			addAddr(t, "eth0", "fd00::5/64")
		}, ""},
		"IPv6 /128": {"fd00::5/128", func(t *testing.T) { addAddr(t, "eth0", "fd00::5/128") }, ""},
		"IPv6 /128 that the host lives by": {"fd00::5/128", func(t *testing.T) {
			addAddr(t, "eth0", "fd00::5/128")
			addDefaultRoute(t, "fe80::1", "")
		}, "the only address of a link with a default route"},
	} {
		t.Run(name, func(t *testing.T) {
			newLAN(t).plug(t, us, "eth0")
			c.there(t)
			noted := false
			k := kernel(t, c.vip, "eth0", func(o *Options) { o.Noted = func() bool { return noted } })
			if c.why != "" {
				wantRefused(t, k, c.why)
			}
			noted = c.why != ""
			must(t, k.Keep(in(time.Minute)))
			if got := copyOf(t, "eth0", k.addr().String()); !k.wanted(got) || endless(got) {
				t.Errorf("held as %+v", got)
			}
			noted = false // as where /run was wiped: the mark says enough
			must(t, k.Release())
			if got := addrs(t, "eth0"); slices.Contains(got, c.vip) {
				t.Errorf("released, and there is %v", got)
			}
		})
	}
}

// wantRefused: both change nothing, and Look says why.
func wantRefused(t *testing.T, k *Kernel, why string) {
	t.Helper()
	before := copyOf(t, "eth0", k.addr().String())
	if s, err := k.State(); err != nil || s.Presence != policy.PresencePartly || s.Detail != errOwn.Error()+", "+why {
		t.Errorf("state %+v %v, want partly: %s", s, err, why)
	}
	for doing, err := range map[string]error{
		"keep ": k.Keep(in(time.Minute)), "keep " + k.prefix.String(): k.Keep(policy.Forever), "release ": k.Release(),
	} {
		mend := "run: ip address del " + before.IPNet.String() + " dev eth0"
		if !errors.Is(err, errOwn) || !strings.HasPrefix(err.Error(), doing) || !strings.Contains(err.Error(), "("+why+"; ") || !strings.HasSuffix(err.Error(), mend) {
			t.Errorf("%s: %v, want one that says %q and ends with %q", doing, err, why, mend)
		}
	}
	after := copyOf(t, "eth0", k.addr().String())
	if after.IPNet.String() != before.IPNet.String() || after.Flags != before.Flags || after.ValidLft < before.ValidLft-10 {
		t.Errorf("%+v became %+v", before, after)
	}
}

// addDefaultRoute is `ip route add default via GATEWAY dev eth0 onlink [src SOURCE]`.
func addDefaultRoute(t *testing.T, gateway, source string) {
	t.Helper()
	r := &netlink.Route{LinkIndex: linkOf(t, "eth0").Index, Gw: netip.MustParseAddr(gateway).AsSlice(), Flags: unix.RTNH_F_ONLINK}
	if source != "" {
		r.Src = netip.MustParseAddr(source).AsSlice()
	}
	must(t, netlink.RouteAdd(r))
}

// What vipctl itself put on the link is released, although it came first in its subnet and nothing
// notes it any more.
func TestOwnClaimsAreReleasedWithoutANote(t *testing.T) {
	for _, prefix := range []string{"10.77.0.5/24", "10.77.0.5/32", "fd00::5/64", "fd00::5/128"} {
		for _, until := range []policy.Moment{policy.Forever, in(time.Hour)} {
			newLAN(t).plug(t, us, "eth0")
			must(t, kernel(t, prefix, "eth0").Keep(until))
			if strings.Contains(prefix, "10.") {
				addDefaultRoute(t, "10.77.0.254", "")
			}
			must(t, kernel(t, prefix, "eth0").Keep(in(time.Minute)))
			must(t, kernel(t, prefix, "eth0").Keep(until))
			must(t, kernel(t, prefix, "eth0").Release())
			if got := addrs(t, "eth0"); len(got) > 0 {
				t.Errorf("left: %v", got)
			}
			must(t, netlink.LinkDel(&netlink.Dummy{LinkAttrs: *linkOf(t, "eth0")}))
		}
	}
}

// Whatever Patroni says of it, the host's own address stays as it is, and the note never says that
// it is a VIP.
func TestHostsOwnAddressInTheEngine(t *testing.T) {
	newLAN(t).plug(t, us, "eth0")
	addAddr(t, "eth0", "10.77.0.5/24")
	d := newDesk(func(d *desk) reconcile.Address {
		return kernel(t, "10.77.0.5/24", "eth0", func(o *Options) {
			o.Clock, o.Noted = d.Now, func() bool { return d.note.Ours }
		})
	})
	const refused = "10.77.0.5/24 is this host's own address, as it seems (the primary address of 10.77.0.0/24; no note says that vipctl claimed it): " +
		"give another address in vipctl.yml, or where another mover of the VIP left it, run: ip address del 10.77.0.5/24 dev eth0"
	for range 2 {
		d.answer = policy.NotLeader
		d.wants(t, "a replica", policy.PresencePartly, "release not_leader: release 10.77.0.5 from eth0: "+refused)
		d.answer = policy.Leader
		d.wants(t, "a leader", policy.PresencePartly, "claim address_missing: keep 10.77.0.5/24 on eth0: "+refused)
	}
	if got := copyOf(t, "eth0", "10.77.0.5"); !endless(got) || marked(got) {
		t.Errorf("it became %+v", got)
	}
}

// An address that was claimed stays vipctl's while others put it there in their way.
func TestClaimedAddressIsTakenBackFromOthers(t *testing.T) {
	newLAN(t).plug(t, us, "eth0")
	d := newDesk(func(d *desk) reconcile.Address {
		return kernel(t, "10.77.0.5/32", "eth0", func(o *Options) {
			o.Clock, o.Noted = d.Now, func() bool { return d.note.Ours }
		})
	})
	d.answer = policy.Leader
	d.wants(t, "promoted", policy.PresenceYes, "claim address_missing")
	delAddr(t, "eth0", "10.77.0.5/32")
	addAddr(t, "eth0", "10.77.0.5/24")
	d.wants(t, "put there as a /24", policy.PresenceYes, "claim address_missing")
	addAddr(t, "eth0", "10.77.0.5/24")
	d.answer = policy.NotLeader
	d.wants(t, "demoted", policy.PresenceNo, "release not_leader")
}
