package config

import (
	"encoding/binary"
	"encoding/hex"
	"math/bits"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// link names a network link: by its name or an alternative name as the kernel allows them
// (dev_valid_name in Linux), or by its MAC. No name has a colon in it, so that a text with one is a
// MAC or wrong.
func link() kind[string] {
	const longest = 127 // ALTIFNAMSIZ less its final zero byte
	return kind[string]{show: asIs, parse: func(text string) (string, *wish) {
		w := &wish{want: "a link's name, alternative name or MAC"}
		before, _, colon := strings.Cut(text, ":")
		switch {
		case colon:
			return mac(text, before)
		case text == "", text == ".", text == "..", len(text) > longest, strings.Contains(text, "/"),
			!utf8.ValidString(text), strings.ContainsFunc(text, unicode.IsSpace), hasControl(text):
			return "", w
		}
		if name, _, at := strings.Cut(text, "@"); at {
			w.hint = "write " + quote(name) + ": after the @ ip shows another link"
			return "", w
		}
		return text, nil
	}}
}

// mac reads six bytes in hexadecimal with colons. name is what stands before the first colon.
func mac(text, name string) (string, *wish) {
	parts := strings.Split(text, ":")
	if len(parts) == 2 {
		return "", &wish{want: "a link's name, alternative name or MAC", hint: "an address label is not a link: write " + quote(name)}
	}
	bytes, err := hex.DecodeString(strings.Join(parts, ""))
	if err != nil || len(bytes) != 6 || slices.ContainsFunc(parts, func(p string) bool { return len(p) != 2 }) {
		return "", &wish{want: "a MAC such as 02:00:00:00:00:01"}
	}
	if bytes[0]&1 == 1 || !slices.ContainsFunc(bytes, func(b byte) bool { return b != 0 }) {
		return "", &wish{want: "the MAC of one link", hint: "this one stands for several or for none"}
	}
	return strings.ToLower(text), nil
}

// vipPrefix is an address that can be a VIP, with its prefix length. An address without a length is
// one host: any other length would be a guess, and would add a route to a whole network.
func vipPrefix() kind[netip.Prefix] {
	const want = "an IP address such as 192.0.2.10 or 192.0.2.10/24"
	return kind[netip.Prefix]{show: netip.Prefix.String, parse: func(text string) (netip.Prefix, *wish) {
		host, length, _ := strings.Cut(text, "/")
		addr, err := netip.ParseAddr(host)
		switch {
		case err != nil && strings.Contains(err.Error(), "leading zero"):
			return netip.Prefix{}, &wish{want: want, hint: "without leading zeros"}
		case err != nil:
			return netip.Prefix{}, &wish{want: want}
		case addr.Zone() != "":
			return netip.Prefix{}, &wish{want: want, hint: "the link stands in interface"}
		case addr.Is4In6():
			return netip.Prefix{}, &wish{want: "an IPv4 address as such", hint: "write " + strings.Replace(text, host, addr.Unmap().String(), 1)}
		}
		if what := notForVIP(addr); what != "" {
			return netip.Prefix{}, &wish{want: "an address that one host can have", hint: "this is " + what}
		}
		if length == "" && host == text {
			return netip.PrefixFrom(addr, addr.BitLen()), nil
		}
		return withLength(addr, length)
	}}
}

// notForVIP says why an address can be no VIP: it cannot move between hosts, or clients cannot
// reach it alone. It is empty for an address that can.
func notForVIP(addr netip.Addr) string {
	switch {
	case addr.IsUnspecified():
		return "the unspecified address"
	case addr.IsLoopback():
		return "a loopback address"
	case addr.IsMulticast():
		return "a multicast address"
	case addr.IsLinkLocalUnicast():
		return "a link-local address, which no router forwards"
	case addr == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return "the broadcast address"
	case addr.Is4() && addr.As4()[0] == 0:
		return "in 0.0.0.0/8, which means this network"
	}
	return ""
}

// withLength adds the prefix length that was written.
func withLength(addr netip.Addr, length string) (netip.Prefix, *wish) {
	one := addr.String()
	prefix, err := netip.ParsePrefix(one + "/" + length)
	switch {
	case err != nil && addr.Is4() && strings.Contains(length, "."):
		return netip.Prefix{}, maskWish(one, length)
	case err != nil:
		return netip.Prefix{}, &wish{want: "a prefix length from 1 to " + strconv.Itoa(addr.BitLen())}
	case prefix.Bits() == 0:
		return netip.Prefix{}, &wish{want: "a prefix length from 1 to " + strconv.Itoa(addr.BitLen()), hint: "write " + one + " for this address alone"}
	case addr.BitLen()-prefix.Bits() < 2: // RFC 3021, RFC 6164: no address of these is special
		return prefix, nil
	case prefix.Masked().Addr() == addr:
		return netip.Prefix{}, &wish{want: "an address in the network", hint: "this is the network itself"}
	case addr.Is4() && lastOf(prefix) == addr:
		return netip.Prefix{}, &wish{want: "an address in the network", hint: "this is the network's broadcast address"}
	}
	return prefix, nil
}

// maskWish turns a netmask into the prefix length that was meant, where it is one.
func maskWish(addr, mask string) *wish {
	w := &wish{want: "a prefix length from 1 to 32"}
	m, err := netip.ParseAddr(mask)
	if err != nil || !m.Is4() {
		return w
	}
	b := m.As4()
	m32 := binary.BigEndian.Uint32(b[:])
	if n := bits.LeadingZeros32(^m32); n > 0 && m32 == ^uint32(0)<<(32-n) {
		w.hint = "write " + addr + "/" + strconv.Itoa(n)
	}
	return w
}

// lastOf returns the last address of an IPv4 network.
func lastOf(prefix netip.Prefix) netip.Addr {
	b := prefix.Addr().As4()
	binary.BigEndian.PutUint32(b[:], binary.BigEndian.Uint32(b[:])|^uint32(0)>>prefix.Bits())
	return netip.AddrFrom4(b)
}
