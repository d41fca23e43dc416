package reconcile

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/vipctl/vipctl/reconcile/policy"
)

// worldRoute is a route in the world. It is asked by one goroutine at a time, under the route's
// lock.
type worldRoute struct {
	w      *world
	holder string // who has it
	err    error  // what the API answers
	hangs  chan struct{}
	memo   worldMemo
	keep   func(json.RawMessage)
	calls  []string
	leads  func(context.Context) bool // of the last Take: whether this member still leads
	begun  policy.Moment              // of the last Take
	asked  chan struct{}              // a value for each Take that hangs
	onAsk  func()                     // called before a Holder answers
	check  RouteCheck                 // what Check comes to
}

// worldMemo is the route's own.
type worldMemo struct {
	Switch int           // the number of the switch that is under way
	Login  policy.Moment // no login before this moment
}

var _ Route = (*worldRoute)(nil)

func (r *worldRoute) state() RouteState { return RouteState{Ours: r.holder == "us", Holder: r.holder} }

func (r *worldRoute) Holder(context.Context) (RouteState, error) {
	r.calls = append(r.calls, "ask")
	if r.onAsk != nil {
		r.onAsk()
	}
	return r.replied()
}

func (r *worldRoute) replied() (RouteState, error) {
	if r.err != nil {
		return RouteState{}, r.err
	}
	s := r.state()
	s.Due = r.w.Now().Add(30 * time.Second)
	if s.Ours {
		r.memo.Switch = 0
	}
	return s, nil
}

