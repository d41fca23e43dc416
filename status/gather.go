package status

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/reconcile/policy"
)

// answerWindow is how long a report listens for others that answer for a VIP, and answerTries how
// often it tries to ask.
const (
	answerWindow = 150 * time.Millisecond
	answerTries  = 10
)

// Host is what a report is gathered from. Every field is needed.
type Host struct {
	Engine  *reconcile.Engine // says what a tick would do; it is run by nobody else meanwhile
	Patroni Client
	VIPs    []Configured // the engine's, by name
	RunDir  string       // where ticks leave their mark, for the words of who misses them
	// Newest is a VIP's newest transition, nil where there is none. It may return one together with
	// an error.
	Newest func(vip string) (*reconcile.Record, error)
	// Findings looks for what keeps clients from a VIP.
	Findings func(context.Context) reconcile.Findings
}

// Configured is a VIP as the configuration has it.
type Configured struct {
	Name      string
	Prefix    netip.Prefix
	Interface string
	Address   reconcile.Address
	Route     reconcile.Route // nil where it has none
	RouteKind string          // as config names it, "floating_ip" for example
}

// Gather makes a report. It changes nothing, and sends nothing but questions. With all it asks
// every member as well. What cannot be found out is a warning in the report. It ends soon after ctx
// does: a report of that moment is of no use, since whoever was not heard any more looks silent.
func Gather(ctx context.Context, h Host, all bool) Report {
	trigger := policy.Trigger{Event: policy.EventTick, By: "timer", At: h.Engine.Clock.Now()}
	outcomes := h.Engine.Plan(ctx, trigger)
	facts := outcomes[0].Facts // what concerns the cluster is the same in all
	if facts.Reply.Kind == policy.Unasked {
		// A hold where the address is not here decides without a question.
		facts.Reply = h.Patroni.Reply(ctx)
	}
	r := Report{Version: Version, Node: h.Patroni.Name()}
	r.Cluster, _ = h.Patroni.Scope() // an error is in the reply as well
	r.Patroni = patroniOf(ctx, h.Patroni, facts)
	r.LastTick, r.ticks = lastTick(h, facts.Cluster.LastTick, trigger.At)
	r.Warnings = leaseWarnings(facts.Cluster.Timing, h.Engine.Interval)
	for _, configured := range h.VIPs {
		i := slices.IndexFunc(outcomes, func(o reconcile.Outcome) bool { return o.VIP == configured.Name })
		v, warnings := gatherVIP(ctx, h, configured, outcomes[i])
		r.VIPs = append(r.VIPs, v)
		r.Warnings = append(r.Warnings, warnings...)
	}
	r.Findings = append(reconcile.Findings{}, h.Findings(ctx)...) // JSON has a list, not null
	if all {
		cluster, err := h.Engine.Store.ClusterState()
		if err != nil {
			r.Warnings = append(r.Warnings, "continuing without the other members: "+err.Error())
		}
		r.Members = membersOf(ctx, h.Patroni, r.Patroni, cluster.Peers)
	}
	return r
}

// lastTick is when the timer last ran, as a time and as the table needs it.
func lastTick(h Host, last, now policy.Moment) (*reconcile.Stamp, ticks) {
	t := ticks{ago: -1, interval: h.Engine.Interval, runDir: h.RunDir}
	if last.IsZero() {
		return nil, t
	}
	t.ago = now.Sub(last)
	return &reconcile.Stamp{Time: time.Now().Add(-t.ago)}, t
}

// leaseWarnings says where the cluster's settings leave a lease no room.
func leaseWarnings(t policy.Timing, interval time.Duration) []string {
	if t == (policy.Timing{}) || t.Roomy(interval) {
		return nil
	}
	return []string{fmt.Sprintf("ttl %v leaves no room for the usual lease beside loop_wait %v and the timer's %v: "+
		"it is renewed from tick to tick, and a timer that misses a few loses the VIP", t.TTL, t.LoopWait, interval)}
}

