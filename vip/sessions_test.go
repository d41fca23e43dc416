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

	"github.com/vipctl/vipctl/reconcile/policy"
)

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
			must(t, k.Keep(in(time.Minute)))

			theirEnd, ourEnd := dialServer(t, client, c.network, k.addr().String())
			other, _ := dialServer(t, client, c.network, netip.MustParsePrefix(c.own).Addr().String())
			ping(t, theirEnd)
			began := time.Now()
			must(t, k.Release())
			t.Logf("released in %v", time.Since(began))
			must(t, theirEnd.SetDeadline(time.Now().Add(2*time.Second)))
			if _, err := theirEnd.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("the client gets %v, want a reset", err)
			}
			if _, err := ourEnd.Write([]byte("x")); err == nil {
				t.Error("our end can still write")
			}
			ping(t, other)

			// Whoever listens on the VIP itself goes on doing so: here for a claim a second later.
			must(t, k.Keep(in(time.Minute)))
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
	must(t, k.Keep(in(time.Minute)))
	server, err := net.Listen("tcp", "10.77.0.5:0")
	must(t, err)
	defer server.Close()
	must(t, k.Release())
	must(t, k.Keep(in(time.Minute)))
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
	must(t, kernel(t, "10.77.0.5/32", "eth0").Keep(in(time.Minute)))
	conn := dialEcho(t, client, "10.77.0.5")
	var err error
	withoutPrivileges(t, func() {
		d, openErr := openDiag(10 * time.Second)
		must(t, openErr)
		err = sessions{d, netip.MustParsePrefix("10.77.0.5/32").Addr()}.reset() // what resetSessions does, on this very thread
	})
	if !errors.Is(err, syscall.EPERM) {
		t.Errorf("%v", err)
	}
	ping(t, conn)
}

// What a kernel without CONFIG_INET_DIAG or CONFIG_INET_DIAG_DESTROY answers, and what becomes of
// it.
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
	k := New(Options{Clock: bootTime, Prefix: netip.MustParsePrefix("10.77.0.5/32"), Interface: "eth0", Warn: func(err error) { warnings = append(warnings, err) }})
	must(t, k.Keep(in(time.Minute)))
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

// An established connection survives renewals and changes of the prefix.
func TestConnectionSurvives(t *testing.T) {
	for _, c := range []struct{ addr, own, client, short, long string }{
		{"10.77.0.5", "10.77.0.1/24", "10.77.0.9/24", "10.77.0.5/24", "10.77.0.5/32"},
		{"fd00::5", "fd00::1/64", "fd00::9/64", "fd00::5/64", "fd00::5/128"},
	} {
		t.Run(c.addr, func(t *testing.T) {
			l, client := newLAN(t), newHost(t)
			l.plug(t, us, "eth0")
			l.plug(t, client, "eth0")
			addAddr(t, "eth0", c.own)
			client.do(t, func() { addAddr(t, "eth0", c.client) })
			must(t, kernel(t, c.long, "eth0").Keep(in(time.Minute)))

			conn := dialEcho(t, client, c.addr)
			stop, slowest := make(chan struct{}), make(chan time.Duration)
			go func() {
				var worst time.Duration
				defer func() { slowest <- worst }()
				for b := make([]byte, 1); ; {
					select {
					case <-stop:
						return
					default:
					}
					began := time.Now()
					_ = conn.SetDeadline(began.Add(5 * time.Second))
					if _, err := conn.Write(b); err != nil {
						t.Error(err)
						return
					}
					if _, err := conn.Read(b); err != nil {
						t.Error(err)
						return
					}
					worst = max(worst, time.Since(began))
				}
			}()
			for i := range 200 {
				must(t, kernel(t, c.short, "eth0").Keep(in(time.Minute)))
				must(t, kernel(t, c.short, "eth0").Keep(in(time.Duration(30+i)*time.Second)))
				must(t, kernel(t, c.long, "eth0").Keep(policy.Forever))
				must(t, kernel(t, c.long, "eth0").Keep(in(time.Minute)))
			}
			close(stop)
			t.Logf("slowest answer during 400 changes of prefix and 400 renewals: %v", <-slowest)
		})
	}
}

// dialEcho connects the client to an echo server on the address.
func dialEcho(t testing.TB, client host, addr string) net.Conn {
	t.Helper()
	conn, _ := dialServer(t, client, "tcp", addr)
	return conn
}

// dialServer starts an echo server on any address of ours that network allows, and connects the
// client to it through addr. It returns both ends.
func dialServer(t testing.TB, client host, network, addr string) (clientEnd, serverEnd net.Conn) {
	t.Helper()
	server, err := net.Listen(network, ":0")
	must(t, err)
	t.Cleanup(func() { server.Close() })
	accepted := make(chan net.Conn, 1)
	go func() {
		c, err := server.Accept()
		if err != nil {
			close(accepted)
			return
		}
		accepted <- c
		b := make([]byte, 1)
		for {
			if _, err := c.Read(b); err != nil {
				return
			}
			if _, err := c.Write(b); err != nil {
				return
			}
		}
	}()
	_, port, _ := net.SplitHostPort(server.Addr().String())
	client.do(t, func() { clientEnd, err = net.DialTimeout("tcp", net.JoinHostPort(addr, port), 5*time.Second) })
	must(t, err)
	serverEnd = <-accepted
	t.Cleanup(func() { clientEnd.Close(); serverEnd.Close() })
	return clientEnd, serverEnd
}
