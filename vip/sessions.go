package vip

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// ErrNoSessionReset is the warning of Release where the kernel was built without INET_DIAG or
// INET_DIAG_DESTROY.
var ErrNoSessionReset = errors.New("this kernel cannot reset TCP sessions (CONFIG_INET_DIAG_DESTROY)")

// sessionPatience is how long a release waits for its sessions to be reset.
const sessionPatience = 50 * time.Millisecond

// resetSessions resets every TCP session whose local address is addr, IPv4-mapped ones included:
// its client gets a RST at once instead of waiting for a reply that never comes. Listening sockets
// stay. It ends when the budget is spent, done or not.
func resetSessions(addr netip.Addr, budget time.Duration) error {
	d, err := openDiag(budget)
	if err != nil {
		return fmt.Errorf("reset sessions of %s: %w", addr, ErrNoSessionReset)
	}
	done := make(chan error, 1)
	go func() {
		defer d.close()
		done <- sessions{d, addr}.reset()
	}()
	select {
	case err = <-done:
	case <-time.After(budget):
		err = errOutOfTime
	}
	if err != nil {
		return fmt.Errorf("reset sessions of %s: %w", addr, err)
	}
	return nil
}

// sessions are the TCP sessions whose local address is addr.
type sessions struct {
	diag *diag
	addr netip.Addr
}

func (s sessions) reset() error {
	families := []uint8{unix.AF_INET6}
	if s.addr.Is4() {
		families = []uint8{unix.AF_INET, unix.AF_INET6}
	}
	var all []inetDiagMsg
	for _, family := range families {
		found, err := s.list(family)
		if err != nil {
			return err
		}
		all = append(all, found...)
	}
	for _, m := range all {
		if err := s.destroy(m); err != nil {
			return err
		}
	}
	return nil
}

// list asks for the sessions of a family's sockets.
func (s sessions) list(family uint8) ([]inetDiagMsg, error) {
	const (
		listen, closed, timeWait = 10, 7, 6 // linux/tcp_states.h
		bytecode                 = 1        // INET_DIAG_REQ_BYTECODE
	)
	req := inetDiagReqV2{Family: family, Protocol: unix.IPPROTO_TCP, States: 0xffff &^ (1<<listen | 1<<closed | 1<<timeWait)}
	var found []inetDiagMsg
	err := s.diag.ask(unix.SOCK_DIAG_BY_FAMILY, unix.NLM_F_DUMP, req, attribute(bytecode, sourceIs(s.addr)), func(data []byte) {
		var m inetDiagMsg
		if _, err := binary.Decode(data, binary.NativeEndian, &m); err == nil {
			found = append(found, m)
		}
	})
	return found, listed(err)
}

// listed is what the error of a list means. Without INET_DIAG there is nobody to ask.
func listed(err error) error {
	if errors.Is(err, unix.ENOENT) {
		return ErrNoSessionReset
	}
	return err
}

// destroy resets one session.
func (s sessions) destroy(m inetDiagMsg) error {
	req := inetDiagReqV2{Family: m.Family, Protocol: unix.IPPROTO_TCP, ID: m.ID}
	return destroyed(s.diag.ask(unix.SOCK_DESTROY, unix.NLM_F_ACK, req, nil, func([]byte) {}))
}

// destroyed is what the error of a reset means. A session that has ended meanwhile is reset.
func destroyed(err error) error {
	switch {
	case errors.Is(err, unix.ENOENT):
		return nil
	case errors.Is(err, unix.EOPNOTSUPP):
		return ErrNoSessionReset
	}
	return err
}

// sourceIs is a program for the kernel's filter (linux/inet_diag.h): INET_DIAG_BC_S_COND with an
// address. A condition for IPv4 is also met by the IPv4-mapped address of an IPv6 socket
// (net/ipv4/inet_diag.c, inet_diag_bc_run).
func sourceIs(addr netip.Addr) []byte {
	const sourceCondition, anyPort = 7, 0xffffffff
	family := byte(unix.AF_INET)
	if addr.Is6() {
		family = unix.AF_INET6
	}
	size := 4 + 8 + addr.BitLen()/8
	b := []byte{sourceCondition, byte(size)}
	b = binary.NativeEndian.AppendUint16(b, uint16(size+4)) // no: beyond the end, which rejects
	b = append(b, family, byte(addr.BitLen()), 0, 0)
	b = binary.NativeEndian.AppendUint32(b, anyPort)
	return append(b, addr.AsSlice()...)
}
