package vip

import (
	"encoding/binary"
	"errors"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

var errOutOfTime = errors.New("out of time")

// diag is a sock_diag(7) socket, which knows the TCP sockets of this network namespace. (netlink's
// own SocketDestroy knows IPv4 sockets only.)
type diag struct {
	fd       int
	deadline time.Time
}

// openDiag opens a socket that serves for the budget. Its error means that the kernel has no
// sock_diag (CONFIG_INET_DIAG).
func openDiag(budget time.Duration) (*diag, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return nil, err
	}
	timeout := unix.NsecToTimeval(budget.Nanoseconds())
	_ = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &timeout)
	return &diag{fd, time.Now().Add(budget)}, nil
}

func (d *diag) close() { unix.Close(d.fd) }

// The kernel's structures, linux/inet_diag.h. The ID of a socket is only handed back, so that its
// parts do not matter.
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

// ask sends one request and calls each with every message of the reply.
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

// status is the error number that ends a reply, 0 for none.
func status(b []byte) error {
	if len(b) < 4 {
		return nil
	}
	if errno := int32(binary.NativeEndian.Uint32(b)); errno != 0 {
		return syscall.Errno(-errno)
	}
	return nil
}

func attribute(kind uint16, value []byte) []byte {
	b := binary.NativeEndian.AppendUint16(nil, uint16(unix.SizeofRtAttr+len(value)))
	b = binary.NativeEndian.AppendUint16(b, kind)
	return append(b, value...)
}
