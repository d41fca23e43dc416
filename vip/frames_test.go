package vip

import (
	"encoding/hex"
	"net"
	"net/netip"
	"strings"
	"testing"
)

func golden(t testing.TB, lines ...string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.NewReplacer(" ", "", ":", "").Replace(strings.Join(lines, "")))
	must(t, err)
	return b
}

const padding = "000000000000000000000000000000000000" // to the 60 bytes of a shortest frame

// The frames byte by byte, as RFC 826, RFC 5227 and RFC 4861 have them.
func TestFrames(t *testing.T) {
	mac := net.HardwareAddr{2, 0, 0, 0, 0, 1}
	v4, v6 := netip.MustParseAddr("10.77.0.5"), netip.MustParseAddr("2001:db8::77:5")
	first := func(f frame, err error) []frame { must(t, err); return []frame{f} }
	all := func(f []frame, err error) []frame { must(t, err); return f }
	for _, c := range []struct {
		name string
		got  []frame
		want [][]byte
	}{
		{"announce IPv4", all(announcement(v4, mac)), [][]byte{
			golden(t, "ff:ff:ff:ff:ff:ff 02:00:00:00:00:01 0806", "0001 0800 06 04 0001", // request
				"02:00:00:00:00:01 0a4d0005", "00:00:00:00:00:00 0a4d0005", padding),
			golden(t, "ff:ff:ff:ff:ff:ff 02:00:00:00:00:01 0806", "0001 0800 06 04 0002", // reply
				"02:00:00:00:00:01 0a4d0005", "02:00:00:00:00:01 0a4d0005", padding),
		}},
		{"probe IPv4", first(probe(v4, mac)), [][]byte{
			golden(t, "ff:ff:ff:ff:ff:ff 02:00:00:00:00:01 0806", "0001 0800 06 04 0001",
				"02:00:00:00:00:01 00000000", "00:00:00:00:00:00 0a4d0005", padding),
		}},
		{"announce IPv6", all(announcement(v6, mac)), [][]byte{
			golden(t, "33:33:00:00:00:01 02:00:00:00:00:01 86dd",
				"60000000 0020 3a ff", "20010db8000000000000000000770005", "ff020000000000000000000000000001",
				"88 00 f834 20000000", "20010db8000000000000000000770005", "02 01 02:00:00:00:00:01"),
		}},
		{"probe IPv6", first(probe(v6, mac)), [][]byte{
			golden(t, "33:33:ff:77:00:05 02:00:00:00:00:01 86dd",
				"60000000 0018 3a ff", "00000000000000000000000000000000", "ff0200000000000000000001ff770005",
				"87 00 4bf7 00000000", "20010db8000000000000000000770005"),
		}},
	} {
		if len(c.got) != len(c.want) {
			t.Errorf("%s: %d frames", c.name, len(c.got))
			continue
		}
		for i, f := range c.got {
			if string(f.bytes) != string(c.want[i]) {
				t.Errorf("%s:\n got %x\nwant %x", c.name, f.bytes, c.want[i])
			}
			if string(f.to) != string(f.bytes[:6]) {
				t.Errorf("%s goes to %s", c.name, f.to)
			}
		}
	}
}
