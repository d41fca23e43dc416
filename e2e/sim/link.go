package sim

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/reconcile/policy"
)

// link is a host's addresses that are VIPs, as its kernel has them. The kernel goes on when every
// process is frozen.
type link struct {
	n    *node
	r    *rand.Rand
	vips map[string]*lifetime
}

// lifetime is until when an address is on the link, in the world's time.
type lifetime struct {
	forever bool
	end     time.Duration
}

func newLink(n *node) *link { return &link{n: n, r: n.rand("link"), vips: map[string]*lifetime{}} }

// has reports whether the address is on the link. The world is locked.
func (l *link) has(vip string) bool {
	a := l.vips[vip]
	return a != nil && (a.forever || l.n.w.now() < a.end)
}

// put puts an address on the link, until a moment of the boot clock. Lifetimes are whole seconds,
// and the kernel is up to 0.24 s late. The world is locked.
func (l *link) put(vip string, until policy.Moment) error {
	a := &lifetime{forever: until == policy.Forever}
	left := until.Sub(l.n.clock.bootNow())
	if !a.forever && left < time.Second {
		return fmt.Errorf("keep %s: %v is left, want 1s at least", vip, left)
	}
	was := l.has(vip)
	l.vips[vip] = a
	if !a.forever {
		d := left.Truncate(time.Second) + between(l.r, 0, 240*time.Millisecond)
		a.end = l.n.w.now() + d
		l.n.w.after(d, func() {
			if l.vips[vip] == a {
				l.n.tell("drops %s, whose lifetime has ended", vip)
				l.n.w.checks.look()
			}
		})
	}
	if !was {
		l.n.tell("has %s", vip)
		l.n.w.checks.look()
	}
	return nil
}

// remove takes an address away, and reports whether it was there. The world is locked.
func (l *link) remove(vip string) bool {
	was := l.has(vip)
	delete(l.vips, vip)
	if was {
		l.n.tell("no longer has %s", vip)
		l.n.w.checks.look()
	}
	return was
}

// addressPort is a process's way to one VIP on the link.
type addressPort struct {
	p   *process
	vip string
}

var _ reconcile.Address = (*addressPort)(nil)

// call makes a system call: the process may be killed before it, and behind it.
func (a *addressPort) call(f func(l *link) error) error {
	kind := callLink + " " + a.vip
	if !a.p.step(kind, 50*time.Microsecond, 400*time.Microsecond) {
		return errKilled
	}
	w := a.p.n.w
	w.mu.Lock()
	err := f(a.p.n.link)
	w.mu.Unlock()
	if !a.p.step(kind, 10*time.Microsecond, 50*time.Microsecond) {
		return errKilled
	}
	return err
}

// State implements [reconcile.Address].
func (a *addressPort) State() (s policy.AddressState, err error) {
	s.Presence = policy.PresenceNo
	err = a.call(func(l *link) error {
		if !l.has(a.vip) {
			return nil
		}
		life := l.vips[a.vip]
		s = policy.AddressState{Presence: policy.PresenceYes, Forever: life.forever}
		if !life.forever {
			s.End = l.n.clock.bootNow().Add((life.end - l.n.w.now()).Truncate(time.Second))
		}
		return nil
	})
	return s, err
}

// Keep implements [reconcile.Address].
func (a *addressPort) Keep(until policy.Moment) error {
	return a.call(func(l *link) error {
		was := l.has(a.vip)
		err := l.put(a.vip, until)
		if err == nil && !was {
			a.p.moved++
		}
		return err
	})
}

// Release implements [reconcile.Address].
func (a *addressPort) Release() error {
	return a.call(func(l *link) error {
		if l.remove(a.vip) {
			a.p.moved++
		}
		return nil
	})
}

// Announce implements [reconcile.Address].
func (a *addressPort) Announce() error {
	return a.call(func(l *link) error {
		for _, c := range l.n.w.clients {
			if l.n.w.net.reaches(l.n.name, c.name) {
				c.learn(a.vip, l.n.name)
			}
		}
		return nil
	})
}

// AwaitSuccessor implements [reconcile.Address].
func (a *addressPort) AwaitSuccessor(ctx context.Context, ignore []policy.MAC) (policy.MAC, error) {
	for {
		for _, mac := range a.asked() {
			if !slices.Contains(ignore, mac) {
				return mac, nil
			}
		}
		if a.p.wait(ctx, 25*time.Millisecond) != nil {
			return "", nil
		}
	}
}

// Probe implements [reconcile.Address].
func (a *addressPort) Probe(ctx context.Context, window time.Duration) ([]policy.MAC, error) {
	found := a.asked()
	if err := a.p.wait(ctx, window); err != nil {
		return nil, err
	}
	return found, nil
}

// asked asks the link once who has the address.
func (a *addressPort) asked() (macs []policy.MAC) {
	w := a.p.n.w
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, host := range w.answering(a.p.n.name, a.vip) {
		macs = append(macs, w.macOf(host))
	}
	slices.Sort(macs)
	return macs
}
