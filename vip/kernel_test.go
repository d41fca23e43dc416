package vip

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/reconcile/addresstest"
	"github.com/vipctl/vipctl/reconcile/policy"
)

func TestContract(t *testing.T) {
	for _, prefix := range []string{"10.77.0.5/32", "10.77.0.5/24", "fd00::5/128", "fd00::5/64"} {
		t.Run(prefix, func(t *testing.T) {
			addresstest.Run(t, func(t *testing.T) (reconcile.Address, func() policy.Moment) {
				newLAN(t).plug(t, us, "eth0")
				return kernel(t, prefix, "eth0"), bootTime
			})
		})
		t.Run("routed "+prefix, func(t *testing.T) {
			addresstest.Run(t, func(t *testing.T) (reconcile.Address, func() policy.Moment) {
				newLAN(t).plug(t, us, "eth0")
				return kernel(t, prefix, "eth0", routed), bootTime
			})
		})
	}
}

// copyOf is the only copy of the address on the link, as the kernel has it.
func copyOf(t testing.TB, link, addr string) netlink.Addr {
	t.Helper()
	list, err := netlink.AddrList(&netlink.Dummy{LinkAttrs: *linkOf(t, link)}, netlink.FAMILY_ALL)
	must(t, err)
	list = slices.DeleteFunc(list, func(a netlink.Addr) bool { return a.IP.String() != addr })
	if len(list) != 1 {
		t.Fatalf("%s on %s %d times, want once: %v", addr, link, len(list), list)
	}
	return list[0]
}

func TestHoldLifetimes(t *testing.T) {
	newLAN(t).plug(t, us, "eth0")
	const permanent = forever32
	now := 1000 * time.Second
	for _, addr := range []string{"10.77.0.5/32", "fd00::5/128"} {
		k := kernel(t, addr, "eth0")
		k.clock = func() policy.Moment { return policy.SinceBoot(now) }
		// One after the other, each by replacing the one before: leased, permanent and back, longer
		// and shorter.
		for _, c := range []struct {
			until policy.Moment
			valid int
		}{
			{policy.SinceBoot(now + 30*time.Second), 30},
			{policy.SinceBoot(now + 12999*time.Millisecond), 12},
			{policy.Forever, permanent},
			{policy.SinceBoot(now + time.Minute), 60},
			{policy.Forever, permanent},
			{policy.Forever, permanent},
			{policy.SinceBoot(now + 20*time.Second), 20},
			{policy.SinceBoot(now + 200*365*24*time.Hour), permanent - 1},
		} {
			must(t, k.Keep(c.until))
			got := copyOf(t, "eth0", k.addr().String())
			if got.ValidLft != c.valid && got.ValidLft != c.valid-1 {
				t.Errorf("%s until %v: %d s, want %d", addr, c.until, got.ValidLft, c.valid)
			}
			wantFlags, wantPreferred := unix.IFA_F_DEPRECATED, 0
			if k.addr().Is6() {
				wantFlags |= unix.IFA_F_NODAD
			} else if c.until == policy.Forever {
				wantPreferred = permanent // as the kernel reports it, whatever it was given
			}
			if got.Flags&(wantFlags|unix.IFA_F_TENTATIVE) != wantFlags {
				t.Errorf("%s: flags %#x", addr, got.Flags)
			}
			if got.PreferedLft != wantPreferred {
				t.Errorf("%s until %v: preferred %d s, want %d", addr, c.until, got.PreferedLft, wantPreferred)
			}
			s, err := k.State()
			must(t, err)
			if s.Presence != policy.PresenceYes || s.Forever != (c.until == policy.Forever) {
				t.Errorf("%s until %v: %+v", addr, c.until, s)
			}
			if !s.Forever && (s.End.After(c.until) || s.End.Before(policy.SinceBoot(now+time.Duration(c.valid-2)*time.Second))) {
				t.Errorf("%s until %v: seen to end at %v", addr, c.until, s.End)
			}
		}
		must(t, k.Release())
	}
}

