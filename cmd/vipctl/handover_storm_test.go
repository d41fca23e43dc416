package main

import (
	"math/rand/v2"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/mdlayher/arp"
	"github.com/mdlayher/ethernet"

	"github.com/vipctl/vipctl/vip"
)

// successor is a host at the other end of eth0's cable.
type successor struct {
	*arp.Client
	frame *arp.Packet
}

func newSuccessor(t *testing.T) *successor {
	t.Helper()
	cable, err := net.InterfaceByName("eth0-cable")
	if err != nil {
		t.Fatal(err)
	}
	mac := net.HardwareAddr{2, 0, 0, 0, 0, 99}
	addr := netip.MustParseAddr(theVIP)
	frame, err := arp.NewPacket(arp.OperationRequest, mac, addr, ethernet.Broadcast, addr)
	if err != nil {
		t.Fatal(err)
	}
	// The client wants a link with an address, which the cable's end has not; it uses it for
	// questions only.
	if err := changeAddress("add", "198.51.100.1/32", cable.Name); err != nil {
		t.Fatal(err)
	}
	c, err := arp.Dial(cable)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return &successor{c, frame}
}

// announce says every 2 ms that the successor has the VIP, until stop is called.
func (s *successor) announce(t *testing.T) (stop func()) {
	over, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		every := time.NewTicker(2 * time.Millisecond)
		defer every.Stop()
		for {
			if err := s.WriteTo(s.frame, ethernet.Broadcast); err != nil {
				t.Error(err)
				return
			}
			select {
			case <-over:
				return
			case <-every.C:
			}
		}
	}()
	return func() { close(over); <-ended }
}

// A hand-over that is killed at any instant, before and after its successor is heard, is made good
// by whatever comes next: a tick of the same stop, the node as a replica, or its promotion.
func TestHandOverKilledAtAnyInstant(t *testing.T) {
	t.Parallel()
	const rounds = 150
	h, random := ownHost(t), logSeed(t)
	l := newLedger("/run/vipctl", "/var/lib/vipctl")
	next := newSuccessor(t)
	usual, killed := 40*time.Millisecond, 0
	for round := range rounds {
		h.role(t, true)
		l.add(startVipctl(t, "reconcile").done(t))
		if l.check(t, "eth0", true); t.Failed() {
			t.Fatalf("round %d: no claim", round)
		}
		p := h.stopAsLeader(t)
		l.add(killAt(t, p, next, random, usual, &killed))
		h.bounded(t, l)

		after := []string{"the same stop goes on", "replica", "promoted again"}[random.IntN(3)]
		switch after {
		case "the same stop goes on":
			silence := next.announce(t)
			began := time.Now()
			l.add(startVipctl(t, "reconcile").done(t))
			usual = (7*usual + time.Since(began)) / 8
			silence()
		case "replica":
			h.role(t, false)
			l.add(startVipctl(t, "reconcile").done(t))
		case "promoted again":
			h.role(t, true)
			l.add(startVipctl(t, "callback", "on_role_change", "primary", "demo").done(t))
		}
		if l.check(t, "eth0", after == "promoted again"); t.Failed() {
			t.Fatalf("round %d, %s, after:\n%s", round, after, &p.stderr)
		}
	}
	t.Logf("%d of %d hand-overs were killed; one takes about %v", killed, rounds, usual)
	if killed < rounds/4 {
		t.Errorf("only %d hand-overs were killed: the test has shown little", killed)
	}
}

// stopAsLeader is what a switchover begins with.
func (h *testHost) stopAsLeader(t *testing.T) *vipctlProcess {
	t.Helper()
	h.patroni.become("replica")
	if err := h.postgres("down"); err != nil {
		t.Fatal(err)
	}
	return startVipctl(t, "callback", "on_stop", "primary", "demo")
}

// killAt kills a hand-over within its usual time; in half of the rounds its successor is there
// meanwhile.
func killAt(t *testing.T, p *vipctlProcess, next *successor, random *rand.Rand, usual time.Duration, killed *int) []tale {
	t.Helper()
	silence := func() {}
	if random.IntN(2) == 0 {
		silence = next.announce(t)
	}
	<-time.After(time.Duration(random.Float64() * float64(usual)))
	_ = p.Process.Kill()
	err := p.Wait()
	silence()
	if err == nil {
		return talesIn(p.stderr.Bytes())
	}
	if *killed++; p.ProcessState.Exited() {
		t.Fatalf("hand-over: %v\n%s", err, &p.stderr)
	}
	return nil
}

// bounded checks what a hand-over that was killed leaves: once it is on the note, the address ends
// with it by itself, to the second that lifetimes in the kernel are good for.
func (h *testHost) bounded(t *testing.T, l *ledger) {
	t.Helper()
	n, err := l.notes.VIPState(theVIP)
	if err != nil || n.HandOver == nil {
		return
	}
	s, err := vip.New(vip.Options{Prefix: netip.MustParsePrefix(theVIP + "/32"), Interface: "eth0", Clock: hostClock{}.Now}).State()
	if err != nil {
		t.Fatal(err)
	}
	if s.Forever || s.End.After(n.HandOver.Until.Add(time.Second)) {
		t.Errorf("a hand-over until %v leaves the address until %v", n.HandOver.Until, s.End)
	}
}
