package hetzner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/reconcile/policy"
)

// AliasIPOptions say which alias goes where.
type AliasIPOptions struct {
	Address netip.Addr // the VIP, inside a subnet of the network
	Network string     // its id or name
	Server  int64      // this server's id; 0 asks the metadata service
}

// AliasIP is a route through an alias IP in a private network of the Cloud. It is not atomic: an
// address cannot be the alias of two servers, the API knows no move, and a list of aliases can only
// be replaced as a whole. So the old holder's is taken away first, and there is a moment in which
// nobody has the address; and whoever else changes the aliases of these servers in the same second
// may undo one change or the other.
type AliasIP struct {
	cloudRoute
	opts AliasIPOptions
}

var _ reconcile.Route = (*AliasIP)(nil)

// NewAliasIP returns a route without a memo. It connects to nothing.
func NewAliasIP(c *Cloud, m *Metadata, o AliasIPOptions) *AliasIP {
	return newAliasIP(given(c), c.Access, m, o)
}

func newAliasIP(client func() (*Cloud, error), a Access, m *Metadata, o AliasIPOptions) *AliasIP {
	o.Address = o.Address.Unmap()
	l := newLedger(a, cloudPace(), "alias", o.Address, o.Network, o.Server)
	return &AliasIP{cloudRoute: cloudRoute{ledger: l, client: client, meta: m, server: o.Server}, opts: o}
}

// Holder asks which server has the alias: one GET for every fifty servers of the project, once the
// ids are known.
func (a *AliasIP) Holder(ctx context.Context) (reconcile.RouteState, error) {
	ctx, cancel := context.WithTimeout(ctx, cloudLook)
	defer cancel()
	if err := a.open(); err != nil {
		return a.notOpened(err)
	}
	w, err := a.look(ctx)
	return a.looked(w.state(), err)
}

// Take takes the alias from whoever has it and gives it to this server: the list of servers, and
// for each of the two a POST and a GET for each look at its action. Other aliases stay where they
// are.
func (a *AliasIP) Take(ctx context.Context, begun policy.Moment, stillLeader func(context.Context) bool) (reconcile.RouteState, error) {
	ctx, cancel := context.WithTimeout(ctx, cloudTake)
	defer cancel()
	a.begin(begun)
	if err := a.open(); err != nil {
		return a.notOpened(err)
	}
	g := newGuard(stillLeader, a.now)
	s, err := a.take(ctx, g)
	return a.switched(s, err, g)
}

// GiveUp takes the alias from this server, where it has it.
func (a *AliasIP) GiveUp(ctx context.Context) (reconcile.RouteState, error) {
	ctx, cancel := context.WithTimeout(ctx, cloudTake)
	defer cancel()
	if err := a.open(); err != nil {
		return a.notOpened(err)
	}
	w, err := a.look(ctx)
	if err == nil && w.ours() {
		net, _ := w.self.in(w.network)
		if err = a.set(ctx, newGuard(nil, a.now), w, w.self.ID, net.without(w.vip)); err == nil {
			w, err = a.look(ctx)
		}
	}
	a.Abandon()
	return a.looked(w.state(), err)
}

// Check looks at everything that Take depends on, and changes nothing.
func (a *AliasIP) Check(ctx context.Context) reconcile.RouteCheck {
	ctx, cancel := context.WithTimeout(ctx, checkPatience)
	defer cancel()
	var found reconcile.Findings
	if found.Failed(a.open()) {
		return reconcile.RouteCheck{Findings: found}
	}
	fresh := &AliasIP{cloudRoute: a.fresh(), opts: a.opts}
	began := fresh.now()
	id, err := fresh.networkID(ctx)
	if found.Failed(err) {
		return reconcile.RouteCheck{Findings: found}
	}
	found.Add(reconcile.OK, "the token is valid; it must be able to write too, which only a switch can show")
	found.Add(reconcile.OK, "%s is inside the network %d", a.opts.Address, id)
	latency(&found, fresh.now().Sub(began))
	fresh.checkServer(ctx, &found)
	if w, err := fresh.look(ctx); !found.Failed(err) {
		found.Add(reconcile.OK, "it is the alias of %s", w.state().Holder)
	}
	quota(&found, a.cloud.Quota())
	return reconcile.RouteCheck{Findings: found}
}

// where is who has the alias.
type where struct {
	vip     netip.Addr
	network int64
	self    server
	holders []server // others
	quota   *reconcile.Quota
}

