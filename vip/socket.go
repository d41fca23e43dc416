package vip

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/mdlayher/ethernet"
	"github.com/mdlayher/packet"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// frameSocket is a packet socket for the ARP or IPv6 frames of a link.
type frameSocket struct {
	conn *packet.Conn
	buf  []byte
}

// openSocket opens the socket that fits the address. The configuration may be nil: then the socket
// receives all such frames.
func openSocket(link *netlink.LinkAttrs, addr netip.Addr, c *packet.Config) (*frameSocket, error) {
	protocol := ethernet.EtherTypeARP
	if addr.Is6() {
		protocol = ethernet.EtherTypeIPv6
	}
	ifi := &net.Interface{Index: link.Index, Name: link.Name, HardwareAddr: link.HardwareAddr}
	conn, err := packet.Listen(ifi, packet.Raw, int(protocol), c)
	if err != nil {
		return nil, err
	}
	return &frameSocket{conn: conn}, nil
}

// close does not wait. The kernel waits for an RCU grace period when it closes such a socket
// (packet_release), 10 ms or so that the caller need not wait for.
func (s *frameSocket) close() { go s.conn.Close() }

func (s *frameSocket) send(f frame) error {
	_, err := s.conn.WriteTo(f.bytes, &packet.Addr{HardwareAddr: f.to})
	return err
}

// receive returns one frame, which is good until the next call. It is nil where no frame came
// before the deadline, before ctx ended, or while the link was down. Who ends ctx must call wake
// then.
func (s *frameSocket) receive(ctx context.Context, deadline time.Time) ([]byte, error) {
	if err := s.conn.SetReadDeadline(deadline); err != nil {
		return nil, err
	}
	if ctx.Err() != nil { // it may have ended just before, and wake's deadline been overwritten
		return nil, nil
	}
	if s.buf == nil {
		s.buf = make([]byte, 1500)
	}
	n, _, err := s.conn.ReadFrom(s.buf)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded), err != nil && passes(err):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return s.buf[:n], nil
}

// wake ends a receive that waits. It may be called concurrently with it.
func (s *frameSocket) wake() { _ = s.conn.SetReadDeadline(time.Unix(1, 0)) }

// passes reports whether an error is that of a link that is down, has no carrier or has a full
// queue: the link may come back.
func passes(err error) bool {
	return errors.Is(err, unix.ENETDOWN) || errors.Is(err, unix.ENOBUFS) || errors.Is(err, unix.EAGAIN)
}
