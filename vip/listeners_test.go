package vip

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// TestListened: for each way to listen, which of an IPv4 and an IPv6 VIP it serves. The VIPs are
// not here: a server listens at them with ip_nonlocal_bind alone, which IP_FREEBIND stands for.
func TestListened(t *testing.T) {
	if noKernel != "" {
		t.Skip(noKernel)
	}
	v4, v6 := netip.MustParseAddr("192.0.2.10"), netip.MustParseAddr("2001:db8::10")
	for listen, want := range map[string]string{
		"tcp4 127.0.0.1":        "",
		"tcp6 ::1":              "",
		"tcp4 0.0.0.0":          "4",
		"tcp6 ::":               "6",
		"tcp ::":                "46",
		"tcp4 192.0.2.10":       "4",
		"tcp4 192.0.2.1":        "",
		"tcp6 2001:db8::10":     "6",
		"tcp ::ffff:192.0.2.10": "4",
	} {
		t.Run(listen, func(t *testing.T) {
			network, host, _ := strings.Cut(listen, " ")
			l, err := freeBind().Listen(context.Background(), network, net.JoinHostPort(host, "0"))
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			port := uint16(l.Addr().(*net.TCPAddr).Port)
			got := ""
			for name, addr := range map[string]netip.Addr{"4": v4, "6": v6} {
				served, err := Listened(netip.AddrPortFrom(addr, port))
				if err != nil {
					t.Fatal(err)
				}
				if served && name == "4" {
					got = name + got
				} else if served {
					got += name
				}
				if other, _ := Listened(netip.AddrPortFrom(addr, port-1)); other {
					t.Errorf("%s: served at port %d, where nobody listens", addr, port-1)
				}
			}
			if got != want {
				t.Errorf("serves %q, want %q", got, want)
			}
		})
	}
}

// freeBind listens at addresses that are not here.
func freeBind() *net.ListenConfig {
	return &net.ListenConfig{Control: func(network, _ string, c syscall.RawConn) (err error) {
		failed := c.Control(func(fd uintptr) {
			if network == "tcp4" {
				err = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_FREEBIND, 1)
			} else {
				err = unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_FREEBIND, 1)
			}
		})
		if failed != nil {
			return failed
		}
		return err
	}}
}
