package hetzner

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
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

// lateAttempts is how many requests a call may make for a switch that is overdue: an API that is
// down for hours must not find its quota used up when it returns.
const lateAttempts = 3

// failedPause follows an action that was accepted and then failed: the same call may fail again.
const failedPause = 5 * time.Second

// secretPause is how soon a secret that could not be read is tried again. That costs no call, and
// whoever mends the file should not have to wait for long.
const secretPause = 5 * time.Second

// maxWait bounds what an API can make us wait, whatever it answers.
const maxWait = time.Hour

// memo is what one process tells the next about a route. The engine keeps it and does not read it.
// Times are on the boot clock. Fields are added, never renamed.
type memo struct {
	// Config stands for the configuration that the ids were found with.
	Config string `json:"config,omitempty"`
	Target int64  `json:"target,omitempty"` // the floating IP's id, or the network's
	Server int64  `json:"server,omitempty"` // this server's id

	// Switch is set from the beginning of a switch until its end is known.
	Switch *pending `json:"switch,omitempty"`
	// Wait forbids to ask before a moment, whoever leads.
	Wait *waiting `json:"wait,omitempty"`
	// Login forbids to log in before a moment, for as long as the password stays the same.
	Login *waiting `json:"login,omitempty"`

	Ours bool           `json:"ours,omitempty"` // by the last answer
	Took *time.Duration `json:"took,omitempty"` // [reconcile.RouteDetails].Took
}

// pending is a switch that was begun.
type pending struct {
	Since  policy.Moment `json:"since"`
	Action int64         `json:"action,omitempty"` // its id in the Cloud API, 0 before it is known
	Locks  int           `json:"locks,omitempty"`  // how many times in a row Robot said that it is locked
}

// waiting is a moment before which an API must not be asked, and why.
type waiting struct {
	Until policy.Moment `json:"until"`
	Why   string        `json:"why"`
	For   string        `json:"for,omitempty"` // the version of the password that it concerns
}

// detail is what people read of it.
func (w *waiting) detail() *reconcile.RouteWait {
	if w == nil {
		return nil
	}
	return &reconcile.RouteWait{Until: w.Until, Why: w.Why}
}

// ledger keeps a route's memo.
type ledger struct {
	pace
	now    func() policy.Moment
	config string
	memo   memo
	keep   func(json.RawMessage) // nil where nobody wants to know before the end of a call
}

// newLedger takes the words of the configuration that the looked-up ids depend on.
func newLedger(a Access, p pace, words ...any) ledger {
	sum := sha256.Sum256([]byte(strings.TrimSpace(fmt.Sprintln(append(words, a.Endpoint)...))))
	config := hex.EncodeToString(sum[:6])
	return ledger{pace: p, now: a.now, memo: memo{Config: config}, config: config}
}

// Memo is what the next process has to know, in JSON.
func (l *ledger) Memo() json.RawMessage {
	data, err := json.Marshal(l.memo)
	if err != nil { // it has no field that could fail
		return nil
	}
	return data
}

// noted hands on what must not be forgotten when the process is killed in the middle of a call.
func (l *ledger) noted() {
	if l.keep != nil {
		l.keep(l.Memo())
	}
}

// Recall takes over what an earlier process left. Of another configuration that is all but what its
// ids led to.
func (l *ledger) Recall(data json.RawMessage, keep func(json.RawMessage)) error {
	l.memo, l.keep = memo{Config: l.config}, keep
	if len(data) == 0 {
		return nil
	}
	var m memo
	if err := json.Unmarshal(data, &m); err != nil {
		return fmt.Errorf("the route's own part: %w", err)
	}
	l.memo = m
	if m.Config != l.config {
		l.forget()
		l.memo.Config, l.memo.Ours, l.memo.Took = l.config, false, nil
		if m.Switch != nil {
			l.memo.Switch = &pending{Since: m.Switch.Since}
		}
	}
	return nil
}

// Abandon forgets the switch that was begun and what the API said. Waits and refused logins stay.
func (l *ledger) Abandon() { l.memo.Switch, l.memo.Ours = nil, false }