func TestHoldTooShort(t *testing.T) {
	newLAN(t).plug(t, us, "eth0")
	now := 1000 * time.Second
	k := kernel(t, "10.77.0.5/32", "eth0")
	k.clock = func() policy.Moment { return policy.SinceBoot(now) }
	for left, want := range map[time.Duration]string{
		999 * time.Millisecond: "lease ends in 0.9 s: too short to hold",
		450 * time.Millisecond: "lease ends in 0.4 s: too short to hold",
		0:                      "lease ends in 0.0 s: too short to hold",
		-3 * time.Second:       "lease ended 3.0 s ago: too short to hold",
		-now:                   "lease ended 1000.0 s ago: too short to hold",
	} {
		err := k.Keep(policy.SinceBoot(now + left))
		if !errors.Is(err, errTooShort) || err.Error() != want {
			t.Errorf("%v left: %v, want %s", left, err, want)
		}
		if got := addrs(t, "eth0"); len(got) > 0 {
			t.Errorf("%v left: %v is there", left, got)
		}
	}
	// What is there already stays as it is, a copy with another prefix too.
	addAddr(t, "eth0", "10.77.0.1/24")
	addAddr(t, "eth0", "10.77.0.5/24")
	if err := k.Keep(policy.SinceBoot(now)); !errors.Is(err, errTooShort) {
		t.Error(err)
	}
	if got := addrs(t, "eth0"); !slices.Equal(got, []string{"10.77.0.1/24", "10.77.0.5/24"}) {
		t.Errorf("left: %v", got)
	}
}

// A process that is stopped between reading the clock and asking the kernel must not give a longer
// life.
func TestHoldStoppedOnTheWay(t *testing.T) {
	newLAN(t).plug(t, us, "eth0")
	k := kernel(t, "10.77.0.5/32", "eth0")
	stopFor := func(d time.Duration) func() policy.Moment {
		calls, now := 0, 1000*time.Second
		return func() policy.Moment {
			if calls++; calls == 3 { // 1: too short?, 2: how long?, 3: how long did it take?
				now += d
			}
			return policy.SinceBoot(now)
		}
	}
	k.clock = stopFor(20 * time.Second)
	must(t, k.Keep(policy.SinceBoot(1030*time.Second)))
	if got := copyOf(t, "eth0", "10.77.0.5").ValidLft; got != 10 && got != 9 {
		t.Errorf("%d s, want the 10 that are left", got)
	}
	k.clock = stopFor(40 * time.Second)
	if err := k.Keep(policy.SinceBoot(1030 * time.Second)); !errors.Is(err, errTooShort) {
		t.Errorf("stopped beyond the end: %v", err)
	}
	if got := addrs(t, "eth0"); len(got) > 0 {
		t.Errorf("stopped beyond the end: %v is there", got)
	}
}

func TestKernelDropsTheAddress(t *testing.T) {
	newLAN(t).plug(t, us, "eth0")
	for _, addr := range []string{"10.77.0.5/32", "fd00::5/128"} {
		k := kernel(t, addr, "eth0")
		until := in(1100 * time.Millisecond)
		must(t, k.Keep(until))
		eventually(t, addr+" gone", 4*time.Second, func() bool { return len(addrs(t, "eth0")) == 0 })
		t.Logf("%s: dropped %v after the second that was given", addr, bootTime().Sub(until)+100*time.Millisecond)
		s, err := k.State()
		must(t, err)
		if s.Presence != policy.PresenceNo {
			t.Errorf("%+v", s)
		}
	}
}

