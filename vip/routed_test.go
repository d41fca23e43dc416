package vip

import (
	"bytes"
	"errors"
	"os"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func routed(o *Options) { o.Routed = true }

// A routed address is held like any other, and nobody on the link is told of it.
func TestRoutedIsQuiet(t *testing.T) {
	for _, prefix := range []string{"10.77.0.5/32", "fd00::5/128"} {
		t.Run(prefix, func(t *testing.T) {
			l, neighbour := newLAN(t), newHost(t)
			mac := l.plug(t, us, "eth0")
			l.plug(t, neighbour, "eth0")
			neighbour.do(t, func() { addAddr(t, "eth0", prefix) }) // and would answer
			wire := neighbour.capture(t, "eth0")
			k := kernel(t, prefix, "eth0", routed)
			must(t, k.Keep(in(time.Minute)))
			if got := addrs(t, "eth0"); !slices.Equal(got, []string{prefix}) {
				t.Errorf("%v", got)
			}
			must(t, k.Announce())
			wantNobody(t, k)

			marker := kernel(t, "10.77.0.99/32", "eth0")
			must(t, marker.Keep(in(time.Minute)))
			must(t, marker.Announce())
			last, err := announcement(marker.addr(), mac)
			must(t, err)
			question, err := probe(k.addr(), mac)
			must(t, err)
			unwanted, err := announcement(k.addr(), mac)
			must(t, err)
			unwanted = append(unwanted, question)
			must(t, wire.SetReadDeadline(time.Now().Add(2*time.Second)))
			for b := make([]byte, 2048); !bytes.HasPrefix(b, last[0].bytes); {
				n, _, err := wire.ReadFrom(b)
				must(t, err)
				if slices.ContainsFunc(unwanted, func(f frame) bool { return bytes.HasPrefix(b[:n], f.bytes) }) {
					t.Errorf("sent %x", b[:n])
				}
			}
		})
	}
}

// Where nobody is told, a link that is down must be an error all the same: what was announced
// without one counts as claimed, and is claimed again by every tick, since Look says that the
// address is not as it should be.
func TestAnnounceOnALinkThatIsDown(t *testing.T) {
	newLAN(t).plug(t, us, "eth0")
	linkDown(t, "eth0")
	for _, prefix := range []string{"10.77.0.5/32", "fd00::5/128"} {
		for _, k := range []*Kernel{kernel(t, prefix, "eth0"), kernel(t, prefix, "eth0", routed)} {
			want := "announce " + k.addr().String() + " on eth0: network is down"
			if err := k.Announce(); !errors.Is(err, unix.ENETDOWN) || err.Error() != want {
				t.Errorf("%v, want %s", err, want)
			}
		}
	}
}

// A link that is not there keeps a routed address from being held, and not from waiting out a
// hand-over.
func TestRoutedWithoutALink(t *testing.T) {
	newLAN(t).plug(t, us, "eth0")
	k := kernel(t, "10.77.0.5/32", "eth7", routed)
	for name, err := range map[string]error{"hold": k.Keep(in(time.Minute)), "announce": k.Announce()} {
		if !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: %v", name, err)
		}
	}
	wantNobody(t, k)
	must(t, k.Release())
}
