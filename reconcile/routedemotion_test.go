package reconcile

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/vipctl/vipctl/reconcile/policy"
)

// A question takes its time, and this member is demoted meanwhile: that another has the route is no
// reason to take it.
func TestAQuestionThatOutlastsTheLeader(t *testing.T) {
	for name, c := range map[string]struct {
		took  time.Duration
		leads bool
		calls string
	}{
		"a second":                    {time.Second, false, "ask, take"},
		"longer":                      {time.Second + 1, false, "ask"},
		"longer, and leads all along": {time.Second + 1, true, "ask, take"},
		"as long as it ever takes":    {10 * time.Second, false, "ask"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRouted(t)
			r.promoted()
			r.pass(time.Minute)
			r.leads()
			r.route.calls, r.route.holder = nil, "n2"
			r.route.onAsk = func() {
				r.pass(c.took)
				if r.leads(); !c.leads {
					r.follows()
				}
			}
			r.ticked()
			r.wantCalls(c.calls)
			if m := r.memos["vip"]; c.calls == "ask" && (m.Generation != 0 || !m.Begun.IsZero() || !m.Due.IsZero()) {
				t.Errorf("memo %+v", m)
			}
		})
	}
}

// A switch that an earlier claim began, and that nobody finished, is not this claim's.
func TestAnEarlierClaimsSwitch(t *testing.T) {
	r := newRouted(t)
	r.memos["vip"] = RouteMemo{Generation: 7, Begun: policy.SinceBoot(1), Provider: json.RawMessage(`{"Switch":5}`), Due: r.now.Add(time.Hour), Failure: "HTTP 503"}
	r.promoted()
	r.wantCalls("take")
	r.wantRecords("the route points here: us, after 0s; ")
}

// A tick that finds that this member does not lead ends what an earlier tick of its process asks an
// API, and tells nobody of it.
func TestADemotionEndsACall(t *testing.T) {
	r := newRouted(t)
	r.leads()
	r.route.hangs = make(chan struct{})
	r.event(policy.EventTick, "")
	<-r.route.asked
	r.pass(2 * time.Second)
	r.follows()
	r.ticked()
	r.want(false)
	r.wantRecords()
	if m := r.memos["vip"]; m.Generation != 0 || !m.Begun.IsZero() || m.Failure != "" {
		t.Errorf("memo %+v", m)
	}
}

// That Patroni is silent for a moment ends nothing.
func TestSilenceEndsNoCall(t *testing.T) {
	r := newRouted(t)
	r.leads()
	r.route.hangs = make(chan struct{})
	r.event(policy.EventTick, "")
	<-r.route.asked
	r.pass(2 * time.Second)
	r.word = policy.PatroniReply{Kind: policy.Silent, Why: "timeout"}
	r.event(policy.EventTick, "")
	r.want(true)
	close(r.route.hangs)
	r.ticked()
	r.wantRecords("the route points here: us, after 2s; ")
}