func TestHoldRemovesOtherPrefixes(t *testing.T) {
	for _, c := range []struct {
		want  string
		there []string
		peers []string
	}{
		{want: "10.77.0.5/32", there: []string{"10.77.0.5/24"}},
		{want: "10.77.0.5/32", there: []string{"10.77.0.5/24", "10.77.0.5/16", "10.77.0.5/32"}},
		{want: "10.77.0.5/24", there: []string{"10.77.0.5/32"}},
		{want: "10.77.0.5/32", peers: []string{"10.77.0.9/32"}},
		{want: "10.77.0.5/24", peers: []string{"10.77.0.9/24"}}, // the kernel takes this one for ours
		{want: "fd00::5/128", there: []string{"fd00::5/64"}},
		{want: "fd00::5/64", there: []string{"fd00::5/128"}},
	} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			newLAN(t).plug(t, us, "eth0")
			k := kernel(t, c.want, "eth0")
			lookalikes := []string{"110.77.0.5/32", "10.77.0.50/24", "10.77.1.50/16", "fd00::51/64"}
			for _, a := range append(slices.Clone(lookalikes), c.there...) {
				addAddr(t, "eth0", a)
			}
			for _, p := range c.peers {
				addAddr(t, "eth0", k.prefix.String(), func(a *netlink.Addr) { a.Peer = addrOf(t, p).IPNet })
			}
			s, err := k.State()
			must(t, err)
			if s.Presence != policy.PresencePartly || !s.Forever || s.Detail == "" {
				t.Errorf("before: %+v", s)
			}
			must(t, k.Keep(in(time.Minute)))
			must(t, k.Keep(in(time.Minute)))
			if got := copyOf(t, "eth0", k.addr().String()); got.IPNet.String() != c.want || got.Peer != nil || got.ValidLft > 60 {
				t.Errorf("held %+v", got)
			}
			must(t, k.Release())
			if got := addrs(t, "eth0"); !slices.Equal(sorted(got), sorted(lookalikes)) {
				t.Errorf("after the release %v, want %v", got, lookalikes)
			}
		})
	}
}

func sorted(s []string) []string { return slices.Sorted(slices.Values(s)) }

func TestHoldReplacesAFailedDAD(t *testing.T) {
	l, other := newLAN(t), newHost(t)
	l.plug(t, us, "eth0")
	l.plug(t, other, "eth0")
	other.do(t, func() { addAddr(t, "eth0", "fd00::5/128") })
	addAddr(t, "eth0", "fd00::5/128", func(a *netlink.Addr) { a.Flags = 0 })
	k := kernel(t, "fd00::5/128", "eth0")
	failed := func() bool { return copyOf(t, "eth0", "fd00::5").Flags&unix.IFA_F_DADFAILED != 0 }
	eventually(t, "duplicate address detection fails", 5*time.Second, failed)
	s, err := k.State()
	must(t, err)
	if s.Presence != policy.PresencePartly || s.Detail != "duplicate address detection failed" {
		t.Errorf("%+v", s)
	}
	must(t, k.Keep(in(time.Minute)))
	if failed() {
		t.Error("still failed")
	}
}

func TestElsewhere(t *testing.T) {
	l := newLAN(t)
	l.plug(t, us, "eth0")
	l.plug(t, us, "eth1")
	for _, prefix := range []string{"10.77.0.5/32", "fd00::5/128"} {
		k := kernel(t, prefix, "eth0")
		stray := netip.PrefixFrom(k.addr(), k.prefix.Bits()-8).String()
		addAddr(t, "eth1", prefix)
		if s, err := k.State(); err != nil || s.Presence != policy.PresenceNo || s.Detail != "on eth1" {
			t.Errorf("%+v %v", s, err)
		}
		addAddr(t, "eth0", "10.77.0.5/24")
		before := append(addrs(t, "eth0"), addrs(t, "eth1")...)
		err := k.Keep(in(time.Minute))
		want := fmt.Sprintf("keep %s on eth0: address is on another link: eth1", prefix)
		if !errors.Is(err, errElsewhere) || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
		if after := append(addrs(t, "eth0"), addrs(t, "eth1")...); !slices.Equal(before, after) {
			t.Errorf("%v became %v", before, after)
		}
		delAddr(t, "eth0", "10.77.0.5/24")
		delAddr(t, "eth1", prefix)

		must(t, k.Keep(in(time.Minute)))
		addAddr(t, "eth1", stray)
		if s, err := k.State(); err != nil || s.Presence != policy.PresenceYes || s.Detail != "also on eth1" {
			t.Errorf("%+v %v", s, err)
		}
		must(t, k.Release())
		if got := addrs(t, "eth1"); !slices.Equal(got, []string{stray}) {
			t.Errorf("the release left %v on eth1", got)
		}
		delAddr(t, "eth1", stray)
	}
}

