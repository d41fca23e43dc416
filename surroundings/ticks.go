package surroundings

import (
	"slices"
	"time"

	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/reconcile/policy"
)

// findTicks finds a timer that does not run: nothing renews the leases then, and nothing repairs
// what a callback missed.
func findTicks(found *reconcile.Findings, s *inspection) {
	m, err := s.Notes.ClusterState()
	if err != nil {
		found.Add(reconcile.Warning, "when the timer last ran is not known: %v", err)
		return
	}
	ago := s.Now().Sub(m.LastTick) // 0 where it never ran since the boot, which is where the clock begins
	if ago <= s.Overdue {
		return
	}
	level, costs := reconcile.Warning, "what the callbacks miss is not repaired"
	switch {
	case !needsTicks(s):
	case slices.ContainsFunc(s.VIPs, func(v VIP) bool { return s.addresses[v.Name].Forever }):
		level, costs = reconcile.Problem, "the VIPs stay here for ever, also when Patroni is dead and another member leads"
	default:
		level, costs = reconcile.Problem, "no lease is renewed, and the VIPs leave a healthy primary"
	}
	found.Add(level, "%s: without ticks %s; run: systemctl enable --now vipctl.timer (where it is on, look at: systemctl status vipctl.service)",
		noTickWords(m.LastTick, ago, s.Interval), costs)
}

func noTickWords(last policy.Moment, ago, interval time.Duration) string {
	if last.IsZero() {
		return "no tick seen since the boot"
	}
	return "the last tick was " + ago.Round(time.Second).String() + " ago, and one is due every " + interval.String()
}

// needsTicks reports whether a VIP that has a lease is here, or should be, since Patroni leads.
func needsTicks(s *inspection) bool {
	leased := func(v VIP) bool { return v.Leased }
	if !slices.ContainsFunc(s.VIPs, leased) {
		return false
	}
	for _, v := range s.VIPs {
		if v.Leased && s.addresses[v.Name].Presence != policy.PresenceNo {
			return true
		}
	}
	return leads(s)
}

// leads asks the local Patroni.
func leads(s *inspection) bool {
	ctx, cancel := s.question()
	defer cancel()
	return s.Patroni.Reply(ctx).Kind == policy.Leader
}

// findFailures finds VIPs that this host, the leader by Patroni's last reply, could not claim or
// release: where the timer has no capabilities, for example.
func findFailures(found *reconcile.Findings, s *inspection) {
	m, err := s.Notes.ClusterState()
	if err != nil || m.Reply.Kind != policy.Leader {
		return
	}
	for _, v := range s.VIPs {
		if n, err := s.Notes.VIPState(v.Name); err == nil && n.Failure != "" {
			found.Add(reconcile.Problem, "%s: the last attempt to have it here failed: %s", v.Name, n.Failure)
		}
	}
}
