package main

import (
	"context"
	"time"

	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/reconcile/policy"
)

// lateRoute is a route that is made when it is first used: most runs ask no API, and then no secret is read either.
type lateRoute struct {
	open func() (provider, error)
	now  func() policy.Moment
	made provider // nil before the first use

	memo reconcile.RouteMemo // recalled before the first use
	keep func(reconcile.RouteMemo)
}

var _ provider = (*lateRoute)(nil)

// load makes the route, and returns why it cannot be made.
func (l *lateRoute) load() error {
	l.use()
	if f, failed := l.made.(*failedRoute); failed {
		return f.why
	}
	return nil
}

// use returns the route, or where it cannot be made a [failedRoute] in its place.
func (l *lateRoute) use() provider {
	if l.made == nil {
		made, err := l.open()
		if err != nil {
			made = &failedRoute{why: err, now: l.now}
		}
		made.Recall(l.memo, l.keep)
		l.made = made
	}
	return l.made
}

// Holder implements [reconcile.Route], as do the others.
func (l *lateRoute) Holder(ctx context.Context) (reconcile.RouteState, error) {
	return l.use().Holder(ctx)
}

// Take is the made route's.
func (l *lateRoute) Take(ctx context.Context, still func(context.Context) bool) (reconcile.RouteState, error) {
	return l.use().Take(ctx, still)
}

// GiveUp is the made route's.
func (l *lateRoute) GiveUp(ctx context.Context) (reconcile.RouteState, error) {
	return l.use().GiveUp(ctx)
}

// Check is the made route's.
func (l *lateRoute) Check(ctx context.Context) []reconcile.Finding { return l.use().Check(ctx) }

// Memo is what was recalled, as long as the route was not used.
func (l *lateRoute) Memo() reconcile.RouteMemo {
	if l.made == nil {
		return l.memo
	}
	return l.made.Memo()
}

// Recall makes no route: the engine looks into a memo at every tick, and seldom finds anything to do.
func (l *lateRoute) Recall(m reconcile.RouteMemo, keep func(reconcile.RouteMemo)) {
	l.memo, l.keep = m, keep
	if l.made != nil {
		l.made.Recall(m, keep)
	}
}

// secretPause is how soon a secret that could not be read is tried again. That costs no call, and whoever mends the
// file should not have to wait for long.
const secretPause = 5 * time.Second

// failedRoute is a route that cannot be made, since its secret cannot be read. Each of its calls fails with the reason
// and asks nobody; the address is moved on the link all the same.
type failedRoute struct {
	why  error
	now  func() policy.Moment
	memo reconcile.RouteMemo
}

var _ provider = (*failedRoute)(nil)

func (f *failedRoute) fail() (reconcile.RouteState, error) {
	f.memo.Due = f.now() + secretPause
	return reconcile.RouteState{}, f.why
}

// Holder fails.
func (f *failedRoute) Holder(context.Context) (reconcile.RouteState, error) { return f.fail() }

// Take fails. The switch stays wanted.
func (f *failedRoute) Take(context.Context, func(context.Context) bool) (reconcile.RouteState, error) {
	f.memo = f.memo.Intend(f.now())
	return f.fail()
}

// GiveUp fails.
func (f *failedRoute) GiveUp(context.Context) (reconcile.RouteState, error) { return f.fail() }

// Check says why.
func (f *failedRoute) Check(context.Context) []reconcile.Finding {
	return []reconcile.Finding{{Level: reconcile.Problem, Text: f.why.Error()}}
}

// Memo is what was recalled, and when to try again.
func (f *failedRoute) Memo() reconcile.RouteMemo { return f.memo }

// Recall takes the memo as it is: what it says of the API is good for a route that can be made.
func (f *failedRoute) Recall(m reconcile.RouteMemo, _ func(reconcile.RouteMemo)) { f.memo = m }