// gatherVIP gathers what is known of one VIP.
func gatherVIP(ctx context.Context, h Host, c Configured, o reconcile.Outcome) (v VIP, warnings []string) {
	warnings = o.Warnings
	warnOf := func(doing string, err error) {
		if err != nil {
			warnings = append(warnings, fmt.Sprintf("%s: %v", doing, err))
		}
	}
	v = vipOf(o)
	v.Address, v.Interface = c.Prefix.String(), c.Interface
	if c.Route != nil {
		memo, err := recall(h.Engine.Store, c)
		warnOf("read what is known of the route of "+v.Name, err)
		v.Route = routeOf(c.RouteKind, memo, c.Route.Details(), o.Facts)
		warnings = append(warnings, v.Route.warnings(v.Name, o.Facts.Reply.Kind == policy.Leader)...)
	} else { // the provider's network routes the others: whoever answers on the link has no part in it
		answering, err := answersFor(ctx, c.Address)
		warnOf("ask who answers for "+v.Name, err)
		v.Answering = append(v.Answering, answering...)
		if err != nil {
			v.Answering = nil
		}
	}
	last, err := h.Newest(v.Name)
	warnOf("read the history", err)
	v.LastTransition = last
	return v, warnings
}

// recall reads what is known of a VIP's route, and has the route take over what it kept of that
// itself. With an error nothing is known.
func recall(notes reconcile.Store, c Configured) (reconcile.RouteMemo, error) {
	m, err := notes.RouteMemo(c.Name)
	if err == nil {
		err = c.Route.Recall(m.Provider, nil)
	}
	if err != nil {
		return reconcile.RouteMemo{}, err
	}
	return m, nil
}

// answersFor asks who else answers for an address, and waits for its turn where the link has had
// its frames.
func answersFor(ctx context.Context, address reconcile.Address) (macs []policy.MAC, err error) {
	for range answerTries {
		if macs, err = address.Probe(ctx, answerWindow); !errors.Is(err, reconcile.ErrUnasked) {
			break
		}
	}
	return macs, err
}

// vipOf is what a plan tells of one VIP.
func vipOf(o reconcile.Outcome) VIP {
	address, state := o.Facts.Address, o.Facts.VIP
	v := VIP{Name: o.VIP, Present: address.Presence, Forever: address.Forever, Do: o.Verdict.Do, Code: o.Verdict.Code, Reason: o.Verdict.Why}
	v.Answering = []policy.MAC{} // JSON has a list, not null, where nobody answers
	if !address.End.IsZero() {
		left := float64(address.End.Sub(o.Facts.Now).Round(100*time.Millisecond)) / float64(time.Second)
		v.LeaseSeconds = &left
	}
	if len(state.Answering) > 0 {
		at := time.Now().Add(state.Probed.Sub(o.Facts.Now))
		v.Conflict = &Conflict{MAC: state.Answering[0], At: reconcile.Stamp{Time: at}}
		v.Reason += fmt.Sprintf(" (conflict: %s answers too)", state.Answering[0])
	}
	v.Repeats = repeatsOf(state, o.Facts.Now)
	for _, r := range v.Repeats {
		v.Reason += fmt.Sprintf(" (%s %s again, %d times since %s: does another program move the address?)", r.Do, r.Code, r.Times, r.Since.UTC().Format("15:04:05 UTC"))
	}
	if address.Detail != "" {
		v.Reason += " (" + address.Detail + ")"
	}
	return v
}

// repeatsOf lists what ticks do again and again at present.
func repeatsOf(state policy.VIPState, now policy.Moment) []Repeat {
	list := []Repeat{} // JSON has a list, not null
	for _, key := range slices.Sorted(maps.Keys(state.Repeats)) {
		if r := state.Repeats[key]; r.GoesOn(now) {
			words := strings.Fields(key)
			list = append(list, Repeat{Do: reconcile.Change(words[0]), Code: policy.Code(words[1]), Times: r.Times, Since: reconcile.Stamp{Time: r.Since}})
		}
	}
	return list
}