// Details explains the memo.
func (l *ledger) Details() reconcile.RouteDetails {
	return reconcile.RouteDetails{Took: l.memo.Took, Wait: l.memo.Wait.detail(), Login: l.memo.Login.detail()}
}

// forget drops the ids, which are looked up again then.
func (l *ledger) forget() { l.memo.Target, l.memo.Server = 0, 0 }

// begin marks that a switch is under way.
func (l *ledger) begin(since policy.Moment) {
	if l.memo.Switch == nil {
		l.memo.Switch = &pending{Since: since}
	}
}

// notOpened closes a call for which there is no client, since its secret cannot be read. The API
// was not asked.
func (l *ledger) notOpened(err error) (reconcile.RouteState, error) {
	return reconcile.RouteState{Due: l.now().Add(secretPause)}, err
}

// attempts is how many requests each question of this call may make, 0 for no limit.
func (l *ledger) attempts() int {
	if l.overdue() {
		return lateAttempts
	}
	return 0
}

func (l *ledger) overdue() bool {
	return l.memo.Switch != nil && l.now().Sub(l.memo.Switch.Since) >= l.eager
}

// barred returns why the API must not be asked now, nil when it may.
func (l *ledger) barred(op string) error {
	now := l.now()
	for _, w := range []*waiting{l.memo.Login, l.memo.Wait} {
		if w == nil || !w.Until.After(now) {
			continue
		}
		left := min(w.Until.Sub(now), maxWait).Round(time.Second)
		return &Error{Op: op, Err: fmt.Errorf("%w, for another %v: %s", reconcile.ErrNotYet, left, w.Why)}
	}
	return nil
}

// wait forbids questions for a while.
func (l *ledger) wait(d time.Duration, why string) {
	l.memo.Wait = &waiting{Until: l.now().Add(min(max(d, time.Second), maxWait)), Why: why}
}

// looked closes a call that changed nothing.
func (l *ledger) looked(s reconcile.RouteState, err error) (reconcile.RouteState, error) {
	if err == nil {
		l.answered(s)
	}
	s.Due = l.due(s, err)
	return s, err
}

// switched closes a Take. A switch that did not end stays pending and is due again; an abandoned
// one is dropped from the memo.
func (l *ledger) switched(s reconcile.RouteState, err error, g *guard) (reconcile.RouteState, error) {
	switch {
	case errors.Is(err, reconcile.ErrNoLongerLeader):
		l.Abandon()
		err = reconcile.ErrNoLongerLeader
	case err == nil && !s.Ours:
		err = fmt.Errorf("the API accepted the switch, but says now: %s", s.Holder)
	}
	if took, tried := g.took(); err == nil && tried {
		l.memo.Took = &took
	}
	if err == nil {
		l.answered(s)
	}
	s.Due = l.due(s, err)
	return s, err
}

func (l *ledger) answered(s reconcile.RouteState) {
	l.memo.Ours = s.Ours
	if l.memo.Wait != nil && !l.memo.Wait.Until.After(l.now()) {
		l.memo.Wait = nil
	}
	if s.Ours {
		l.memo.Switch = nil
	}
}

// due is when the route is worth asking again.
func (l *ledger) due(s reconcile.RouteState, err error) policy.Moment {
	now := l.now()
	at := now
	var failed *actionError
	switch {
	case err == nil && !s.Ours && !s.Moving: // to be taken, by whoever leads
	case l.memo.Switch == nil && (s.Moving || err != nil && !l.memo.Ours): // nobody knows whose it is
		at = now.Add(l.late)
	case l.memo.Switch == nil:
		at = now.Add(l.check)
	case l.overdue() || hopeless(err):
		at = now.Add(l.late)
	case errors.As(err, &failed):
		at = now.Add(failedPause)
	}
	for _, w := range []*waiting{l.memo.Wait, l.memo.Login} {
		if w != nil {
			at = at.Max(w.Until.Min(now.Add(maxWait)))
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

// errConfig is wrapped by errors that only a change of the configuration, or in the provider's
// console, can cure.
var errConfig = errors.New("check the configuration")