func (w where) ours() bool {
	net, in := w.self.in(w.network)
	return in && net.has(w.vip) && len(w.holders) == 0
}

func (w where) state() reconcile.RouteState {
	s := reconcile.RouteState{Ours: w.ours(), Holder: "nobody", Quota: w.quota}
	switch {
	case s.Ours:
		s.Holder = fmt.Sprintf("server %d", w.self.ID)
	case len(w.holders) > 0:
		s.Holder = fmt.Sprintf("server %d", w.holders[0].ID)
	}
	return s
}

func (a *AliasIP) take(ctx context.Context, g *guard) (reconcile.RouteState, error) {
	if a.memo.Switch.Action != 0 {
		_ = a.resume(ctx) // whatever became of it, the look that follows sees
	}
	s, err := a.move(ctx, g)
	status, code := answered(err)
	var failed *actionError
	if status == 404 || code == "ip_not_available" || errors.As(err, &failed) { // what was listed is not so any more
		a.forget()
		return a.move(ctx, g)
	}
	return s, err
}

func (a *AliasIP) move(ctx context.Context, g *guard) (reconcile.RouteState, error) {
	w, err := a.look(ctx)
	if err != nil || w.ours() {
		return w.state(), err
	}
	for _, h := range w.holders {
		net, _ := h.in(w.network)
		if err := a.set(ctx, g, w, h.ID, net.without(w.vip)); err != nil {
			return w.state(), err
		}
	}
	if len(w.holders) > 0 { // that took a while: this server's aliases may have changed
		if w, err = a.look(ctx); err != nil || w.ours() {
			return w.state(), err
		}
	}
	net, _ := w.self.in(w.network)
	if err := a.set(ctx, g, w, w.self.ID, append(net.without(w.vip), w.vip.String())); err != nil {
		return w.state(), err
	}
	return reconcile.RouteState{Ours: true, Holder: fmt.Sprintf("server %d", w.self.ID), Quota: a.cloud.Quota()}, nil
}

// set replaces a server's aliases in the network, and waits until that is done.
func (a *AliasIP) set(ctx context.Context, g *guard, w where, id int64, aliases []string) error {
	op := fmt.Sprintf("set the alias IPs of server %d to %v", id, aliases)
	body := map[string]any{"network": w.network, "alias_ips": aliases}
	act, err := a.cloud.act(ctx, g, a.cloud.clean(op), fmt.Sprintf("/servers/%d/actions/change_alias_ips", id), a.attempts(), body)
	if err != nil {
		return err
	}
	if err := a.follow(ctx, act); err != nil {
		return fmt.Errorf("%s: %w", a.cloud.clean(op), err)
	}
	return nil
}

// look lists the servers and finds this one and the holder among them.
func (a *AliasIP) look(ctx context.Context) (where, error) {
	w := where{vip: a.opts.Address}
	id, err := a.serverID(ctx)
	if err != nil {
		return w, err
	}
	if w.network, err = a.networkID(ctx); err != nil {
		return w, err
	}
	all, err := serversIn(ctx, a.cloud, w.network, a.attempts())
	if err != nil {
		return w, err
	}
	w.quota = a.cloud.Quota()
	for _, s := range all {
		net, _ := s.in(w.network)
		switch {
		case sameAddr(net.IP, w.vip):
			return w, fmt.Errorf("%s is the own address of server %d in the network, not an alias: %w", w.vip, s.ID, errConfig)
		case s.ID == id:
			w.self = s
		case net.has(w.vip):
			w.holders = append(w.holders, s)
		}
	}
	if w.self.ID == 0 {
		a.forget()
		return w, fmt.Errorf("server %d is not in the network %s, by the API's word: %w", id, a.opts.Network, errConfig)
	}
	slices.SortFunc(w.holders, func(x, y server) int { return cmp.Compare(x.ID, y.ID) })
	return w, nil
}

func (a *AliasIP) networkID(ctx context.Context) (int64, error) {
	if a.memo.Target != 0 {
		return a.memo.Target, nil
	}
	n, err := findNetwork(ctx, a.cloud, a.opts.Network, a.attempts())
	if err != nil {
		return 0, err
	}
	if !n.covers(a.opts.Address) {
		return 0, fmt.Errorf("%s is in no subnet of the network %s: %w", a.opts.Address, a.opts.Network, errConfig)
	}
	a.memo.Target = n.ID
	return n.ID, nil
}
