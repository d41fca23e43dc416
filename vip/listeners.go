package vip

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Listened reports whether a TCP server on this host would take connections to an address and port
// if the address were here: the server listens there, or at every address. Listened asks the kernel
// (sock_diag) and connects to nobody. It takes a quarter of a second at most, and may be called
// concurrently. It is an error where the kernel does not say, or not in time.
func Listened(at netip.AddrPort) (bool, error) {
	const budget = 250 * time.Millisecond
	d, err := openDiag(budget)
	if err != nil {
		return false, fmt.Errorf("ask who listens at %s: %w", at, errNoDiag)
	}
	defer d.close()
	for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} {
		found := false
		req := inetDiagReqV2{Family: family, Protocol: unix.IPPROTO_TCP, States: 1 << stateListen}
		err := d.ask(unix.SOCK_DIAG_BY_FAMILY, unix.NLM_F_DUMP, req, nil, func(data []byte) {
			found = found || takes(data, at)
		})
		if err != nil {
			return false, fmt.Errorf("ask who listens at %s: %w", at, err)
		}
		if found {
			return true, nil
		}
	}
	return false, nil
}

var errNoDiag = errors.New("this kernel does not say (CONFIG_INET_DIAG)")

const stateListen = 10 // TCP_LISTEN, include/net/tcp_states.h

// takes reports whether a listening socket, a struct inet_diag_msg with attributes, takes
// connections to an address. An IPv6 socket at every address takes those to IPv4 addresses too,
// unless it is told not to (IPV6_V6ONLY, which PostgreSQL sets).
func takes(data []byte, at netip.AddrPort) bool {
	const (
		port, source = 4, 8 // of the socket's ID, behind four bytes
		size         = 72
	)
	if len(data) < size || binary.BigEndian.Uint16(data[port:]) != at.Port() {
		return false
	}
	switch data[0] {
	case unix.AF_INET:
		ip := netip.AddrFrom4([4]byte(data[source : source+4]))
		return at.Addr().Is4() && (ip.IsUnspecified() || ip == at.Addr())
	case unix.AF_INET6:
	default:
		return false
	}
	ip := netip.AddrFrom16([16]byte(data[source : source+16]))
	if ip.IsUnspecified() {
		return at.Addr().Is6() || !onlyIPv6(data[size:])
	}
	return ip.Unmap() == at.Addr()
}

// onlyIPv6 reads INET_DIAG_SKV6ONLY, which the kernel tells of each listening IPv6 socket
// (net/ipv4/inet_diag.c, inet_diag_msg_attrs_fill).
func onlyIPv6(attributes []byte) bool {
	const v6only = 11 // include/uapi/linux/inet_diag.h
	for len(attributes) >= unix.SizeofRtAttr {
		size := int(binary.NativeEndian.Uint16(attributes))
		if size < unix.SizeofRtAttr || size > len(attributes) {
			return false
		}
		if binary.NativeEndian.Uint16(attributes[2:]) == v6only && size > unix.SizeofRtAttr {
			return attributes[unix.SizeofRtAttr] != 0
		}
		attributes = attributes[min(len(attributes), (size+syscall.NLMSG_ALIGNTO-1)&^(syscall.NLMSG_ALIGNTO-1)):]
	}
	return false
}