// A copy that somebody adds on another link must not end ours: it is renewed, and the other one is
// told of each time.
func TestElsewhereToo(t *testing.T) {
	for _, prefix := range []string{"10.77.0.5/32", "10.77.0.5/24", "fd00::5/128", "fd00::5/64"} {
		for _, other := range []string{"lo", "eth1"} {
			t.Run(prefix+" "+other, func(t *testing.T) {
				l := newLAN(t)
				l.plug(t, us, "eth0")
				l.plug(t, us, "eth1")
				var warnings []string
				k := kernel(t, prefix, "eth0", func(o *Options) {
					o.Warn = func(err error) { warnings = append(warnings, err.Error()) }
				})
				must(t, k.Keep(in(20*time.Second)))
				addAddr(t, other, prefix)
				t.Cleanup(func() { delAddr(t, other, prefix) })
				must(t, k.Keep(in(time.Hour)))
				must(t, k.Keep(in(time.Minute)))
				if got := copyOf(t, "eth0", k.addr().String()); !k.wanted(got) || got.ValidLft < 58 || got.ValidLft > 60 {
					t.Errorf("renewed for a minute: %+v", got)
				}
				if got := copyOf(t, other, k.addr().String()); got.ValidLft != forever32 {
					t.Errorf("the copy on %s became %+v", other, got)
				}
				warning := fmt.Sprintf("keep %s on eth0: address is on another link: %s: remove it there", prefix, other)
				if want := []string{warning, warning}; !slices.Equal(warnings, want) {
					t.Errorf("warnings %q, want %q", warnings, want)
				}
			})
		}
	}
}

func TestLinkDown(t *testing.T) {
	newLAN(t).plug(t, us, "eth0")
	linkDown(t, "eth0")
	for _, prefix := range []string{"10.77.0.5/32", "fd00::5/128"} {
		k := kernel(t, prefix, "eth0")
		must(t, k.Keep(in(time.Minute)))
		if s, err := k.State(); err != nil || s.Presence != policy.PresencePartly || s.Detail != "eth0 is down" {
			t.Errorf("%+v %v", s, err)
		}
		if linkOf(t, "eth0").RawFlags&unix.IFF_UP != 0 {
			t.Error("brought up")
		}
		if err := k.Announce(); !errors.Is(err, unix.ENETDOWN) {
			t.Errorf("announce: %v", err)
		}
	}
	linkUp(t, "eth0")
	for _, prefix := range []string{"10.77.0.5/32", "fd00::5/128"} {
		k := kernel(t, prefix, "eth0")
		if s, err := k.State(); err != nil || s.Presence != policy.PresenceYes {
			t.Errorf("%+v %v", s, err)
		}
		must(t, k.Announce())
	}
}

