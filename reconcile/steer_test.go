package reconcile

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/vipctl/vipctl/reconcile/policy"
)

// worldRoute is a route in the world. It is asked by one goroutine at a time, under the route's lock.
type worldRoute struct {
	w      *world
	holder string // who has it
	err    error  // what the API answers
	hangs  chan struct{}
	memo   RouteMemo
	keep   func(RouteMemo)
	calls  []string
	still  func(context.Context) bool // of the last Take
	asked  chan struct{}              // a value for each Take that hangs
	onLook func()                     // called before a Holder answers
}

var _ Route = (*worldRoute)(nil)

func (r *worldRoute) state() RouteState { return RouteState{Ours: r.holder == "us", Holder: r.holder} }

func (r *worldRoute) Holder(context.Context) (RouteState, error) {
	r.calls = append(r.calls, "look")
	if r.onLook != nil {
		r.onLook()
	}
	return r.answered()
}

func (r *worldRoute) answered() (RouteState, error) {
	r.memo.Due = r.w.Now() + 30*time.Second
	if r.err != nil {
		r.memo.Due = 0
		return RouteState{}, r.err
	}
	if s := r.state(); s.Ours {
		r.memo.Pending, r.memo.Last = nil, &s
	}
	return r.state(), nil
}

func (r *worldRoute) Take(ctx context.Context, still func(context.Context) bool) (RouteState, error) {
	r.calls, r.still = append(r.calls, "take"), still
	r.w.mu.Lock()
	kept, generation := r.w.memos["vip"], r.w.notes["vip"].Generation
	r.w.mu.Unlock()
	if kept.Pending == nil || kept.Generation != generation && r.w.lockErr == nil {
		r.w.t.Errorf("the API is called before the intent is kept: %+v", kept)
	}
	if r.hangs != nil {
		r.asked <- struct{}{}
		select {
		case <-ctx.Done():
			return RouteState{}, ctx.Err()
		case <-r.hangs:
		}
	}
	if r.err == nil {
		r.holder = "us"
	}
	return r.answered()
}

func (r *worldRoute) GiveUp(context.Context) (RouteState, error) {
	r.calls = append(r.calls, "give up")
	if r.holder == "us" {
		r.holder = "nobody"
	}
	return r.answered()
}

func (r *worldRoute) Memo() RouteMemo                          { return r.memo }
func (r *worldRoute) Recall(m RouteMemo, keep func(RouteMemo)) { r.memo, r.keep = m, keep }

// routed is a world with a route, and one engine, which keeps its own count of what is under way.
type routed struct {
	*world
	route  *worldRoute
	engine *Engine
}

func newRouted(t *testing.T) *routed {
	w := newWorld(t)
	r := &routed{w, &worldRoute{w: w, holder: "n2", asked: make(chan struct{}, 1)}, w.engine()}
	r.engine.VIPs[0].Route = r.route
	return r
}

func (r *routed) event(e policy.Event, role policy.Role) Outcome {
	r.t.Helper()
	return r.engine.Run(r.t.Context(), policy.Trigger{Event: e, Role: role, Cluster: "demo", At: r.now})[0]
}

func (r *routed) promoted() Outcome {
	r.t.Helper()
	return r.event(policy.Event("on_role_change"), policy.RolePrimary)
}

// ticked is a tick together with the work that it leaves behind.
func (r *routed) ticked() Outcome {
	r.t.Helper()
	o := r.event(policy.EventTick, "")
	if !r.engine.Settled(r.t.Context(), 10*time.Second) {
		r.t.Fatal("the route is not settled")
	}
	return o
}

// ticks is so many ticks of a leader, one every two seconds.
func (r *routed) ticks(n int) {
	r.t.Helper()
	for range n {
		r.pass(2 * time.Second)
		r.leads()
		if o := r.ticked(); o.Err != nil || len(o.Records) != 0 {
			r.t.Errorf("a tick reports %v, %v", o.Err, o.Records)
		}
	}
}

func (r *routed) wantCalls(want string) {
	r.t.Helper()
	if got := strings.Join(r.route.calls, ", "); got != want {
		r.t.Fatalf("calls %q, want %q", got, want)
	}
	r.route.calls = nil
}

