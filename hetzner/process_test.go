package hetzner_test

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/reconcile/policy"
	"github.com/vipctl/vipctl/reconcile/routetest"
)

// errKilled is what each call returns to what is left of a killed process.
var errKilled = errors.New("this process was killed")

// host is what outlives the processes on one node: the kernel's address, the files in /run, and who
// has locked them.
type host struct {
	*cluster
	id int64

	mu      sync.Mutex
	expiry  policy.Moment // of the kernel's address; past or 0 where it is not here
	files   map[string][]byte
	locks   map[string]lock
	records []reconcile.Record
	live    map[*process]bool
	called  *process // Patroni's last callback
}

// lock is who has one, and since when.
type lock struct {
	by    *process
	since policy.Moment
}

// process is one run of vipctl, and all that its engine asks. When it has been killed nothing that
// is left of it has any effect: its connections are closed and none can be opened, its files stay
// as they are, its locks are free.
type process struct {
	*host
	at     policy.Moment
	life   context.Context
	cancel context.CancelFunc
	conns  []net.Conn
	turn   sync.Mutex // held during a call of the address
}

var (
	_ reconcile.Address = (*process)(nil)
	_ reconcile.Patroni = (*process)(nil)
	_ reconcile.Store   = (*process)(nil)
	_ reconcile.History = (*process)(nil)
	_ reconcile.Clock   = (*process)(nil)
)

// start starts a process, which in hard times does not get old.
func (h *host) start() *process {
	p := &process{host: h, at: routetest.Now()}
	p.life, p.cancel = context.WithCancel(context.Background())
	h.mu.Lock()
	h.live[p] = true
	h.mu.Unlock()
	if after, doomed := h.doom(); doomed {
		time.AfterFunc(after, p.kill)
	}
	return p
}

// kill ends a process, at whatever it is.
func (p *process) kill() {
	p.mu.Lock()
	delete(p.live, p)
	for name, l := range p.locks {
		if l.by == p {
			delete(p.locks, name)
		}
	}
	conns := p.conns
	p.conns = nil
	p.mu.Unlock()
	p.cancel()
	for _, c := range conns {
		_ = c.Close()
	}
}

// do lets a living process do something that nobody comes between. It may have to wait for its turn
// at the processor.
func (p *process) do(f func()) error {
	if d := p.stall(); d > 0 {
		time.Sleep(d)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.live[p] {
		return errKilled
	}
	f()
	return nil
}

// dial is as patient as the product's own dialer.
func (p *process) dial(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	c, err := p.cluster.dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.live[p] {
		_ = c.Close()
		return nil, errKilled
	}
	p.conns = append(p.conns, c)
	return c, nil
}

// engine is the process's.
func (p *process) engine() *reconcile.Engine {
	return &reconcile.Engine{
		VIPs: []reconcile.VIP{{
			Name: "vip", Address: p, Follow: policy.Follow("primary"), Leased: true, HandOver: 5 * time.Second, Route: p.route(p.through(p.dial), p.id),
		}},
		Ports: reconcile.Ports{Patroni: p, Store: p, History: p, Clock: p, Interval: tickEvery, Refresh: time.Minute},
	}
}

// The clock.

func (p *process) Now() policy.Moment { return routetest.Now() }
func (p *process) Wall() time.Time    { return time.Now() }

func (p *process) Wait(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// The address: a routed one, for which no neighbour answers.

func (p *process) State() (s policy.AddressState, err error) {
	err = p.kernel(func() {
		s = policy.AddressState{Presence: policy.PresenceNo}
		if p.expiry.After(p.Now()) {
			s = policy.AddressState{Presence: policy.PresenceYes, Forever: p.expiry == policy.Forever, End: p.expiry}
		}
	})
	return s, err
}

func (p *process) Keep(until policy.Moment) error {
	if until.Sub(p.Now()) < time.Second {
		return errors.New("too short")
	}
	return p.kernel(func() { p.expiry = until })
}

func (p *process) Release() error  { return p.kernel(func() { p.expiry = policy.Moment{} }) }
func (p *process) Announce() error { return p.kernel(func() {}) }

// kernel is do, for calls that one process never makes side by side.
func (p *process) kernel(f func()) error {
	if !p.turn.TryLock() {
		p.t.Error("two calls of one address at once")
		return errors.New("busy")
	}
	defer p.turn.Unlock()
	return p.do(f)
}

func (p *process) AwaitSuccessor(ctx context.Context, _ []policy.MAC) (policy.MAC, error) {
	<-ctx.Done()
	return "", nil
}

func (p *process) Probe(context.Context, time.Duration) ([]policy.MAC, error) { return nil, nil }

func (p *process) Append(r reconcile.Record) error {
	return p.do(func() { p.records = append(p.records, r) })
}
