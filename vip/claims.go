package vip

import (
	"bytes"
	"encoding/binary"
	"net"
	"net/netip"

	"github.com/mdlayher/arp"
	"github.com/mdlayher/ethernet"
	"github.com/mdlayher/ndp"
	"github.com/mdlayher/packet"
	"golang.org/x/sys/unix"
)

// claimant is who says in a frame that the address is its own: the sender of an ARP packet of
// either kind, or of a neighbour advertisement.
func claimant(b []byte, addr netip.Addr) (net.HardwareAddr, bool) {
	var f ethernet.Frame
	if err := f.UnmarshalBinary(b); err != nil || f.VLAN != nil || f.ServiceVLAN != nil { // in another VLAN it is another's
		return nil, false
	}
	mac, ok := net.HardwareAddr(nil), false
	switch f.EtherType {
	case ethernet.EtherTypeARP:
		mac, ok = arpSender(f.Payload, addr)
	case ethernet.EtherTypeIPv6:
		mac, ok = advertiser(f, addr)
	}
	// A group's address is nobody's.
	return mac, ok && len(mac) == 6 && mac[0]&1 == 0 && !bytes.Equal(mac, make([]byte, 6))
}

// arpSender is the sender in the packet, not in the frame: it is what the neighbours believe.
func arpSender(b []byte, addr netip.Addr) (net.HardwareAddr, bool) {
	const overEthernet = 1
	var p arp.Packet
	if err := p.UnmarshalBinary(b); err != nil || p.HardwareType != overEthernet || p.ProtocolType != uint16(ethernet.EtherTypeIPv4) {
		return nil, false
	}
	eitherKind := p.Operation == arp.OperationRequest || p.Operation == arp.OperationReply // not RARP's and its kin's
	return p.SenderHardwareAddr, eitherKind && p.SenderIP == addr
}

// advertiser is the MAC in the target link-layer option. Where that is missing, it is the sender of
// the frame.
func advertiser(f ethernet.Frame, addr netip.Addr) (net.HardwareAddr, bool) {
	const header = 40
	b := f.Payload
	if len(b) < header || b[0]>>4 != 6 || b[6] != unix.IPPROTO_ICMPV6 || b[7] != ndp.HopLimit {
		return nil, false
	}
	size := header + int(binary.BigEndian.Uint16(b[4:]))
	if len(b) < size || size < header+2 || b[header+1] != 0 { // the code; ndp does not look at it
		return nil, false
	}
	m, err := ndp.ParseMessage(b[header:size])
	if err != nil {
		return nil, false
	}
	na, ok := m.(*ndp.NeighborAdvertisement)
	if !ok || na.TargetAddress != addr {
		return nil, false
	}
	for _, o := range na.Options {
		if lla, ok := o.(*ndp.LinkLayerAddress); ok && lla.Direction == ndp.Target {
			return lla.Addr, true
		}
	}
	return f.Source, true
}

// instruction is bpf.RawInstruction, whose package is no dependency of ours.
type instruction = struct {
	Op     uint16
	Jt, Jf uint8
	K      uint32
}

// claimsOnly keeps the kernel from waking us for other frames than those that [claimant] may take.
// It also drops what the kernel marks as another host's. The kernel marks so the frames of VLANs
// that this host has no link for: a trunk brings them, and they come without their tag
// (net/core/dev.c, __netif_receive_skb_core). In another VLAN the same address may be somebody
// else's.
func claimsOnly(addr netip.Addr) *packet.Config {
	const (
		packetType = 1<<32 - 0x1000 + 4                      // SKF_AD_OFF + SKF_AD_PKTTYPE
		load4      = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS // four bytes
		load1      = unix.BPF_LD | unix.BPF_B | unix.BPF_ABS // one
		equal      = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
		take       = unix.BPF_RET | unix.BPF_K // so many bytes
	)
	type field struct {
		load      uint16
		at, value uint32
	}
	var fields []field
	at := uint32(28) // the sender's address in an ARP packet
	if addr.Is6() {
		fields = append(fields, field{load1, 20, unix.IPPROTO_ICMPV6}, field{load1, 54, 136})
		at = 62 // the target of a neighbour advertisement
	}
	for b := addr.AsSlice(); len(b) > 0; b, at = b[4:], at+4 {
		fields = append(fields, field{load4, at, binary.BigEndian.Uint32(b)})
	}

	c := new(packet.Config)
	add := func(i instruction) { c.Filter = append(c.Filter, i) }
	add(instruction{Op: load4, K: packetType})
	add(instruction{Op: equal, K: unix.PACKET_OTHERHOST, Jt: uint8(2*len(fields) + 1)})
	for i, f := range fields {
		add(instruction{Op: f.load, K: f.at})
		add(instruction{Op: equal, K: f.value, Jf: uint8(2*(len(fields)-i) - 1)})
	}
	add(instruction{Op: take, K: 1 << 16}) // the whole frame
	add(instruction{Op: take, K: 0})
	return c
}
