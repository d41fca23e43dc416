package vip

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"
)

func addrPrefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }

// A release resets the sessions of the VIP, whatever family their sockets are of, and no others.
func TestReleaseResetsSessions(t *testing.T) {
	for _, c := range []struct{ network, vip, own, client string }{
		{"tcp4", "10.77.0.5/32", "10.77.0.1/24", "10.77.0.9/24"},
		{"tcp", "10.77.0.5/32", "10.77.0.1/24", "10.77.0.9/24"}, // an IPv6 socket with an IPv4-mapped address
		{"tcp6", "fd00::5/128", "fd00::1/64", "fd00::9/64"},
	} {
		t.Run(c.network+" "+c.vip, func(t *testing.T) {
			l, client := newLAN(t), newHost(t)
			l.plug(t, us, "eth0")
			l.plug(t, client, "eth0")
			addAddr(t, "eth0", c.own)
			client.do(t, func() { addAddr(t, "eth0", c.client) })
			k := kernel(t, c.vip, "eth0")
			must(t, k.Hold(in(time.Minute)))

			theirEnd, ourEnd := dialServer(t, client, c.network, k.addr().String())
			other, _ := dialServer(t, client, c.network, addrPrefix(c.own).Addr().String())
			ping(t, theirEnd)
			began := time.Now()
			must(t, k.Release())
			t.Logf("released in %v", time.Since(began))
			must(t, theirEnd.SetDeadline(time.Now().Add(2*time.Second)))
			if _, err := theirEnd.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("the client hears %v, want a reset", err)
			}
			if _, err := ourEnd.Write([]byte("x")); err == nil {
				t.Error("our end can still write")
			}
			ping(t, other)

			// Whoever listens on the VIP itself goes on doing so: here for a claim a second later.
			must(t, k.Hold(in(time.Minute)))
			again, _ := dialServer(t, client, c.network, k.addr().String())
			ping(t, again)
		})
	}
}

func ping(t testing.TB, c net.Conn) {
	t.Helper()
	must(t, c.SetDeadline(time.Now().Add(2*time.Second)))
	if _, err := c.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
}

func TestListenersStay(t *testing.T) {
	l, client := newLAN(t), newHost(t)
	l.plug(t, us, "eth0")
	l.plug(t, client, "eth0")
	addAddr(t, "eth0", "10.77.0.1/24")
	client.do(t, func() { addAddr(t, "eth0", "10.77.0.9/24") })
	k := kernel(t, "10.77.0.5/32", "eth0")
	must(t, k.Hold(in(time.Minute)))
	server, err := net.Listen("tcp", "10.77.0.5:0")
	must(t, err)
	defer server.Close()
	must(t, k.Release())
	must(t, k.Hold(in(time.Minute)))
	client.do(t, func() {
		c, err := net.DialTimeout("tcp", server.Addr().String(), 2*time.Second)
		must(t, err)
		c.Close()
	})
}

func TestResetSessionsNotPermitted(t *testing.T) {
	l, client := newLAN(t), newHost(t)
	l.plug(t, us, "eth0")
	l.plug(t, client, "eth0")
	addAddr(t, "eth0", "10.77.0.1/24")
	client.do(t, func() { addAddr(t, "eth0", "10.77.0.9/24") })
	must(t, kernel(t, "10.77.0.5/32", "eth0").Hold(in(time.Minute)))
	conn := dialEcho(t, client, "10.77.0.5")
	var err error
	withoutPrivileges(t, func() {
		d, openErr := openDiag(10 * time.Second)
		must(t, openErr)
		err = d.reset(addrPrefix("10.77.0.5/32").Addr()) // what ResetSessions does, on this very thread
	})
	if !errors.Is(err, syscall.EPERM) {
		t.Errorf("%v", err)
	}
	ping(t, conn)
}

// What a kernel without CONFIG_INET_DIAG or CONFIG_INET_DIAG_DESTROY answers, and what becomes of it.
func TestNoSessionReset(t *testing.T) {
	for errno, want := range map[syscall.Errno]error{
		syscall.EOPNOTSUPP: ErrNoSessionReset,
		syscall.ENOENT:     nil,
		syscall.EPERM:      syscall.EPERM,
		0:                  nil,
	} {
		if got := destroyed(status(errorMessage(errno))); !errors.Is(got, want) {
			t.Errorf("destroy: %v becomes %v, want %v", errno, got, want)
		}
	}
	if got := listed(status(errorMessage(syscall.ENOENT))); !errors.Is(got, ErrNoSessionReset) {
		t.Errorf("list: %v", got)
	}
	if got := status(nil); got != nil {
		t.Errorf("no status: %v", got)
	}
}

func errorMessage(e syscall.Errno) []byte {
	n := uint32(-int32(e))
	return []byte{byte(n), byte(n >> 8), byte(n >> 16), byte(n >> 24)}
}

// A release of many sessions ends in time, done or not.
func TestResetManySessions(t *testing.T) {
	l, client := newLAN(t), newHost(t)
	l.plug(t, us, "eth0")
	l.plug(t, client, "eth0")
	addAddr(t, "eth0", "10.77.0.1/24")
	client.do(t, func() { addAddr(t, "eth0", "10.77.0.9/24") })
	var warnings []error
	k := New(Options{Prefix: addrPrefix("10.77.0.5/32"), Interface: "eth0", Warn: func(err error) { warnings = append(warnings, err) }})
	must(t, k.Hold(in(time.Minute)))
	server, err := net.Listen("tcp4", "10.77.0.5:0")
	must(t, err)
	defer server.Close()
	const sessions = 400
	client.do(t, func() {
		for range sessions {
			c, err := net.Dial("tcp", server.Addr().String())
			must(t, err)
			t.Cleanup(func() { c.Close() })
			s, err := server.Accept()
			must(t, err)
			t.Cleanup(func() { s.Close() })
		}
	})
	began := time.Now()
	must(t, k.Release())
	took := time.Since(began)
	t.Logf("%d sessions reset and the address released in %v; warnings: %v", sessions, took, warnings)
	if got := fmt.Sprint(addrs(t, "eth0")); got != "[10.77.0.1/24]" {
		t.Errorf("left: %s", got)
	}
	if took > 500*time.Millisecond {
		t.Errorf("took %v", took)
	}
}
