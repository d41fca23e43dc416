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

// claimant is who says in a frame that the address is its own: the sender of an ARP packet of either kind, or of a
// neighbour advertisement.
func (k *Kernel) claimant(b []byte) (net.HardwareAddr, bool) {
	var f ethernet.Frame
	if err := f.UnmarshalBinary(b); err != nil {
		return nil, false
	}
	mac, ok := net.HardwareAddr(nil), false
	switch f.EtherType {
	case ethernet.EtherTypeARP:
		mac, ok = arpSender(f.Payload, k.addr())
	case ethernet.EtherTypeIPv6:
		mac, ok = advertiser(f, k.addr())
	}
	// A group's address is nobody's.
	return mac, ok && len(mac) == 6 && mac[0]&1 == 0 && !bytes.Equal(mac, make([]byte, 6))
}

// arpSender is the sender in the packet, not in the frame: it is what the neighbours believe.
func arpSender(b []byte, addr netip.Addr) (net.HardwareAddr, bool) {
	var p arp.Packet
	if err := p.UnmarshalBinary(b); err != nil {
		return nil, false
	}
	return p.SenderHardwareAddr, p.SenderIP == addr
}

// advertiser is the MAC in the target link-layer option, or where that is missing the sender of the frame.
func advertiser(f ethernet.Frame, addr netip.Addr) (net.HardwareAddr, bool) {
	const header = 40
	b := f.Payload
	if len(b) < header || b[6] != unix.IPPROTO_ICMPV6 || b[7] != ndp.HopLimit {
		return nil, false
	}
	size := header + int(binary.BigEndian.Uint16(b[4:]))
	if len(b) < size {
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

// claimsOnly keeps the kernel from waking us for other frames than those that [Kernel.claimant] may take. It also
// drops what carries a VLAN's tag: a link that is a trunk receives the frames of VLANs that this host has no link for,
// and the same address may be somebody's there.
func claimsOnly(addr netip.Addr) *packet.Config {
	const (
		drop, take  = 0, 1 << 16
		vlanTag     = 1<<32 - 0x1000 + 44 // SKF_AD_OFF + SKF_AD_VLAN_TAG
		vlanPresent = 1<<32 - 0x1000 + 48 // SKF_AD_OFF + SKF_AD_VLAN_TAG_PRESENT
		word        = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
		octet       = unix.BPF_LD | unix.BPF_B | unix.BPF_ABS
		equal       = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
	)
	type load struct {
		op        uint16
		at, value uint32
	}
	loads := []load{}
	if addr.Is6() {
		loads = append(loads, load{octet, 20, unix.IPPROTO_ICMPV6}, load{octet, 54, 136})
	}
	// The sender's address in an ARP packet, the target of a neighbour advertisement.
	at := uint32(28)
	if addr.Is6() {
		at = 62
	}
	for b := addr.AsSlice(); len(b) > 0; b, at = b[4:], at+4 {
		loads = append(loads, load{word, at, binary.BigEndian.Uint32(b)})
	}

	program := []instruction{
		{Op: word, K: vlanPresent},
		{Op: equal, K: 0, Jt: 3},
		{Op: word, K: vlanTag},
		{Op: unix.BPF_ALU | unix.BPF_AND | unix.BPF_K, K: 0xfff},
		{Op: equal, K: 0, Jf: uint8(2*len(loads) + 1)}, // tag 0 is a priority and no VLAN
	}
	for i, l := range loads {
		program = append(program,
			instruction{Op: l.op, K: l.at},
			instruction{Op: equal, K: l.value, Jf: uint8(2*(len(loads)-i) - 1)})
	}
	program = append(program,
		instruction{Op: unix.BPF_RET | unix.BPF_K, K: take},
		instruction{Op: unix.BPF_RET | unix.BPF_K, K: drop})
	c := new(packet.Config)
	for _, i := range program {
		c.Filter = append(c.Filter, i)
	}
	return c
}
