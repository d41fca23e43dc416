package reconcile

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/vipctl/vipctl/reconcile/policy"
)

// ErrNoLongerLeader is returned by [Route].Take when this member stopped leading before the route
// pointed here. Nothing was sent after it was noticed.
var ErrNoLongerLeader = errors.New("this member does not lead any more")

// ErrNotYet is wrapped by errors that name no fault of this call: an earlier reply of the API
// forbids to ask it before RouteState.Due.
var ErrNotYet = errors.New("the API must not be asked yet")

// ErrNoGiveUp is returned by [Route].GiveUp where a route can be taken over but must not be
// removed.
var ErrNoGiveUp = errors.New("this route is never removed, only taken over")

// Route is one VIP's route in a provider's network.
//
// Holder, Take, GiveUp and Check ask an API. Each of them ends within ctx and within a deadline of
// its own, and is not called concurrently for one VIP. Other processes may call at any time. The
// other methods ask nobody and return at once.
//
// The engine remembers which switch it began, and what the API said last ([RouteMemo]). A route
// remembers what only it understands, in JSON of its own that the engine keeps unread: ids,
// counters, and what the API asked to wait for.
type Route interface {
	// Holder asks the API who has the route. It changes nothing.
	Holder(ctx context.Context) (RouteState, error)
	// Take points the route here, whoever has it, and waits until the API says that it is done.
	// Nothing is done where a switch of an earlier run turns out to have ended well. begun is when
	// the switch was begun, by this run or by an earlier one that did not see its end.
	//
	// stillLeader checks again that this member leads. The caller has done so no longer than half
	// an [EvidenceAge] ago. Take does so before every repeated mutating attempt, and before any
	// that comes more than the other half after the call or the last check. When stillLeader says
	// false, Take returns [ErrNoLongerLeader].
	Take(ctx context.Context, begun policy.Moment, stillLeader func(context.Context) bool) (RouteState, error)
	// GiveUp removes the route where the API says that it points here, and does nothing where it
	// does not. It is an operator's: a route that is removed leaves clients without a server, and
	// one that is taken over does not.
	GiveUp(ctx context.Context) (RouteState, error)
	// Check asks for everything that Take depends on, for people, and changes nothing.
	Check(ctx context.Context) RouteCheck

	// Memo is what the next process has to know. It is worth reading after each of the calls above,
	// failed or not.
	Memo() json.RawMessage
	// Recall takes over what an earlier process left; nil is nothing. Ids of another configuration
	// are dropped. A memo that is not this route's is an error, and then the route goes on without
	// one. keep, unless nil, is called with what the next process must know should this one be
	// killed in the middle of a call.
	Recall(memo json.RawMessage, keep func(json.RawMessage)) error
	// Abandon forgets the switch that was begun, because this member stopped leading or claims
	// anew. What protects the API, waits and refused logins, stays.
	Abandon()
	// Details explains the memo to people.
	Details() RouteDetails
}

// RouteState is what an API said about a route.
type RouteState struct {
	Ours   bool   `json:"ours"`             // it points here, and no switch is under way
	Holder string `json:"holder"`           // for people: "server 42", "nobody"
	Moving bool   `json:"moving,omitempty"` // a switch is under way
	Quota  *Quota `json:"quota,omitempty"`  // nil where the API does not say

	// Due is when the route is worth asking again, never more than an hour ahead; 0 is at once. It
	// is the only field that counts beside an error.
	Due policy.Moment `json:"-"`
}

// RouteCheck is what came of [Route].Check.
type RouteCheck struct {
	Findings []Finding // for people, an error of the API among them
	// Asked is set where a check asked who has the route as Holder does, and State and Err are then
	// what Holder would have returned. A check that asks in another way leaves the three empty: it
	// says nothing of a switch that is under way.
	Asked bool
	State RouteState
	Err   error
}

// Quota is how many calls an API allows, and how many are left of them.
type Quota struct {
	Limit     int `json:"limit"`
	Remaining int `json:"remaining"`
}

// RouteDetails is what a provider alone knows of a route. All of it is for people.
type RouteDetails struct {
	// Took is how long the last switch took whose end this host saw: from the first mutating
	// attempt until the API said that it is done. It is nil where there was none.
	Took *time.Duration
	// Wait forbids to ask the API before a moment, whoever leads; nil where nothing does.
	Wait *RouteWait
	// Login forbids to log in before a moment; nil where nothing does.
	Login *RouteWait
}

// RouteWait is a moment before which an API must not be asked, and why.
type RouteWait struct {
	Until policy.Moment
	Why   string
}

// RouteMemo is what one process's engine tells the next about a route. Times are on the boot clock:
// nobody can set it, and a memo is kept where a reboot forgets it. Fields are added, never renamed.
type RouteMemo struct {
	// Generation is the claim, of the VIP state, that the route was last taken for. A memo of
	// another claim says nothing of who has the route now.
	Generation uint64 `json:"generation,omitempty"`
	// Failure is why the route does not point here, once that has been told; empty when it does.
	Failure string `json:"failure,omitempty"`
	// Begun is when a switch was begun whose end is not known; 0 where there is none. It is kept
	// before the first call: who finds it knows that a call may have been cut short.
	Begun policy.Moment `json:"begun,omitzero"`
	// Due is when the route is worth asking again; 0 is at once.
	Due policy.Moment `json:"due,omitzero"`

	Last    *RouteState   `json:"last,omitempty"`   // what the API said last; nil where nothing counts any more
	Checked policy.Moment `json:"checked,omitzero"` // when it said so

	// Provider is the route's own memo. Only the route reads it.
	Provider json.RawMessage `json:"provider,omitempty"`
}

// begin returns the memo with a switch begun, to be kept before [Route].Take is called.
func (m RouteMemo) begin(now policy.Moment) RouteMemo {
	if m.Begun.IsZero() {
		m.Begun, m.Due = now, policy.Moment{}
	}
	return m
}

// learn returns the memo with what came of a call.
func (m RouteMemo) learn(s RouteState, err error, now policy.Moment) RouteMemo {
	m.Due = s.Due
	if err != nil {
		return m
	}
	m.Last, m.Checked = &s, now
	if s.Ours {
		m.Begun = policy.Moment{}
	}
	return m
}

// abandon returns the memo without the switch that was begun and without what the API said: when
// this member leads again, it asks at once.
func (m RouteMemo) abandon() RouteMemo {
	m.Begun, m.Last, m.Due = policy.Moment{}, nil, policy.Moment{}
	return m
}