// A VIP that came first in its subnet is the primary address there; the host's own must not go with
// it.
func TestHostsOwnAddressStays(t *testing.T) {
	for name, end := range map[string]func(t *testing.T, k *Kernel){
		"release": func(t *testing.T, k *Kernel) { must(t, k.Release()) },
		"expiry": func(t *testing.T, k *Kernel) {
			eventually(t, "VIP gone", 6*time.Second, func() bool { return !slices.Contains(addrs(t, "eth0"), "10.77.0.5/24") })
		},
		"change of prefix": func(t *testing.T, k *Kernel) {
			promote(t, "eth0", "0")
			must(t, kernel(t, "10.77.0.5/32", "eth0").Keep(in(time.Minute)))
		},
		"release of a copy that somebody else made": func(t *testing.T, k *Kernel) {
			promote(t, "eth0", "0")
			must(t, kernel(t, "10.77.0.5/32", "eth0").Release())
		},
	} {
		t.Run(name, func(t *testing.T) {
			newLAN(t).plug(t, us, "eth0")
			promote(t, "eth0", "0")
			k := kernel(t, "10.77.0.5/24", "eth0")
			must(t, k.Keep(in(3100*time.Millisecond)))
			addAddr(t, "eth0", "10.77.0.1/24")
			if copyOf(t, "eth0", "10.77.0.1").Flags&unix.IFA_F_SECONDARY == 0 {
				t.Fatal("the host's own address is not a secondary one: this shows nothing")
			}
			end(t, k)
			if got := copyOf(t, "eth0", "10.77.0.1"); got.Flags&unix.IFA_F_SECONDARY != 0 {
				t.Error("not promoted")
			}
			if slices.Contains(addrs(t, "eth0"), "10.77.0.5/24") {
				t.Error("the VIP is still there")
			}
		})
	}
}

func promote(t testing.TB, link, value string) {
	t.Helper()
	must(t, os.WriteFile("/proc/sys/net/ipv4/conf/"+link+"/promote_secondaries", []byte(value), 0))
}

// withoutPrivileges runs f on a thread that has no capabilities, and then ends.
func withoutPrivileges(t *testing.T, f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		none := [2]unix.CapUserData{}
		if err := unix.Capset(&unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, &none[0]); err != nil {
			t.Error(err)
			return
		}
		f()
	}()
	<-done
}

func TestNotPermitted(t *testing.T) {
	newLAN(t).plug(t, us, "eth0")
	for _, prefix := range []string{"10.77.0.5/32", "fd00::5/128"} {
		var hold, announce, listen, state error
		var s policy.AddressState
		withoutPrivileges(t, func() {
			k := kernel(t, prefix, "eth0")
			hold, announce = k.Keep(in(time.Minute)), k.Announce()
			_, listen = k.AwaitSuccessor(t.Context(), nil)
			s, state = k.State()
		})
		for what, err := range map[string]error{"keep": hold, "announce": announce, "listen": listen} {
			if !errors.Is(err, os.ErrPermission) || !strings.HasPrefix(err.Error(), what+" ") {
				t.Errorf("%s: %v", what, err)
			}
		}
		if state != nil || s.Presence != policy.PresenceNo {
			t.Errorf("anybody may ask: %+v %v", s, state)
		}

		must(t, kernel(t, prefix, "eth0").Keep(in(time.Minute)))
		var release error
		withoutPrivileges(t, func() {
			release = New(Options{Clock: bootTime, Prefix: netip.MustParsePrefix(prefix), Interface: "eth0"}).Release()
		})
		if want := "remove " + prefix + " from eth0: operation not permitted"; !errors.Is(release, os.ErrPermission) || release.Error() != want {
			t.Errorf("%v, want %s", release, want)
		}
	}
}

func TestIPv6Disabled(t *testing.T) {
	newLAN(t).plug(t, us, "eth0")
	must(t, os.WriteFile("/proc/sys/net/ipv6/conf/eth0/disable_ipv6", []byte("1"), 0))
	err := kernel(t, "fd00::5/128", "eth0").Keep(in(time.Minute))
	want := "keep fd00::5/128 on eth0: IPv6 is disabled on eth0: run: sysctl -w net.ipv6.conf.eth0.disable_ipv6=0"
	if err == nil || err.Error() != want || errors.Is(err, os.ErrPermission) {
		t.Errorf("%v, want %s", err, want)
	}
}

func TestStateUnknown(t *testing.T) {
	newLAN(t).plug(t, us, "eth0")
	var old unix.Rlimit
	must(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &old))
	must(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 0, Max: old.Max}))
	s, err := kernel(t, "10.77.0.5/32", "eth0").State()
	must(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &old))
	if !errors.Is(err, unix.EMFILE) || s.Presence != policy.PresenceUnknown || s.Detail != err.Error() {
		t.Errorf("%+v %v", s, err)
	}
}