func (r *worldRoute) Take(ctx context.Context, begun policy.Moment, leads func(context.Context) bool) (RouteState, error) {
	r.calls, r.leads, r.begun = append(r.calls, "take"), leads, begun
	r.w.mu.Lock()
	kept, generation := r.w.memos["vip"], r.w.notes["vip"].Generation
	r.w.mu.Unlock()
	if kept.Begun.IsZero() || kept.Begun != begun || kept.Generation != generation && r.w.lockErr == nil {
		r.w.t.Errorf("the API is called before the intent is kept: %+v", kept)
	}
	r.memo.Switch++
	if r.keep != nil {
		r.keep(r.Memo())
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
	return r.replied()
}

func (r *worldRoute) GiveUp(context.Context) (RouteState, error) {
	r.calls = append(r.calls, "give up")
	if r.holder == "us" {
		r.holder = "nobody"
	}
	return r.replied()
}

func (r *worldRoute) Check(context.Context) RouteCheck {
	r.calls = append(r.calls, "check")
	r.memo.Login = r.w.Now().Add(time.Hour)
	return r.check
}

func (r *worldRoute) Memo() json.RawMessage {
	data, err := json.Marshal(r.memo)
	if err != nil {
		r.w.t.Error(err)
	}
	return data
}

func (r *worldRoute) Recall(m json.RawMessage, keep func(json.RawMessage)) error {
	r.memo, r.keep = worldMemo{}, keep
	if m == nil {
		return nil
	}
	return json.Unmarshal(m, &r.memo)
}

func (r *worldRoute) Abandon()              { r.memo.Switch = 0 }
func (r *worldRoute) Details() RouteDetails { return RouteDetails{} }

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
	return r.event(policy.Event("on_role_change"), policy.Role("primary"))
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

func TestAClaimTakesTheRoute(t *testing.T) {
	r := newRouted(t)
	o := r.promoted()
	r.want(true)
	r.wantCalls("take")
	r.wantRecords("the route points here: us, after 0s; ")
	if m := r.memos["vip"]; m.Generation != 1 || !m.Begun.IsZero() || m.Last == nil || m.Checked != r.now || m.Failure != "" || m.Due != r.now.Add(30*time.Second) {
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
	for name, unproven := range map[string]func(r *routed){
		"silent, the peers name us": func(r *routed) {
			r.pass(14 * time.Second) // near the lease's end it is rolled
			r.word = policy.PatroniReply{Kind: policy.Silent, Why: "connection refused"}
			r.peers = []policy.PeerReply{{Peer: policy.Peer{Name: "n2"}, Reply: policy.PatroniReply{Kind: policy.NotLeader, Role: policy.Role("replica")}, Names: "n1"}}
		},
		"an operator's hold": func(r *routed) {
			r.follows()
			n := r.notes["vip"]
			n.Hold = &policy.OperatorHold{By: "ann", Until: r.now.Add(time.Hour)}
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
			unproven(r)
			r.ticked()
			r.want(true)
			r.wantCalls("")
			if r.route.leads(t.Context()) {
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
		"behind it":                  func(m *RouteMemo) { m.Begun = policy.SinceBoot(1); m.Due = policy.Moment{} },
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

func TestTheLeaderAsksWhenThatIsDue(t *testing.T) {
	r := newRouted(t)
	r.promoted()
	r.wantCalls("take")
	r.ticks(14)
	r.wantCalls("")
	r.ticks(1)
	r.wantCalls("ask")
	r.route.holder = "n9"
	r.ticks(15)
	r.wantCalls("ask, take")
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

	// The same for a question.
	r.route.err = errors.New("HTTP 500")
	r.ticks(17)
	r.wantCalls("ask, ask, ask")
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
	if !r.end.After(end) {
		t.Error("the lease was not renewed")
	}
	close(r.route.hangs)
	r.ticked()
	r.wantCalls("take")
	r.wantRecords("the route points here: us, after 6s; ")
}

// What a late attempt has to ask first.
func TestStillLeader(t *testing.T) {
	r := newRouted(t)
	r.promoted()
	still := func() bool { return r.route.leads(t.Context()) }
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

func TestStillLeaderByForce(t *testing.T) {
	r := newRouted(t)
	r.follows()
	r.engine.Run(t.Context(), policy.Trigger{Event: policy.EventOperator, Order: policy.OrderClaim, Force: true, By: "ann", At: r.now})
	r.wantCalls("take")
	r.pass(5 * time.Second)
	if !r.route.leads(t.Context()) {
		t.Error("--force needs a leader")
	}
}

// A claim on argv that Patroni then denies gives the call up, and whoever leads next takes the
// route anew.
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

// A process that is killed in the middle of a call leaves what the route wanted kept, and when the
// switch was begun.
func TestTheNextProcessGoesOn(t *testing.T) {
	r := newRouted(t)
	r.promoted()
	begun, half := r.now, worldMemo{Switch: 3}
	data, err := json.Marshal(half)
	if err != nil {
		t.Fatal(err)
	}
	r.memos["vip"] = RouteMemo{Generation: 1, Begun: begun, Provider: data}
	r.route.calls, r.route.holder, r.route.hangs = nil, "n2", make(chan struct{})
	r.pass(2 * time.Second)
	r.leads()
	r.event(policy.EventTick, "")
	<-r.route.asked
	if m := r.memos["vip"]; r.route.begun != begun || string(m.Provider) != `{"Switch":4,"Login":0}` || m.Begun != begun {
		t.Errorf("begun at %v, and the memo is %+v", r.route.begun, m)
	}
	close(r.route.hangs)
	r.ticked()
	r.wantCalls("take")
	if m := r.memos["vip"]; !m.Begun.IsZero() || string(m.Provider) != `{"Switch":0,"Login":0}` {
		t.Errorf("memo %+v", m)
	}
}

// A memo that is not the route's is told of, and costs nothing more.
func TestAMemoOfAnotherProvider(t *testing.T) {
	r := newRouted(t)
	r.memos["vip"] = RouteMemo{Generation: 1, Begun: policy.SinceBoot(1), Due: r.now.Add(time.Hour), Provider: json.RawMessage(`{"Switch":"seven"}`)}
	o := r.promoted()
	r.wantCalls("take")
	if len(o.Warnings) != 1 || !strings.Contains(o.Warnings[0], "continuing without the route's memo") {
		t.Errorf("warnings %q", o.Warnings)
	}
	if m := r.memos["vip"]; m.Generation != 1 || !m.Begun.IsZero() || r.route.begun != r.now {
		t.Errorf("memo %+v, begun at %v", m, r.route.begun)
	}
}

// What a check learns is kept. One that does not ask who has the route leaves what the engine knows
// as it is.
func TestCheckRoute(t *testing.T) {
	r := newRouted(t)
	r.promoted()
	before := r.memos["vip"]
	r.route.check.Findings = []Finding{{Level: OK, Text: "fine"}}
	if found := r.engine.CheckRoute(t.Context(), r.engine.VIPs[0]); len(found) != 1 || found[0].Text != "fine" {
		t.Errorf("found %+v", found)
	}
	r.wantCalls("take, check")
	m := r.memos["vip"]
	if string(m.Provider) != fmt.Sprintf(`{"Switch":0,"Login":%d}`, r.now.Add(time.Hour).SinceBoot()) {
		t.Errorf("the route's part is %s", m.Provider)
	}
	if m.Provider = before.Provider; !reflect.DeepEqual(m, before) {
		t.Errorf("memo %+v, want %+v", m, before)
	}
	r.route.check.Asked, r.route.check.State = true, RouteState{Holder: "n2", Due: policy.SinceBoot(7)}
	r.pass(time.Second)
	r.engine.CheckRoute(t.Context(), r.engine.VIPs[0])
	if m := r.memos["vip"]; m.Last == nil || m.Last.Holder != "n2" || m.Checked != r.now || m.Due != policy.SinceBoot(7) || m.Generation != before.Generation {
		t.Errorf("memo %+v", m)
	}
	r.route.check.Err = errors.New("HTTP 401")
	r.route.check.State = RouteState{Due: policy.SinceBoot(9)}
	r.engine.CheckRoute(t.Context(), r.engine.VIPs[0])
	if m := r.memos["vip"]; m.Last == nil || m.Last.Holder != "n2" || m.Due != policy.SinceBoot(9) || m.Failure != "" {
		t.Errorf("memo %+v", m)
	}
	r.saveErr = errors.New("no space")
	if found := r.engine.CheckRoute(t.Context(), r.engine.VIPs[0]); len(found) != 2 || found[1] != (Finding{Warning, "no space"}) {
		t.Errorf("found %+v", found)
	}
	r.saveErr, r.noteErr = nil, errors.New("damaged")
	if found := r.engine.CheckRoute(t.Context(), r.engine.VIPs[0]); len(found) != 1 || found[0] != (Finding{Problem, "damaged"}) {
		t.Errorf("found %+v", found)
	}
	r.routeLocked = true
	if found := r.engine.CheckRoute(t.Context(), r.engine.VIPs[0]); len(found) != 1 || found[0].Text != ErrBusy.Error() {
		t.Errorf("found %+v", found)
	}
}
