package vip

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/reconcile/policy"
)

// shared is a ledger in memory.
type shared struct {
	mu   sync.Mutex
	paid map[int]policy.Moment
	err  error
}

func (s *shared) Update(link int, change func(policy.Moment) policy.Moment) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.paid[link] = change(s.paid[link])
	}
	return s.err
}

// TestBudget: whoever asks, as often as he likes, no second has more than 11 frames, no five more
// than 23, and the first has as many as it may.
func TestBudget(t *testing.T) {
	for name, ledger := range map[string]Ledger{
		"alone": nil, "shared": &shared{paid: map[int]policy.Moment{}}, "shared, and failing": &shared{err: errors.New("no space left")},
	} {
		now := time.Hour
		clock := func() policy.Moment { return policy.SinceBoot(now) }
		one, other := NewBudget(clock, ledger), NewBudget(clock, ledger)
		if name != "shared" {
			other = one
		}
		var sent []policy.Moment
		for ; now < time.Hour+10*time.Second; now += 10 * time.Millisecond {
			for _, b := range []*Budget{one, other, one} {
				if ok, _ := b.take(3, keepNone); ok {
					sent = append(sent, clock())
				}
			}
		}
		if len(sent) < 8+3*9 {
			t.Errorf("%s: %d frames in 10 s", name, len(sent))
		}
		for i := range sent {
			if i >= 11 && sent[i].Sub(sent[i-11]) < time.Second {
				t.Errorf("%s: 12 frames within %v", name, sent[i].Sub(sent[i-11]))
			}
			if i >= 23 && sent[i].Sub(sent[i-23]) < 5*time.Second {
				t.Errorf("%s: 24 frames within %v", name, sent[i].Sub(sent[i-23]))
			}
		}
		if sent[10].Sub(sent[0]) > 1010*time.Millisecond {
			t.Errorf("%s: 11 frames took %v", name, sent[10].Sub(sent[0]))
		}
	}
}

func TestBudgetOfAProbe(t *testing.T) {
	now := time.Hour
	b := NewBudget(func() policy.Moment { return policy.SinceBoot(now) }, nil)
	for range frameBurst - keepForProbe {
		if ok, _ := b.take(1, keepForProbe); !ok {
			t.Fatal("refused too soon")
		}
	}
	ok, after := b.take(1, keepForProbe)
	if ok || after != frameEvery {
		t.Errorf("taken: %v, again after %v; want to wait for %v", ok, after, frameEvery)
	}
	for range keepForProbe {
		if ok, _ := b.take(1, keepNone); !ok {
			t.Error("nothing is left for an announcement")
		}
	}
	if ok, _ := b.take(2, keepNone); !ok {
		t.Error("one link's frames count for another")
	}
	now += frameEvery * (keepForProbe + 1)
	if ok, _ := b.take(1, keepForProbe); !ok {
		t.Error("not refilled")
	}
}

// TestBudgetOfAnotherBoot: a ledger that outlived a reboot must not silence this host.
func TestBudgetOfAnotherBoot(t *testing.T) {
	b := NewBudget(func() policy.Moment { return policy.SinceBoot(time.Minute) }, &shared{paid: map[int]policy.Moment{1: policy.SinceBoot(100 * time.Hour)}})
	if ok, after := b.take(1, keepNone); !ok {
		t.Errorf("wait %v", after)
	}
}

// TestProbesTakeTurns: where a link has had its frames, nobody was asked, and silence says nothing.
func TestProbesTakeTurns(t *testing.T) {
	l, neighbour := newLAN(t), newHost(t)
	l.plug(t, us, "eth0")
	mac := l.plug(t, neighbour, "eth0")
	neighbour.do(t, func() { addAddr(t, "eth0", "10.77.0.5/32") })
	budget := NewBudget(func() policy.Moment { return policy.SinceBoot(time.Hour) }, nil)
	k := kernel(t, "10.77.0.5/32", "eth0", func(o *Options) { o.Budget = budget })
	if got, err := k.Probe(t.Context(), 100*time.Millisecond); err != nil || len(got) != 1 || got[0] != macOf(mac) {
		t.Errorf("%v, %v", got, err)
	}
	for ok := true; ok; {
		ok, _ = budget.take(linkOf(t, "eth0").Index, keepNone)
	}
	if got, err := k.Probe(t.Context(), 100*time.Millisecond); !errors.Is(err, reconcile.ErrUnasked) {
		t.Errorf("%v, %v; want to have asked nobody", got, err)
	}
}

// TestManyHandOvers counts what three hand-overs without a successor, and three announcements
// beside them, send to a link.
func TestManyHandOvers(t *testing.T) {
	l, neighbour := newLAN(t), newHost(t)
	l.plug(t, us, "eth0")
	l.plug(t, neighbour, "eth0")
	wire := neighbour.capture(t, "eth0")
	budget := NewBudget(bootTime, &shared{paid: map[int]policy.Moment{}})
	ctx, cancel := context.WithTimeout(t.Context(), 2500*time.Millisecond)
	defer cancel()
	var all sync.WaitGroup
	for _, prefix := range []string{"10.77.0.5/32", "10.77.0.6/32", "10.77.0.7/32"} {
		k := kernel(t, prefix, "eth0", func(o *Options) { o.Budget = budget })
		must(t, k.Keep(in(time.Minute)))
		all.Go(func() {
			if err := k.Announce(); err != nil {
				t.Error(err)
			}
			if mac, err := k.AwaitSuccessor(ctx, nil); mac != "" || err != nil {
				t.Errorf("successor %q, %v", mac, err)
			}
		})
	}
	var at []time.Time
	frame := make([]byte, 2048)
	must(t, wire.SetReadDeadline(time.Now().Add(2400*time.Millisecond)))
	for {
		n, _, err := wire.ReadFrom(frame)
		if err != nil {
			break
		}
		if n > 14 && frame[12] == 0x08 && frame[13] == 0x06 {
			at = append(at, time.Now())
		}
	}
	all.Wait()
	if len(at) < 10 {
		t.Fatalf("%d ARP frames in 2.4 s", len(at))
	}
	for i := 14; i < len(at); i++ {
		if at[i].Sub(at[i-14]) < time.Second {
			t.Fatalf("15 ARP frames within %v", at[i].Sub(at[i-14]))
		}
	}
}
