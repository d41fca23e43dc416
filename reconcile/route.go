package reconcile

import (
	"context"
	"errors"
	"time"

	"github.com/vipctl/vipctl/reconcile/policy"
)

// ErrNoLongerLeader is returned by [Route].Take when this member stopped leading before the route pointed here. Nothing
// was sent after it was noticed.
var ErrNoLongerLeader = errors.New("this member does not lead any more")

// ErrNotYet is wrapped by errors that name no fault of this call: an earlier answer forbids to ask before RouteMemo.Due.
var ErrNotYet = errors.New("the API must not be asked yet")

// ErrNoGiveUp is returned by [Route].GiveUp where a route can be taken over but must not be removed.
var ErrNoGiveUp = errors.New("this route is never removed, only taken over")

// Route is one VIP's route in a provider's network. Every method but Memo and Recall asks an API: it ends within ctx
// and within a deadline of its own, and is not called concurrently for one VIP. Other processes may call at any time.
type Route interface {
	// Holder asks who has the route by the API's word. It changes nothing.
	Holder(ctx context.Context) (RouteState, error)
	// Take points the route here, whoever has it, and waits until the API says that it is done. Nothing is done where a
	// switch of an earlier run turns out to have ended well.
	//
	// still re-checks that this member leads. The caller has done so no longer than half an [EvidenceAge] ago; Take does
	// before every repeated mutating attempt, and before any that comes more than the other half after the call or the last
	// check. When still says false, Take returns [ErrNoLongerLeader].
	Take(ctx context.Context, still func(context.Context) bool) (RouteState, error)
	// GiveUp removes the route where the API says that it points here, and does nothing where it does not. It is an
	// operator's: a route that is removed leaves clients without a server, and one that is taken over does not.
	GiveUp(ctx context.Context) (RouteState, error)
	// Memo is what the next process has to know. It is worth reading after each of the calls above, failed or not.
	Memo() RouteMemo
	// Recall takes over what an earlier process left. Ids of another configuration are dropped. keep, unless nil, is
	// called with what the next process must know should this one be killed in the middle of a call.
	Recall(m RouteMemo, keep func(RouteMemo))
}

// RouteState is what an API said about a route.
type RouteState struct {
	Ours   bool   `json:"ours"`             // it points here, and no switch is under way
	Holder string `json:"holder"`           // for people: "server 42", "nobody"
	Moving bool   `json:"moving,omitempty"` // a switch is under way
	Quota  *Quota `json:"quota,omitempty"`  // nil where the API does not say
}

// Quota is how many calls an API allows, and how many are left of them.
type Quota struct {
	Limit     int `json:"limit"`
	Remaining int `json:"remaining"`
}

// RouteMemo is what one process tells the next about a route. Times are on the boot clock: nobody can set it, and a memo
// is kept where a reboot forgets it. Fields are added, never renamed.
type RouteMemo struct {
	// Config stands for the configuration that the ids were found with.
	Config string `json:"config,omitempty"`
	// Generation is the claim, of the VIP's note, that the route was last taken for. A memo of another claim says nothing
	// of who has the route now.
	Generation uint64 `json:"generation,omitempty"`
	// Failure is why the route does not point here, once that has been told; empty when it does.
	Failure string `json:"failure,omitempty"`

	Target int64 `json:"target,omitempty"` // the floating IP's id, or the network's
	Server int64 `json:"server,omitempty"` // this server's id

	// Pending is set from before the first call of a switch until its end is known.
	Pending *PendingSwitch `json:"pending,omitempty"`
	// Due is when the route is worth asking again: then call Holder, and Take where that says not ours. It is set after
	// each call, and never more than an hour ahead. 0 is at once.
	Due policy.Moment `json:"due,omitempty"`
	// Wait forbids to ask before a moment, whoever leads.
	Wait *RouteWait `json:"wait,omitempty"`
	// Login forbids to log in before a moment, for as long as the password stays the same.
	Login *RouteWait `json:"login,omitempty"`

	Last    *RouteState   `json:"last,omitempty"` // the last answer
	Checked policy.Moment `json:"checked,omitempty"`
	Action  *EndedSwitch  `json:"action,omitempty"` // the last switch that this host saw the end of
}

// PendingSwitch is a switch that was begun.
type PendingSwitch struct {
	Since  policy.Moment `json:"since"`
	Action int64         `json:"action,omitempty"` // its id in the Cloud API, 0 before it is known
	Locks  int           `json:"locks,omitempty"`  // how many times in a row Robot said that it is locked
}

// RouteWait is a moment before which an API must not be asked, and why.
type RouteWait struct {
	Until policy.Moment `json:"until"`
	Why   string        `json:"why"`
	For   string        `json:"for,omitempty"` // the version of the password that it concerns
}

// EndedSwitch is a switch that has ended.
type EndedSwitch struct {
	ID   int64         `json:"id,omitempty"`
	Took time.Duration `json:"took"` // from the first mutating attempt to the API's word that it is done
}

// Intend returns the memo with a switch begun, to be kept before Take is called: who finds it knows that a call may
// have been cut short.
func (m RouteMemo) Intend(now policy.Moment) RouteMemo {
	if m.Pending == nil {
		m.Pending = &PendingSwitch{Since: now}
		m.Due = 0
	}
	return m
}

// Abandon returns the memo without the switch that was begun and without what the API said, to be kept when this member
// stops leading: when it leads again, it asks at once. What protects the API, waits and refused logins, stays.
func (m RouteMemo) Abandon() RouteMemo {
	m.Pending, m.Last, m.Due = nil, nil, 0
	return m
}
