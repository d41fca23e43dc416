package vip

import (
	"fmt"
	"net"
	"time"

	"github.com/mdlayher/ethernet"
	"github.com/mdlayher/packet"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/vipctl/vipctl/reconcile"
)

// announcePatience is how long an announcement waits for its turn, where a link has had more frames than it may: one that has
// to wait longer is an error, and the next tick's.
const announcePatience = time.Second

// Announce implements [reconcile.Address]. A link that is down or has no carrier is an error: nobody was told. One that
// is down is an error too where there is nobody to tell, because nobody reaches the address there.
func (k *Kernel) Announce() error {
	link, err := k.findLink()
	if err != nil {
		return err
	}
	switch {
	case link.RawFlags&unix.IFF_UP == 0:
		err = unix.ENETDOWN
	case k.routed, !hasNeighbours(link):
	case link.RawFlags&unix.IFF_LOWER_UP == 0:
		// Sending would succeed: the kernel drops the frame without a word (seen on 6.18).
		err = fmt.Errorf("no carrier: %w", unix.ENETDOWN)
	default:
		err = k.announce(link)
	}
	if err != nil {
		return fmt.Errorf("announce %s on %s: %w", k.addr(), link.Name, err)
	}
	return nil
}

func (k *Kernel) announce(link *netlink.LinkAttrs) error {
	frames, err := announcement(k.addr(), link.HardwareAddr)
	if err != nil {
		return err
	}
	conn, err := k.listenPacket(link, nil)
	if err != nil {
		return err
	}
	// The kernel waits for an RCU grace period when it closes such a socket (packet_release), 10 ms or so that the
	// caller need not wait for.
	defer func() { go conn.Close() }()
	for i, f := range frames {
		switch err := k.turn(link.Index, i > 0); {
		case err != nil && i > 0: // the first form is out
			return nil
		case err != nil:
			return err
		}
		if _, err := conn.WriteTo(f.bytes, &packet.Addr{HardwareAddr: f.to}); err != nil {
			return err
		}
	}
	return nil
}

// turn waits until the link may be sent a frame of an announcement; one that only says it again does not wait.
func (k *Kernel) turn(link int, again bool) error {
	if again {
		if ok, _ := k.budget.take(link, keepForAgain); !ok {
			return reconcile.ErrUnasked
		}
		return nil
	}
	for end := k.clock() + announcePatience; ; {
		ok, after := k.budget.take(link, keepNone)
		switch {
		case ok:
			return nil
		case k.clock()+after > end:
			return reconcile.ErrUnasked
		}
		<-time.After(after)
	}
}

// listenPacket opens a packet socket for the ARP or IPv6 frames of a link.
func (k *Kernel) listenPacket(link *netlink.LinkAttrs, c *packet.Config) (*packet.Conn, error) {
	protocol := ethernet.EtherTypeARP
	if k.addr().Is6() {
		protocol = ethernet.EtherTypeIPv6
	}
	ifi := &net.Interface{Index: link.Index, Name: link.Name, HardwareAddr: link.HardwareAddr}
	return packet.Listen(ifi, packet.Raw, int(protocol), c)
}

// hasNeighbours reports whether hosts on the link find each other by ARP or neighbour discovery over Ethernet. On lo,
// tunnels and WireGuard there is nobody to tell.
func hasNeighbours(link *netlink.LinkAttrs) bool {
	return link.RawFlags&(unix.IFF_NOARP|unix.IFF_LOOPBACK) == 0 && len(link.HardwareAddr) == 6
}
