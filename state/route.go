package state

import "github.com/vipctl/vipctl/reconcile"

// routeSuffix makes the name of a route's files from its VIP's. No VIP can have it in its name.
const routeSuffix = "@route"

// LockRoute takes the lock of a VIP's route, as [reconcile.Notebook] says. It is made like the
// VIP's own (see [Notes.Lock]) and independent of it: the address must not wait while an API does.
func (n *Notes) LockRoute(vip string) (unlock func(), err error) {
	name, err := routeName(vip)
	if err != nil {
		return nil, err
	}
	return n.lock(name, 0, reconcile.RouteLockAge)
}

// RouteMemo returns the memo of a VIP's route, under the rules of [Notes.Note].
func (n *Notes) RouteMemo(vip string) (reconcile.RouteMemo, error) {
	name, err := routeName(vip)
	if err != nil {
		return reconcile.RouteMemo{}, err
	}
	return load[reconcile.RouteMemo](n, name)
}

// SaveRouteMemo replaces the memo of a VIP's route, under the rules of [Notes.SaveNote].
func (n *Notes) SaveRouteMemo(vip string, m reconcile.RouteMemo) error {
	name, err := routeName(vip)
	if err != nil {
		return err
	}
	return save(n, name, m)
}

// routeName is what the files of a VIP's route are called.
func routeName(vip string) (string, error) { return vip + routeSuffix, checkName(vip) }
