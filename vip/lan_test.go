package vip

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/mdlayher/packet"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/vipctl/vipctl/reconcile/policy"
)

// host is a network namespace.
type host struct{ ns *os.File }

// us is the host that the tests run on, where the VIP is. It is opened before any thread leaves for
// another.
var us = openHost()

func openHost() host {
	ns, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		panic(err)
	}
	return host{ns}
}

func newHost(t testing.TB) host {
	t.Helper()
	if noKernel != "" {
		t.Skip(noKernel)
	}
	made := make(chan host)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		defer close(made)
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			t.Error(err)
			return
		}
		made <- openHost()
	}()
	h, ok := <-made
	if !ok {
		t.FailNow()
	}
	t.Cleanup(func() { h.ns.Close() })
	h.do(t, func() { linkUp(t, "lo") })
	return h
}

// do runs f in the host's namespace. Sockets that it opens stay there.
func (h host) do(t testing.TB, f func()) {
	t.Helper()
	if h == us {
		f()
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		if err := unix.Setns(int(h.ns.Fd()), unix.CLONE_NEWNET); err != nil {
			t.Error(err)
			return
		}
		f()
	}()
	<-done
	if t.Failed() {
		t.FailNow() // what failed in f ended only its own goroutine
	}
}

// lan is a switch: a bridge on a host of its own.
type lan struct {
	bridge host
	ports  int
}

func newLAN(t testing.TB) *lan {
	t.Helper()
	l := &lan{bridge: newHost(t)}
	l.bridge.do(t, func() {
		must(t, netlink.LinkAdd(&netlink.Bridge{LinkAttrs: attrs("br0")}))
		linkUp(t, "br0")
	})
	return l
}

// plug gives the host a link into the switch and returns the link's MAC.
func (l *lan) plug(t testing.TB, h host, name string) net.HardwareAddr {
	t.Helper()
	l.ports++
	port := fmt.Sprintf("port%d", l.ports)
	var mac net.HardwareAddr
	l.bridge.do(t, func() {
		master, err := netlink.LinkByName("br0")
		must(t, err)
		port := attrs(port)
		port.MasterIndex = master.Attrs().Index
		must(t, netlink.LinkAdd(&netlink.Veth{LinkAttrs: port, PeerName: name, PeerNamespace: netlink.NsFd(h.ns.Fd())}))
		linkUp(t, port.Name)
	})
	h.do(t, func() {
		linkUp(t, name)
		mac = linkOf(t, name).HardwareAddr
		carries(t, name)
	})
	l.bridge.do(t, func() { carries(t, port) })
	if h == us {
		t.Cleanup(func() {
			if l, err := netlink.LinkByName(name); err == nil {
				must(t, netlink.LinkDel(l))
			}
		})
	}
	return mac
}

func attrs(name string) netlink.LinkAttrs {
	a := netlink.NewLinkAttrs()
	a.Name = name
	return a
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func linkOf(t testing.TB, name string) *netlink.LinkAttrs {
	t.Helper()
	l, err := netlink.LinkByName(name)
	must(t, err)
	return l.Attrs()
}

func linkUp(t testing.TB, name string) {
	t.Helper()
	must(t, netlink.LinkSetUp(&netlink.Dummy{LinkAttrs: *linkOf(t, name)}))
}

// carries waits until frames pass: the kernel drops them silently for up to a second after a link
// has come up (net/core/link_watch.c).
func carries(t testing.TB, name string) {
	t.Helper()
	eventually(t, name+" carries frames", 5*time.Second, func() bool { return linkOf(t, name).OperState == netlink.OperUp })
}

func linkDown(t testing.TB, name string) {
	t.Helper()
	must(t, netlink.LinkSetDown(&netlink.Dummy{LinkAttrs: *linkOf(t, name)}))
}

// addAddr is `ip address add PREFIX dev LINK`, without duplicate address detection.
func addAddr(t testing.TB, link, prefix string, change ...func(*netlink.Addr)) {
	t.Helper()
	a := addrOf(t, prefix)
	a.LinkIndex = linkOf(t, link).Index
	if a.IP.To4() == nil {
		a.Flags = unix.IFA_F_NODAD
	}
	for _, c := range change {
		c(a)
	}
	must(t, netlink.AddrAdd(nil, a))
}

func delAddr(t testing.TB, link, prefix string) {
	t.Helper()
	a := addrOf(t, prefix)
	a.LinkIndex = linkOf(t, link).Index
	must(t, netlink.AddrDel(nil, a))
}

func addrOf(t testing.TB, prefix string) *netlink.Addr {
	t.Helper()
	p := netip.MustParsePrefix(prefix)
	return &netlink.Addr{IPNet: &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}}
}

