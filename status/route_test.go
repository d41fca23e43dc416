package status

import (
	"strings"
	"testing"
	"time"

	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/reconcile/policy"
)

const statusNow = 1000 * time.Second

// leadersFacts are a leader's that has the VIP by the third claim.
func leadersFacts() policy.Facts {
	return policy.Facts{
		Now: policy.SinceBoot(statusNow), Address: policy.AddressState{Presence: policy.PresenceYes}, Reply: policy.PatroniReply{Kind: policy.Leader},
		VIP: policy.VIPState{Generation: 3, Phase: policy.Claimed, Claimed: policy.SinceBoot(statusNow - 50*time.Second)},
	}
}

// goodMemo says that the route was taken for that claim.
func goodMemo() reconcile.RouteMemo {
	return reconcile.RouteMemo{
		Generation: 3, Checked: policy.SinceBoot(statusNow - 12*time.Second),
		Last: &reconcile.RouteState{Ours: true, Holder: "server 41", Quota: &reconcile.Quota{Limit: 3600, Remaining: 900}},
	}
}

// goodDetails are those of a route that no API keeps waiting.
func goodDetails() reconcile.RouteDetails {
	took := 1234 * time.Millisecond
	return reconcile.RouteDetails{Took: &took}
}

func TestRouteStatus(t *testing.T) {
	for _, c := range []struct {
		name    string
		memo    func(*reconcile.RouteMemo)
		details func(*reconcile.RouteDetails)
		facts   func(*policy.Facts)
		words   string // from POINTS TO on
		warning string // part of the only one; none where empty
	}{
		{name: "as it should be", words: "here (server 41)|12s ago|took 1.234s|900 of 3600|-"},
		{
			name:    "never asked",
			memo:    func(m *reconcile.RouteMemo) { *m = reconcile.RouteMemo{} },
			details: func(d *reconcile.RouteDetails) { d.Took = nil },
			words:   "-|-|-|-|-",
		}, {
			name:    "elsewhere",
			memo:    func(m *reconcile.RouteMemo) { m.Last = &reconcile.RouteState{Holder: "server 42"} },
			words:   "server 42|12s ago|took 1.234s|-|-",
			warning: "vip: this node leads, but the route points to server 42",
		}, {
			name:  "being switched",
			memo:  func(m *reconcile.RouteMemo) { m.Last = &reconcile.RouteState{Holder: "server 42", Moving: true} },
			words: "server 42|12s ago|took 1.234s|-|-",
		}, {
			name:  "elsewhere, and this node does not lead",
			memo:  func(m *reconcile.RouteMemo) { m.Last = &reconcile.RouteState{Holder: "server 42"} },
			facts: func(f *policy.Facts) { f.Reply.Kind = policy.NotLeader },
			words: "server 42|12s ago|took 1.234s|-|-",
		}, {
			name:  "released since then",
			memo:  func(m *reconcile.RouteMemo) { m.Begun, m.Failure = policy.SinceBoot(1), "failed" },
			facts: func(f *policy.Facts) { f.VIP.Phase, f.Address.Presence = policy.Released, policy.PresenceNo },
			words: "server 41|12s ago|took 1.234s|900 of 3600|-",
		}, {
			name:  "claimed anew since then",
			facts: func(f *policy.Facts) { f.VIP.Generation = 4 },
			words: "server 41|12s ago|took 1.234s|900 of 3600|-",
		}, {
			name: "a switch that does not come to its end",
			memo: func(m *reconcile.RouteMemo) {
				m.Last, m.Begun, m.Failure = nil, policy.SinceBoot(statusNow-time.Minute), "HTTP 503"
			},
			words:   "-|-|took 1.234s|-|switch begun 1m0s ago; HTTP 503",
			warning: "vip: this node leads, but the route does not point here: HTTP 503",
		}, {
			name:    "a look that failed",
			memo:    func(m *reconcile.RouteMemo) { m.Failure = "HTTP 503" },
			words:   "here (server 41)|12s ago|took 1.234s|900 of 3600|HTTP 503",
			warning: "vip: the last call about the route failed: HTTP 503",
		}, {
			name: "a limit that was met",
			details: func(d *reconcile.RouteDetails) {
				d.Wait = &reconcile.RouteWait{Until: policy.SinceBoot(statusNow + time.Hour), Why: "too many calls"}
			},
			words: "here (server 41)|12s ago|took 1.234s|900 of 3600|waits for another 1h0m0s: too many calls",
		}, {
			name: "a limit that was met, and is over",
			details: func(d *reconcile.RouteDetails) {
				d.Wait, d.Login = &reconcile.RouteWait{Until: policy.SinceBoot(statusNow)}, &reconcile.RouteWait{Until: policy.SinceBoot(statusNow - 1)}
			},
			words: "here (server 41)|12s ago|took 1.234s|900 of 3600|-",
		}, {
			name: "a refused login, on a replica",
			details: func(d *reconcile.RouteDetails) {
				d.Login = &reconcile.RouteWait{Until: policy.SinceBoot(statusNow + time.Minute), Why: "the login was refused"}
			},
			facts:   func(f *policy.Facts) { f.Reply.Kind = policy.NotLeader },
			words:   "here (server 41)|12s ago|took 1.234s|900 of 3600|waits for another 1m0s: the login was refused",
			warning: "vip: the login was refused; no login for another 1m0s",
		}, {
			name:    "few calls left",
			memo:    func(m *reconcile.RouteMemo) { m.Last.Quota.Remaining = 899 },
			words:   "here (server 41)|12s ago|took 1.234s|899 of 3600|-",
			warning: "vip: 899 of 3600 calls were left 12s ago",
		},
	} {
		memo, details, facts := goodMemo(), goodDetails(), leadersFacts()
		if c.details != nil {
			c.details(&details)
		}
		if c.memo != nil {
			c.memo(&memo)
		}
		if c.facts != nil {
			c.facts(&facts)
		}
		s := routeOf("floating_ip", memo, details, facts)
		words := strings.Join([]string{pointsTo(s), asked(s), lastSwitch(s), callsLeft(s), orDash(underWay(s))}, "|")
		if words != c.words {
			t.Errorf("%s: got %s, want %s", c.name, words, c.words)
		}
		warnings := s.warnings("vip", facts.Reply.Kind == policy.Leader)
		if text := strings.Join(warnings, "\n"); (text == "") != (c.warning == "") || len(warnings) > 1 || !strings.Contains(text, c.warning) {
			t.Errorf("%s: got the warnings %q, want %q", c.name, warnings, c.warning)
		}
	}
}