// wantRecords checks what became of the route, by the history.
func (r *routed) wantRecords(want ...string) {
	r.t.Helper()
	var got []string
	for _, rec := range r.records {
		if rec.Do == ChangeRoute {
			got = append(got, rec.Reason+"; "+rec.Error)
		}
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		r.t.Fatalf("records\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestErrandFor(t *testing.T) {
	pending := &PendingSwitch{Since: 1}
	for name, c := range map[string]struct {
		memo RouteMemo
		want errand
	}{
		"no memo":                   {RouteMemo{}, errandTake},
		"another claim's":           {RouteMemo{Generation: 6, Due: now + 1}, errandTake},
		"another claim's, pending":  {RouteMemo{Generation: 8, Due: now + 1, Pending: pending}, errandTake},
		"pending, due":              {RouteMemo{Generation: 7, Due: now, Pending: pending}, errandTake},
		"pending, not due":          {RouteMemo{Generation: 7, Due: now + 1, Pending: pending}, errandNone},
		"taken, a look is due":      {RouteMemo{Generation: 7, Due: now}, errandLook},
		"taken, a look is not due":  {RouteMemo{Generation: 7, Due: now + 1}, errandNone},
		"taken, nobody knows since": {RouteMemo{Generation: 7}, errandLook},
	} {
		if got := errandFor(c.memo, 7, now); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestAClaimTakesTheRoute(t *testing.T) {
	r := newRouted(t)
	o := r.promoted()
	r.want(true)
	r.wantCalls("take")
	r.wantRecords("the route points here: us, after 0s; ")
	if m := r.memos["vip"]; m.Generation != 1 || m.Pending != nil || m.Last == nil || m.Failure != "" {
		t.Errorf("memo %+v", m)
	}
	if len(o.Records) != 2 || o.Records[1].Do != ChangeRoute || o.Err != nil {
		t.Errorf("outcome %+v", o)
	}
	r.ticked()
	r.wantCalls("")
}

func TestMembersThatDoNotLeadAskNobody(t *testing.T) {
	r := newRouted(t)
	r.follows()
	for range 5 {
		r.ticked()
		r.pass(time.Minute)
	}
	r.event(policy.Event("on_role_change"), policy.Role("replica"))
	r.event(policy.Event("on_stop"), policy.Role("replica"))
	r.wantCalls("")
}

// What is kept without a proof that would do for a claim takes no route from anybody.
func TestAnAddressThatIsMerelyKeptAsksNobody(t *testing.T) {
	for name, doubt := range map[string]func(r *routed){
		"silent, the peers name us": func(r *routed) {
			r.pass(14 * time.Second) // near the lease's end it is rolled
			r.word = policy.PatroniReply{Kind: policy.Silent, Why: "connection refused"}
			r.peers = []policy.PeerReply{{Peer: policy.Peer{Name: "n2"}, Reply: policy.PatroniReply{Kind: policy.NotLeader, Role: policy.Role("replica")}, Names: "n1"}}
		},
		"an operator's hold": func(r *routed) {
			r.follows()
			n := r.notes["vip"]
			n.Hold = &policy.OperatorHold{By: "ann", Until: r.now + time.Hour}
			r.notes["vip"] = n
		},
		"paused, no DCS": func(r *routed) {
			r.word.Paused, r.word.Unlocked, r.word.LastSeen = true, true, r.word.LastSeen-60
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRouted(t)
			r.promoted()
			r.ticks(14)
			r.wantCalls("take")
			r.route.holder = "n2"
			r.pass(2 * time.Second)
			doubt(r)
			r.ticked()
			r.want(true)
			r.wantCalls("")
			if r.route.still(t.Context()) {
				t.Error("a late attempt may go on")
			}
		})
	}
}

// A release asks nobody, and what the next claim finds of the last one counts for nothing.
func TestAReleaseLeavesTheRoute(t *testing.T) {
	r := newRouted(t)
	r.promoted()
	r.follows()
	r.event(policy.Event("on_role_change"), policy.Role("replica"))
	r.want(false)
	r.wantCalls("take")
	r.leads()
	r.route.holder = "n2"
	r.promoted()
	r.wantCalls("take")
	if r.route.holder != "us" {
		t.Errorf("%s has the route", r.route.holder)
	}
}

// A callback that is killed before or behind its call: the next tick finishes.
func TestACallThatWasCutShort(t *testing.T) {
	for name, memo := range map[string]func(*RouteMemo){
		"before the intent was kept": func(m *RouteMemo) { *m = RouteMemo{} },
		"behind it":                  func(m *RouteMemo) { m.Pending = &PendingSwitch{Since: 1}; m.Due = 0 },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRouted(t)
			r.promoted()
			m := r.memos["vip"]
			memo(&m)
			r.memos["vip"], r.route.calls, r.route.holder = m, nil, "n2"
			r.ticked()
			r.wantCalls("take")
			if r.route.holder != "us" {
				t.Errorf("%s has the route", r.route.holder)
			}
		})
	}
}

func TestTheLeaderLooksWhenThatIsDue(t *testing.T) {
	r := newRouted(t)
	r.promoted()
	r.wantCalls("take")
	r.ticks(14)
	r.wantCalls("")
	r.ticks(1)
	r.wantCalls("look")
	r.route.holder = "n9"
	r.ticks(15)
	r.wantCalls("look, take")
	r.wantRecords("the route points here: us, after 0s; ", "n9 had the route: the route points here: us, after 0s; ")
}

// A failure is told once, and so is its end.
func TestAFailureIsToldOnce(t *testing.T) {
	r := newRouted(t)
	r.route.err = errors.New("HTTP 503")
	if o := r.promoted(); o.Err == nil {
		t.Error("the callback reports no error")
	}
	r.want(true)
	r.ticks(3)
	r.route.err = nil
	r.ticked()
	r.wantCalls("take, take, take, take, take")
	r.wantRecords("the route does not point here; HTTP 503", "the route points here: us, after 6s; ")

	// The same for a look.
	r.route.err = errors.New("HTTP 500")
	r.ticks(17)
	r.wantCalls("look, look, look")
	r.route.err = nil
	r.ticked()
	r.wantRecords("the route does not point here; HTTP 503", "the route points here: us, after 6s; ",
		"the API does not say where the route points; HTTP 500", "the route points here: us; ")
}

// While an API hangs, ticks go on, in the same process or in others, and none of them asks it too.
func TestTicksGoOnWhileAnAPIHangs(t *testing.T) {
	r := newRouted(t)
	r.leads()
	r.route.hangs = make(chan struct{})
	r.event(policy.EventTick, "")
	<-r.route.asked
	if r.engine.Settled(t.Context(), time.Millisecond) {
		t.Error("settled while the API hangs")
	}
	end := r.end
	for range 3 {
		r.pass(2 * time.Second)
		r.leads()
		r.event(policy.EventTick, "")
		r.world.engine().Run(t.Context(), policy.Trigger{Event: policy.EventTick, At: r.now})
	}
	if r.end <= end {
		t.Error("the lease was not renewed")
	}
	close(r.route.hangs)
	r.ticked()
	r.wantCalls("take")
	r.wantRecords("the route points here: us, after 6s; ")
}

// What a late attempt has to ask first.
func TestStill(t *testing.T) {
	r := newRouted(t)
	r.promoted()
	still := func() bool { return r.route.still(t.Context()) }
	if !still() {
		t.Error("the leader may not go on")
	}
	r.follows()
	if still() {
		t.Error("a member that does not lead may go on")
	}
	r.leads()
	n := r.notes["vip"]
	n.Generation++
	r.notes["vip"] = n
	if still() {
		t.Error("an older claim may go on")
	}
}

func TestStillByForce(t *testing.T) {
	r := newRouted(t)
	r.follows()
	r.engine.Run(t.Context(), policy.Trigger{Event: policy.EventOperator, Order: policy.OrderClaim, Force: true, By: "ann", At: r.now})
	r.wantCalls("take")
	r.pass(5 * time.Second)
	if !r.route.still(t.Context()) {
		t.Error("--force needs a leader")
	}
}

// A claim on argv that Patroni then denies gives the call up, and whoever leads next takes the route anew.
func TestAClaimThatIsUndone(t *testing.T) {
	r := newRouted(t)
	r.follows()
	r.route.hangs = make(chan struct{})
	r.wantCode(r.promoted(), policy.Code("claim_undone"))
	r.want(false)
	if r.route.holder == "us" {
		t.Error("the route was taken")
	}
}

// Nothing is known of a route that was left alone because somebody else leads.
func TestNoLongerLeader(t *testing.T) {
	r := newRouted(t)
	r.route.err = ErrNoLongerLeader
	if o := r.promoted(); o.Err != nil {
		t.Errorf("an error: %v", o.Err)
	}
	r.wantRecords()
	r.route.err = nil
	r.ticked()
	r.wantCalls("take, take")
}

// A claim works without /run; a tick would ask the API each time, and leaves it.
func TestWithoutTheRoutesLock(t *testing.T) {
	r := newRouted(t)
	r.lockErr = errors.New("read-only file system")
	r.promoted()
	r.wantCalls("take")
	delete(r.memos, "vip")
	r.ticked()
	r.wantCalls("")
}

func TestUnassign(t *testing.T) {
	r := newRouted(t)
	r.promoted()
	s, err := r.engine.Unassign(t.Context(), r.engine.VIPs[0], policy.Trigger{Event: policy.EventOperator, By: "ann", At: r.now})
	if err != nil || s.Holder != "nobody" {
		t.Errorf("%+v, %v", s, err)
	}
	r.wantCalls("take, give up")
	r.wantRecords("the route points here: us, after 0s; ", "given up by hand, the route points to nobody; ")
	if m := r.memos["vip"]; m.Generation != 0 {
		t.Errorf("memo %+v", m)
	}
	r.routeLocked = true
	if _, err := r.engine.Unassign(t.Context(), r.engine.VIPs[0], policy.Trigger{}); !errors.Is(err, ErrBusy) {
		t.Errorf("%v with the API in another's hands", err)
	}
}