// addrs are the link's addresses with their prefixes, link-local ones aside, in the kernel's order.
func addrs(t testing.TB, link string) []string {
	t.Helper()
	list, err := netlink.AddrList(&netlink.Dummy{LinkAttrs: *linkOf(t, link)}, netlink.FAMILY_ALL)
	must(t, err)
	var found []string
	for _, a := range list {
		if !a.IP.IsLinkLocalUnicast() {
			found = append(found, a.IPNet.String())
		}
	}
	return found
}

// eventually waits for a condition, asking often: nothing here takes a fixed time.
func eventually(t testing.TB, what string, limit time.Duration, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(limit); !ok(); {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", limit, what)
		}
		<-time.After(2 * time.Millisecond)
	}
}

// neighbour is the MAC that the host's neighbour table has for an address, on any link.
func (h host) neighbour(t testing.TB, addr string) (mac policy.MAC) {
	t.Helper()
	h.do(t, func() {
		list, err := netlink.NeighList(0, 0)
		must(t, err)
		for _, n := range list {
			if ip, _ := netip.AddrFromSlice(n.IP); ip.Unmap() == netip.MustParseAddr(addr) && len(n.HardwareAddr) == 6 {
				mac = policy.MAC(n.HardwareAddr.String())
			}
		}
	})
	return mac
}

// poke sends a datagram to an address, so that the host must find out its MAC.
func (h host) poke(t testing.TB, addr string) {
	t.Helper()
	h.do(t, func() {
		c, err := net.Dial("udp", net.JoinHostPort(addr, "9"))
		must(t, err)
		defer c.Close()
		_, _ = c.Write([]byte("x"))
	})
}

// capture is a socket that gets every frame that the host's link receives.
func (h host) capture(t testing.TB, link string) *packet.Conn {
	t.Helper()
	var conn *packet.Conn
	h.do(t, func() {
		l := linkOf(t, link)
		var err error
		conn, err = packet.Listen(&net.Interface{Index: l.Index, HardwareAddr: l.HardwareAddr}, packet.Raw, unix.ETH_P_ALL, nil)
		must(t, err)
	})
	t.Cleanup(func() { conn.Close() })
	return conn
}

// waitFor reads frames until one begins with the given bytes.
func waitFor(t testing.TB, conn *packet.Conn, want []byte, limit time.Duration) {
	t.Helper()
	must(t, conn.SetReadDeadline(time.Now().Add(limit)))
	b := make([]byte, 2048)
	for {
		n, _, err := conn.ReadFrom(b)
		if err != nil {
			t.Fatalf("frame %x: %v", want, err)
		}
		if bytes.HasPrefix(b[:n], want) {
			return
		}
	}
}

// patient is how long a reset of sessions may take here: the test machine may be busy.
const patient = 10 * time.Second

// kernel is a Kernel whose warnings fail the test.
func kernel(t testing.TB, prefix, link string, change ...func(*Options)) *Kernel {
	o := Options{
		Prefix:    netip.MustParsePrefix(prefix),
		Interface: link,
		Clock:     bootTime,
		Warn:      func(err error) { t.Errorf("warning: %v", err) },
	}
	for _, c := range change {
		c(&o)
	}
	k := New(o)
	k.sessionPatience = patient
	t.Cleanup(k.rtnl.close)
	return k
}

// close gives the netlink socket back, for tests that make many. vipctl's processes end instead.
func (r *rtnl) close() {
	if r.handle != nil {
		r.handle.Close()
		r.handle = nil
	}
}

// bootTime reads CLOCK_BOOTTIME.
func bootTime() policy.Moment {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		panic(err)
	}
	return policy.SinceBoot(time.Duration(ts.Nano()))
}

func in(d time.Duration) policy.Moment { return bootTime().Add(d) }
