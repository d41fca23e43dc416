package hetzner

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/reconcile/policy"
)

// pace is how often an API is asked.
type pace struct {
	check time.Duration // between two looks at a route that is ours
	eager time.Duration // for how long a switch is retried without a pause between two calls
	late  time.Duration // between two calls of a switch that takes longer than that
}

// lateAttempts is how many requests a call may make for a switch that is overdue: an API that is down for hours must
// not find its quota used up when it returns.
const lateAttempts = 3

// failedPause follows an action that was accepted and then failed: the same call may fail again.
const failedPause = 5 * time.Second

// maxWait bounds what an API can make us wait, whatever it answers.
const maxWait = time.Hour

// ledger keeps a route's memo.
type ledger struct {
	pace
	now    func() policy.Moment
	config string
	memo   reconcile.RouteMemo
	keep   func(reconcile.RouteMemo) // nil where nobody wants to know before the end of a call
}

// newLedger takes the words of the configuration that the looked-up ids depend on.
func newLedger(a Access, p pace, words ...any) ledger {
	sum := sha256.Sum256([]byte(strings.TrimSpace(fmt.Sprintln(append(words, a.Endpoint)...))))
	config := hex.EncodeToString(sum[:6])
	return ledger{pace: p, now: a.now, memo: reconcile.RouteMemo{Config: config}, config: config}
}

// Memo is what the next process has to know. It does not change when the route is used again.
func (l *ledger) Memo() reconcile.RouteMemo {
	m := l.memo
	if m.Pending != nil {
		p := *m.Pending
		m.Pending = &p
	}
	return m
}

// noted hands on what must not be forgotten when the process is killed in the middle of a call.
func (l *ledger) noted() {
	if l.keep != nil {
		l.keep(l.Memo())
	}
}

// Recall takes over what an earlier process left.
func (l *ledger) Recall(m reconcile.RouteMemo, keep func(reconcile.RouteMemo)) {
	l.memo, l.keep = m, keep
	if m.Pending != nil { // the caller's memo stays as it is
		p := *m.Pending
		l.memo.Pending = &p
	}
	if m.Config != l.config {
		l.forget()
		l.memo.Config, l.memo.Last, l.memo.Action = l.config, nil, nil
		if m.Pending != nil {
			l.memo.Pending = &reconcile.PendingSwitch{Since: m.Pending.Since}
		}
	}
}

// forget drops the ids, which are looked up again then.
func (l *ledger) forget() { l.memo.Target, l.memo.Server = 0, 0 }

// begin marks that a switch is under way.
func (l *ledger) begin() {
	l.memo = l.memo.Intend(l.now())
}

// attempts is how many requests each question of this call may make, 0 for no limit.
func (l *ledger) attempts() int {
	if l.overdue() {
		return lateAttempts
	}
	return 0
}

func (l *ledger) overdue() bool {
	return l.memo.Pending != nil && l.now()-l.memo.Pending.Since >= l.eager
}

// barred returns why the API must not be asked now, nil when it may.
func (l *ledger) barred(op string) error {
	now := l.now()
	for _, w := range []*reconcile.RouteWait{l.memo.Login, l.memo.Wait} {
		if w == nil || w.Until <= now {
			continue
		}
		left := min(w.Until-now, maxWait).Round(time.Second)
		return &Error{Op: op, Err: fmt.Errorf("%w, for another %v: %s", reconcile.ErrNotYet, left, w.Why)}
	}
	return nil
}

// wait forbids questions for a while.
func (l *ledger) wait(d time.Duration, why string) {
	l.memo.Wait = &reconcile.RouteWait{Until: l.now() + min(max(d, time.Second), maxWait), Why: why}
}

// looked closes a call that changed nothing.
func (l *ledger) looked(s reconcile.RouteState, err error) (reconcile.RouteState, error) {
	if err == nil {
		l.answered(s)
	}
	l.memo.Due = l.due(s, err)
	return s, err
}

// switched closes a Take. A switch that did not end stays pending and is due again; an abandoned one is dropped from the
// memo.
func (l *ledger) switched(s reconcile.RouteState, err error, g *guard) (reconcile.RouteState, error) {
	switch {
	case errors.Is(err, reconcile.ErrNoLongerLeader):
		l.memo = l.memo.Abandon()
		err = reconcile.ErrNoLongerLeader
	case err == nil && !s.Ours:
		err = fmt.Errorf("the API accepted the switch, but says now: %s", s.Holder)
	}
	if took, tried := g.took(); err == nil && tried {
		a := reconcile.EndedSwitch{Took: took}
		if l.memo.Pending != nil {
			a.ID = l.memo.Pending.Action
		}
		l.memo.Action = &a
	}
	if err == nil {
		l.answered(s)
	}
	l.memo.Due = l.due(s, err)
	return s, err
}

func (l *ledger) answered(s reconcile.RouteState) {
	l.memo.Last, l.memo.Checked = &s, l.now()
	if l.memo.Wait != nil && l.memo.Wait.Until <= l.now() {
		l.memo.Wait = nil
	}
	if s.Ours {
		l.memo.Pending = nil
	}
}

// due is when the route is worth asking again.
func (l *ledger) due(s reconcile.RouteState, err error) policy.Moment {
	now := l.now()
	at := now
	var failed *actionError
	switch {
	case err == nil && !s.Ours && !s.Moving: // to be taken, by whoever leads
	case l.memo.Pending == nil && (s.Moving || err != nil && (l.memo.Last == nil || !l.memo.Last.Ours)): // nobody knows whose it is
		at = now + l.late
	case l.memo.Pending == nil:
		at = now + l.check
	case l.overdue() || hopeless(err):
		at = now + l.late
	case errors.As(err, &failed):
		at = now + failedPause
	}
	for _, w := range []*reconcile.RouteWait{l.memo.Wait, l.memo.Login} {
		if w != nil {
			at = max(at, min(w.Until, now+maxWait))
		}
	}
	return at
}

// hopeless reports whether the same question would get the same answer at once.
func hopeless(err error) bool {
	status, code := answered(err)
	switch {
	case err == nil, errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return false
	case code == "locked", code == "conflict", code == "FAILOVER_LOCKED":
		return false
	case errors.Is(err, errConfig):
		return true
	}
	return status >= 400 && status < 500 && status != 429
}

// errConfig is wrapped by errors that only a change of the configuration, or in the provider's console, can cure.
var errConfig = errors.New("check the configuration")
