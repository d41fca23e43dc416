package vip

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/vipctl/vipctl/reconcile/policy"
)

// TestRandomWalk goes from anywhere to anywhere: whatever others have done to the links before, a
// hold leaves exactly the copy that was asked for, or refuses to be the second link that has one; a
// release leaves none, and both leave everybody else's addresses alone.
func TestRandomWalk(t *testing.T) {
	for _, w := range []walk{
		{vip: netip.MustParseAddr("10.77.0.5"), bits: []int{32, 24, 16}, strangers: []string{"10.77.0.1/24", "110.77.0.5/32", "10.77.0.50/24", "10.77.0.4/16"}},
		{vip: netip.MustParseAddr("fd00::5"), bits: []int{128, 64, 48}, strangers: []string{"fd00::1/64", "fd00::51/128", "fd00:1::5/64", "fd00::1:5/48"}},
	} {
		t.Run(w.vip.String(), func(t *testing.T) {
			seed := uint64(time.Now().UnixNano())
			t.Logf("seed %d", seed)
			w.rnd, w.t = rand.New(rand.NewPCG(seed, 0)), t
			l := newLAN(t)
			l.plug(t, us, "eth0")
			l.plug(t, us, "eth1")
			for range 600 {
				w.step()
				if t.Failed() {
					t.Fatalf("after %v", w.history[max(0, len(w.history)-8):])
				}
			}
		})
	}
}

type walk struct {
	vip       netip.Addr
	bits      []int
	strangers []string

	t       *testing.T
	rnd     *rand.Rand
	history []string
}

func (w *walk) did(format string, a ...any) { w.history = append(w.history, fmt.Sprintf(format, a...)) }

func (w *walk) step() {
	prefix := netip.PrefixFrom(w.vip, w.bits[w.rnd.IntN(len(w.bits))])
	link := []string{"eth0", "eth0", "eth0", "eth1"}[w.rnd.IntN(4)]
	switch w.rnd.IntN(10) {
	case 0, 1, 2:
		w.hold(prefix)
	case 3:
		w.release(prefix)
	case 4, 5:
		w.foreign(link, prefix)
	case 6:
		w.did("%s without the VIP", link)
		w.remove(link, func(ip netip.Addr) bool { return ip == w.vip })
	case 7:
		stranger := w.strangers[w.rnd.IntN(len(w.strangers))]
		w.did("%s on %s", stranger, link)
		w.add(link, addrOf(w.t, stranger))
	case 8:
		w.did("%s without strangers", link)
		w.remove(link, func(ip netip.Addr) bool { return ip != w.vip })
	case 9:
		if linkOf(w.t, link).RawFlags&unix.IFF_UP != 0 {
			w.did("%s down", link)
			linkDown(w.t, link)
		} else {
			w.did("%s up", link)
			linkUp(w.t, link)
		}
	}
	w.state(prefix)
}

// foreign is somebody else's copy of the VIP, with any prefix, lifetime or peer.
func (w *walk) foreign(link string, prefix netip.Prefix) {
	a := addrOf(w.t, prefix.String())
	if w.rnd.IntN(2) == 0 {
		a.ValidLft, a.PreferedLft = 1000, 500
	}
	if w.rnd.IntN(4) == 0 {
		a.Peer = addrOf(w.t, netip.PrefixFrom(w.vip.Next(), prefix.Bits()).String()).IPNet
	}
	w.did("%s peer %v on %s, valid %d", prefix, a.Peer, link, a.ValidLft)
	w.add(link, a)
}

func (w *walk) add(link string, a *netlink.Addr) {
	a.LinkIndex = linkOf(w.t, link).Index
	if w.vip.Is6() {
		a.Flags = unix.IFA_F_NODAD
	}
	if err := netlink.AddrAdd(nil, a); err != nil && !errors.Is(err, unix.EEXIST) {
		w.t.Errorf("%s on %s: %v", a, link, err)
	}
}

func (w *walk) remove(link string, which func(netip.Addr) bool) {
	for _, a := range w.list(link) {
		if ip, _ := netip.AddrFromSlice(a.IP); which(ip.Unmap()) {
			if err := netlink.AddrDel(nil, &a); err != nil && !errors.Is(err, unix.EADDRNOTAVAIL) {
				w.t.Errorf("%s from %s: %v", a, link, err)
			}
		}
	}
}

func (w *walk) list(link string) []netlink.Addr {
	list, err := netlink.AddrList(&netlink.Dummy{LinkAttrs: *linkOf(w.t, link)}, netlink.FAMILY_ALL)
	must(w.t, err)
	return slices.DeleteFunc(list, func(a netlink.Addr) bool { return a.IP.IsLinkLocalUnicast() })
}

// copies are the VIP's on the link, the rest everybody else's, sorted.
func (w *walk) copies(link string) (copies []netlink.Addr, rest []string) {
	for _, a := range w.list(link) {
		if ip, _ := netip.AddrFromSlice(a.IP); ip.Unmap() == w.vip {
			copies = append(copies, a)
		} else {
			rest = append(rest, a.IPNet.String())
		}
	}
	slices.Sort(rest)
	return copies, rest
}

