package vip

import (
	"encoding/binary"
	"net"
	"net/netip"

	"github.com/mdlayher/arp"
	"github.com/mdlayher/ethernet"
	"github.com/mdlayher/ndp"
	"golang.org/x/sys/unix"
)

var (
	allNodes    = netip.MustParseAddr("ff02::1")
	unspecified = netip.IPv6Unspecified()
)

// frame is an Ethernet frame and where it goes.
type frame struct {
	to    net.HardwareAddr
	bytes []byte
}

// announcement is what tells the neighbours that addr is at mac: for IPv4 the two forms of a
// gratuitous ARP, for IPv6 one neighbour advertisement.
//
// A neighbour whose entry is younger than a second (Linux's locktime) ignores a reply whose target
// MAC is the broadcast address. It takes a request, and a reply whose target MAC is our own
// (measured on Linux 6.18).
func announcement(addr netip.Addr, mac net.HardwareAddr) ([]frame, error) {
	if addr.Is6() {
		f, err := advertisement(addr, mac)
		return []frame{f}, err
	}
	request, err := arpFrame(arp.OperationRequest, mac, addr, make(net.HardwareAddr, 6), addr)
	if err != nil {
		return nil, err
	}
	reply, err := arpFrame(arp.OperationReply, mac, addr, mac, addr)
	return []frame{request, reply}, err
}

// probe asks who has addr without claiming it: an ARP probe (RFC 5227, section 2.1.1), or a
// neighbour solicitation from the unspecified address (RFC 4862, section 5.4.2), whose reply goes
// to all nodes. Both work on a link without any address.
func probe(addr netip.Addr, mac net.HardwareAddr) (frame, error) {
	if addr.Is6() {
		return solicitation(addr, mac)
	}
	return arpFrame(arp.OperationRequest, mac, netip.IPv4Unspecified(), make(net.HardwareAddr, 6), addr)
}

func arpFrame(op arp.Operation, mac net.HardwareAddr, sender netip.Addr, to net.HardwareAddr, target netip.Addr) (frame, error) {
	p, err := arp.NewPacket(op, mac, sender, to, target)
	if err != nil {
		return frame{}, err
	}
	payload, err := p.MarshalBinary()
	if err != nil {
		return frame{}, err
	}
	return etherFrame(ethernet.Broadcast, mac, ethernet.EtherTypeARP, payload)
}

// advertisement comes from the address itself, so that a link needs no other.
func advertisement(addr netip.Addr, mac net.HardwareAddr) (frame, error) {
	return ndpFrame(addr, allNodes, mac, &ndp.NeighborAdvertisement{
		Override:      true,
		TargetAddress: addr,
		Options:       []ndp.Option{&ndp.LinkLayerAddress{Direction: ndp.Target, Addr: mac}},
	})
}

func solicitation(addr netip.Addr, mac net.HardwareAddr) (frame, error) {
	group, err := ndp.SolicitedNodeMulticast(addr)
	if err != nil {
		return frame{}, err
	}
	return ndpFrame(unspecified, group, mac, &ndp.NeighborSolicitation{TargetAddress: addr})
}

func ndpFrame(from, to netip.Addr, mac net.HardwareAddr, m ndp.Message) (frame, error) {
	message, err := ndp.MarshalMessageChecksum(m, from, to)
	if err != nil {
		return frame{}, err
	}
	packet := []byte{0: 6 << 4, 6: unix.IPPROTO_ICMPV6, 7: ndp.HopLimit}
	binary.BigEndian.PutUint16(packet[4:], uint16(len(message)))
	packet = append(packet, from.AsSlice()...)
	packet = append(packet, to.AsSlice()...)
	packet = append(packet, message...)

	group := to.As16() // RFC 2464, section 7: 33:33 and the group's last four bytes
	return etherFrame(net.HardwareAddr{0x33, 0x33, group[12], group[13], group[14], group[15]}, mac, ethernet.EtherTypeIPv6, packet)
}

func etherFrame(to, from net.HardwareAddr, t ethernet.EtherType, payload []byte) (frame, error) {
	f := ethernet.Frame{Destination: to, Source: from, EtherType: t, Payload: payload}
	b, err := f.MarshalBinary()
	return frame{to, b}, err
}
