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

// ErrNoSessionReset is returned where the kernel was built without INET_DIAG or INET_DIAG_DESTROY.
var ErrNoSessionReset = errors.New("this kernel cannot reset TCP sessions (CONFIG_INET_DIAG_DESTROY)")

var errOutOfTime = errors.New("out of time")

// resetSessions resets every TCP session whose local address is ours, IPv4-mapped ones included: its client gets a RST
// at once instead of waiting for an answer that never comes. Listening sockets stay. It ends after 50 ms, done or not.
func (k *Kernel) resetSessions() error {
	d, err := openDiag(k.sessionBudget)
	if err != nil {
		return fmt.Errorf("reset sessions of %s: %w", k.addr(), err)
	}
	done := make(chan error, 1)
	go func() {
		defer unix.Close(d.fd)
		done <- d.reset(k.addr())
	}()
	select {
	case err = <-done:
	case <-time.After(k.sessionBudget):
		err = errOutOfTime
	}
	if err != nil {
		return fmt.Errorf("reset sessions of %s: %w", k.addr(), err)
	}
	return nil
}

// diag is a sock_diag socket. netlink's own SocketDestroy knows IPv4 sockets only.
type diag struct {
	fd       int
	deadline time.Time
}

func openDiag(budget time.Duration) (*diag, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return nil, ErrNoSessionReset
	}
	timeout := unix.NsecToTimeval(budget.Nanoseconds())
	_ = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &timeout)
	return &diag{fd, time.Now().Add(budget)}, nil
}

// The kernel's structures, linux/inet_diag.h. A socket's ID is only handed back, so its parts don't matter.
type (
	inetDiagSockID [48]byte
	inetDiagReqV2  struct {
		Family, Protocol, Ext, Pad uint8
		States                     uint32
		ID                         inetDiagSockID
	}
	inetDiagMsg struct {
		Family, State, Timer, Retrans       uint8
		ID                                  inetDiagSockID
		Expires, RQueue, WQueue, UID, INode uint32
	}
)

func (d *diag) reset(addr netip.Addr) error {
	families := []uint8{unix.AF_INET6}
	if addr.Is4() {
		families = []uint8{unix.AF_INET, unix.AF_INET6}
	}
	var all []inetDiagMsg
	for _, family := range families {
		found, err := d.list(family, addr)
		if err != nil {
			return err
		}
		all = append(all, found...)
	}
	for _, s := range all {
		if err := d.destroy(s); err != nil {
			return err
		}
	}
	return nil
}

// list asks for the sockets with the local address addr.
func (d *diag) list(family uint8, addr netip.Addr) ([]inetDiagMsg, error) {
	const (
		listen, closed, timeWait = 10, 7, 6 // linux/tcp_states.h
		bytecode                 = 1        // INET_DIAG_REQ_BYTECODE
	)
	req := inetDiagReqV2{Family: family, Protocol: unix.IPPROTO_TCP, States: 0xffff &^ (1<<listen | 1<<closed | 1<<timeWait)}
	var found []inetDiagMsg
	err := d.ask(unix.SOCK_DIAG_BY_FAMILY, unix.NLM_F_DUMP, req, attribute(bytecode, sourceIs(addr)), func(data []byte) {
		var m inetDiagMsg
		if _, err := binary.Decode(data, binary.NativeEndian, &m); err == nil {
			found = append(found, m)
		}
	})
	return found, listed(err)
}

// listed is what the error of a list means: without INET_DIAG there is nobody to ask.
func listed(err error) error {
	if errors.Is(err, unix.ENOENT) {
		return ErrNoSessionReset
	}
	return err
}

// destroy resets one session.
func (d *diag) destroy(s inetDiagMsg) error {
	req := inetDiagReqV2{Family: s.Family, Protocol: unix.IPPROTO_TCP, ID: s.ID}
	return destroyed(d.ask(unix.SOCK_DESTROY, unix.NLM_F_ACK, req, nil, func([]byte) {}))
}

// destroyed is what the error of a reset means; a session that has ended meanwhile is reset.
func destroyed(err error) error {
	switch {
	case errors.Is(err, unix.ENOENT):
		return nil
	case errors.Is(err, unix.EOPNOTSUPP):
		return ErrNoSessionReset
	}
	return err
}

// ask sends one request and calls each with every message of the answer.
func (d *diag) ask(kind, flags uint16, req inetDiagReqV2, attributes []byte, each func(data []byte)) error {
	if time.Now().After(d.deadline) {
		return errOutOfTime
	}
	size := unix.SizeofNlMsghdr + binary.Size(req) + len(attributes)
	b, err := binary.Append(nil, binary.NativeEndian, unix.NlMsghdr{Len: uint32(size), Type: kind, Flags: unix.NLM_F_REQUEST | flags})
	if err != nil {
		return err
	}
	if b, err = binary.Append(b, binary.NativeEndian, req); err != nil {
		return err
	}
	if err := unix.Sendto(d.fd, append(b, attributes...), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return err
	}
	buf := make([]byte, 32<<10)
	for {
		n, _, err := unix.Recvfrom(d.fd, buf, 0)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EAGAIN), time.Now().After(d.deadline):
			return errOutOfTime
		case err != nil:
			return err
		}
		messages, err := syscall.ParseNetlinkMessage(buf[:n])
		if err != nil {
			return err
		}
		for _, m := range messages {
			switch m.Header.Type {
			case unix.NLMSG_DONE, unix.NLMSG_ERROR:
				return status(m.Data)
			}
			each(m.Data)
		}
	}
}

// status is the error number that ends an answer, 0 for none.
func status(b []byte) error {
	if len(b) < 4 {
		return nil
	}
	if errno := int32(binary.NativeEndian.Uint32(b)); errno != 0 {
		return syscall.Errno(-errno)
	}
	return nil
}

// sourceIs is a program for the kernel's filter (linux/inet_diag.h): INET_DIAG_BC_S_COND with an address. A condition
// for IPv4 is also met by the IPv4-mapped address of an IPv6 socket (net/ipv4/inet_diag.c, inet_diag_bc_run).
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

func attribute(kind uint16, value []byte) []byte {
	b := binary.NativeEndian.AppendUint16(nil, uint16(unix.SizeofRtAttr+len(value)))
	b = binary.NativeEndian.AppendUint16(b, kind)
	return append(b, value...)
}