func (w *walk) hold(prefix netip.Prefix) {
	warnings := 0
	noted := w.rnd.IntN(2) == 0
	k := kernel(w.t, prefix.String(), "eth0", func(o *Options) {
		o.Warn = func(error) { warnings++ }
		o.Noted = func() bool { return noted }
	})
	defer k.rtnl.close()
	until := []policy.Moment{policy.Forever, in(time.Hour), in(time.Minute)}[w.rnd.IntN(3)]
	w.did("keep %s until %v, noted %v", prefix, until, noted)
	own := !noted && w.own()
	before, rest := w.copies("eth0")
	elsewhere, restElsewhere := w.copies("eth1")
	err := k.Keep(until)
	after, restAfter := w.copies("eth0")
	elsewhereAfter, restElsewhereAfter := w.copies("eth1")
	if !slices.Equal(rest, restAfter) || !slices.Equal(restElsewhere, restElsewhereAfter) || len(elsewhere) != len(elsewhereAfter) {
		w.t.Errorf("strangers: %v %v became %v %v", rest, restElsewhere, restAfter, restElsewhereAfter)
	}
	if (warnings > 0) != (len(elsewhere) > 0 && err == nil) {
		w.t.Errorf("%d warnings, %v; on eth1 %v", warnings, err, elsewhere)
	}
	if len(elsewhere) > 0 && !slices.ContainsFunc(before, k.wanted) {
		if !errors.Is(err, errElsewhere) || len(before) != len(after) {
			w.t.Errorf("also on eth1: %v; %v became %v", err, before, after)
		}
		return
	}
	if own {
		if !errors.Is(err, errOwn) || fmt.Sprint(before) != fmt.Sprint(after) {
			w.t.Errorf("the host's own: %v; %v became %v", err, before, after)
		}
		return
	}
	if err != nil || len(after) != 1 {
		w.t.Errorf("held %v: %v", after, err)
		return
	}
	valid := forever32
	if until != policy.Forever {
		valid = int((until.Sub(bootTime())) / time.Second)
	}
	if got := after[0]; got.IPNet.String() != prefix.String() || got.Peer != nil || got.ValidLft < valid-1 || got.ValidLft > valid+1 {
		w.t.Errorf("held %+v, want %s for %d s", got, prefix, valid)
	}
	if w.source(after[0]) {
		w.t.Errorf("held %+v, which the kernel may choose as a source beside %v", after[0], rest)
	}
}

// own reports whether a copy on eth0 would be taken for the host's own, by rules that are written
// down here once more.
func (w *walk) own() bool {
	copies, _ := w.copies("eth0")
	return slices.ContainsFunc(copies, func(c netlink.Addr) bool {
		size := bits(c)
		switch {
		case c.Flags&unix.IFA_F_DEPRECATED != 0 || size == w.vip.BitLen():
			return false
		case w.vip.Is4():
			return c.Flags&unix.IFA_F_SECONDARY == 0
		}
		subnet := netip.PrefixFrom(w.vip, size).Masked()
		beside := slices.ContainsFunc(w.strangers, func(s string) bool {
			p := netip.MustParsePrefix(s)
			_, rest := w.copies("eth0")
			return subnet.Contains(p.Addr()) && slices.Contains(rest, s)
		})
		return c.ValidLft != forever32 || !beside
	})
}

// source reports whether the kernel may choose a copy on eth0 as a source beside addresses of the
// host's own.
func (w *walk) source(c netlink.Addr) bool {
	if w.vip.Is6() {
		return c.Flags&unix.IFA_F_DEPRECATED == 0
	}
	if bits(c) == 32 {
		return c.Scope != unix.RT_SCOPE_HOST
	}
	return c.Flags&unix.IFA_F_SECONDARY == 0 && slices.ContainsFunc(w.list("eth0"), func(a netlink.Addr) bool {
		return bits(a) == bits(c) && a.Flags&unix.IFA_F_SECONDARY != 0 && c.Contains(a.IP)
	})
}

func (w *walk) release(prefix netip.Prefix) {
	noted := w.rnd.IntN(2) == 0
	w.did("release, noted %v", noted)
	k := kernel(w.t, prefix.String(), "eth0", func(o *Options) { o.Noted = func() bool { return noted } })
	defer k.rtnl.close()
	before, rest := w.copies("eth0")
	elsewhere, restElsewhere := w.copies("eth1")
	own := !noted && w.own()
	err := k.Release()
	after, restAfter := w.copies("eth0")
	if own {
		if !errors.Is(err, errOwn) || fmt.Sprint(before) != fmt.Sprint(after) {
			w.t.Errorf("the host's own: %v; %v became %v", err, before, after)
		}
		return
	}
	must(w.t, err)
	elsewhereAfter, restElsewhereAfter := w.copies("eth1")
	if len(after) > 0 || !slices.Equal(rest, restAfter) || len(elsewhere) != len(elsewhereAfter) || !slices.Equal(restElsewhere, restElsewhereAfter) {
		w.t.Errorf("released: %v, %v became %v, on eth1 %v became %v", after, rest, restAfter, restElsewhere, restElsewhereAfter)
	}
}

// state holds Look against what the kernel has.
func (w *walk) state(prefix netip.Prefix) {
	k := kernel(w.t, prefix.String(), "eth0")
	defer k.rtnl.close()
	s, err := k.State()
	must(w.t, err)
	copies, _ := w.copies("eth0")
	elsewhere, _ := w.copies("eth1")
	want := policy.PresencePartly
	switch {
	case len(copies) == 0:
		want = policy.PresenceNo
	case w.own():
	case len(copies) == 1 && copies[0].Peer == nil && copies[0].IPNet.String() == prefix.String() && linkOf(w.t, "eth0").RawFlags&unix.IFF_UP != 0:
		want = policy.PresenceYes
	}
	permanent := slices.ContainsFunc(copies, func(a netlink.Addr) bool { return a.ValidLft == forever32 })
	odd := want == policy.PresencePartly || len(elsewhere) > 0
	if s.Presence != want || s.Forever != permanent || (s.Detail != "") != odd || (s.End.After(policy.Moment{})) != (len(copies) > 0 && !permanent) {
		w.t.Errorf("%s is reported as %+v, want %s; there are %v and %v on eth1", prefix, s, want, copies, elsewhere)
	}
}
