package vip

import (
	"bytes"
	"encoding/binary"
	"net"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"
)

// FuzzClaimant: whatever is received, a claim is one that a neighbour has sent for this very
// address. What that is stands in claimsFrame once more, byte by byte.
func FuzzClaimant(f *testing.F) {
	mac := net.HardwareAddr{2, 0, 0, 0, 0, 1}
	addrs := []netip.Addr{netip.MustParseAddr("10.77.0.5"), netip.MustParseAddr("fd00::5")}
	for _, addr := range addrs {
		frames, err := announcement(addr, mac)
		must(f, err)
		question, err := probe(addr, mac)
		must(f, err)
		for _, fr := range append(frames, question) {
			f.Add(fr.bytes)
			f.Add(fr.bytes[:len(fr.bytes)-1])
			for _, tag := range []string{"\x81\x00\x00\x07", "\x88\xa8\x00\x07\x81\x00\x00\x08"} {
				f.Add(append(append(bytes.Clone(fr.bytes[:12]), tag...), fr.bytes[12:]...))
			}
			for _, at := range []int{14, 16, 18, 20, 21, 35, 55, 62, 78, 79} { // fields that make it something else
				if other := bytes.Clone(fr.bytes); at < len(other) {
					other[at] ^= 8
					f.Add(other)
				}
			}
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, addr := range addrs {
			mac, ok := claimant(b, addr)
			if !ok {
				continue
			}
			if len(mac) != 6 || mac[0]&1 != 0 || bytes.Equal(mac, make([]byte, 6)) {
				t.Errorf("%s claims %s in %x", mac, addr, b)
			}
			if !claimsFrame(b, addr) || !bytes.Contains(b, mac) {
				t.Errorf("%s claims %s in %x, which is no claim", mac, addr, b)
			}
		}
	})
}

// claimsFrame reports whether an Ethernet frame without a tag claims an address: an ARP request or
// reply of IPv4 over Ethernet (RFC 826), or a neighbour advertisement that no router has passed on
// (RFC 4861, section 7.1.2), whose options are not looked at here.
func claimsFrame(b []byte, addr netip.Addr) bool {
	if addr.Is4() {
		return len(b) >= 42 && bytes.Equal(b[12:20], []byte{8, 6, 0, 1, 8, 0, 6, 4}) && b[20] == 0 && (b[21] == 1 || b[21] == 2) &&
			bytes.Equal(b[28:32], addr.AsSlice())
	}
	return len(b) >= 78 && bytes.Equal(b[12:14], []byte{0x86, 0xdd}) && b[14]>>4 == 6 && b[20] == 58 && b[21] == 255 &&
		b[54] == 136 && b[55] == 0 && bytes.Equal(b[62:78], addr.AsSlice())
}

// FuzzTakes: a listening socket serves an address at its own port only, and only where it listens
// at that address or at all.
func FuzzTakes(f *testing.F) {
	socket := func(family byte, port uint16, source string, attributes ...byte) []byte {
		b := make([]byte, 72)
		b[0] = family
		binary.BigEndian.PutUint16(b[4:], port)
		copy(b[8:], netip.MustParseAddr(source).AsSlice())
		return append(b, attributes...)
	}
	only := attribute(11, []byte{1})
	f.Add(socket(unix.AF_INET, 5432, "0.0.0.0"), []byte{192, 0, 2, 10}, uint16(5432))
	f.Add(socket(unix.AF_INET, 5432, "192.0.2.10"), []byte{192, 0, 2, 10}, uint16(5432))
	f.Add(socket(unix.AF_INET6, 5432, "::", only...), []byte{192, 0, 2, 10}, uint16(5432))
	f.Add(socket(unix.AF_INET6, 5432, "::ffff:192.0.2.10", append([]byte{6, 0, 1, 0, 9, 9, 0, 0}, only...)...), []byte{192, 0, 2, 10}, uint16(5432))
	f.Add(socket(unix.AF_INET6, 5432, "2001:db8::10", 4, 0, 11, 0, 3, 0), netip.MustParseAddr("2001:db8::10").AsSlice(), uint16(5432))
	f.Add(socket(unix.AF_UNIX, 5432, "::"), []byte{192, 0, 2, 10}, uint16(5432))
	f.Fuzz(func(t *testing.T, data, vip []byte, port uint16) {
		addr, ok := netip.AddrFromSlice(vip)
		if !ok || addr.Is4In6() || !takes(data, netip.AddrPortFrom(addr, port)) {
			return
		}
		family, at := data[0], data[8:24]
		if family == unix.AF_INET {
			at = data[8:12]
		}
		listens, _ := netip.AddrFromSlice(at)
		if binary.BigEndian.Uint16(data[4:]) != port || family != unix.AF_INET && family != unix.AF_INET6 {
			t.Errorf("%x is taken for one at port %d", data, port)
		}
		if !listens.IsUnspecified() && listens.Unmap() != addr || family == unix.AF_INET && addr.Is6() {
			t.Errorf("%x is taken for one that serves %s", data, addr)
		}
	})
}

// FuzzDiagStatus: the end of a reply of the kernel's is no error, or the error that it names.
func FuzzDiagStatus(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{0xfe, 0xff, 0xff, 0xff})
	f.Add([]byte{0, 0, 0, 0, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		err := status(b)
		if zero := len(b) < 4 || bytes.Equal(b[:4], make([]byte, 4)); zero != (err == nil) {
			t.Errorf("%x: %v", b, err)
		}
		if err != nil && listed(err) == nil {
			t.Errorf("%x: a list without an error", b)
		}
	})
}
