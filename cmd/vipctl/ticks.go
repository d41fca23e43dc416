package main

import (
	"slices"
	"time"

	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/status"
)

// findTicks finds a timer that does not run: nothing renews the leases then, and nothing repairs what a callback missed.
func findTicks(found *reconcile.Findings, s *scene) {
	m, err := s.h.notes.Memory()
	if err != nil {
		found.Add(reconcile.Warning, "when the timer last ran is not known: %v", err)
		return
	}
	interval := s.h.config.Interval
	ago := hostClock{}.Now() - m.LastTick // 0 where it never ran since the boot, which is where the clock begins
	if ago <= status.MissedTicks*interval {
		return
	}
	level, costs := reconcile.Warning, "what the callbacks miss is not repaired"
	switch {
	case !s.needsTicks():
	case slices.ContainsFunc(s.sights, func(s reconcile.Sight) bool { return s.Forever }):
		level, costs = reconcile.Problem, "the VIPs stay here for ever, also when Patroni is dead and another member leads"
	default:
		level, costs = reconcile.Problem, "no lease is renewed, and the VIPs leave a healthy primary"
	}
	found.Add(level, "%s: without ticks %s; run: systemctl enable --now vipctl.timer (where it is on, look at: systemctl status vipctl.service)",
		noTickWords(m.LastTick, ago, interval), costs)
}

func noTickWords(last reconcile.Moment, ago, interval time.Duration) string {
	if last == 0 {
		return "no tick seen since the boot"
	}
	return "the last tick was " + ago.Round(time.Second).String() + " ago, and one is due every " + interval.String()
}

// needsTicks reports whether a VIP that has a lease is here, or should be: Patroni leads.
func (s *scene) needsTicks() bool {
	leased := func(v reconcile.VIP) bool { return v.Leased }
	if !slices.ContainsFunc(s.h.engine.VIPs, leased) {
		return false
	}
	for i, v := range s.h.engine.VIPs {
		if v.Leased && s.sights[i].Here != reconcile.PresenceNo {
			return true
		}
	}
	return s.leads()
}

// leads asks the local Patroni.
func (s *scene) leads() bool {
	ctx, cancel := s.question()
	defer cancel()
	return s.h.patroni.Word(ctx).Answer == reconcile.Leader
}

// findFailures finds VIPs that this host, by Patroni's last word the leader, could not claim or release: where the timer
// has no capabilities, for example.
func findFailures(found *reconcile.Findings, s *scene) {
	m, err := s.h.notes.Memory()
	if err != nil || m.Word.Answer != reconcile.Leader {
		return
	}
	for _, v := range s.h.engine.VIPs {
		if n, err := s.h.notes.Note(v.Name); err == nil && n.Failure != "" {
			found.Add(reconcile.Problem, "%s: the last attempt to have it here failed: %s", v.Name, n.Failure)
		}
	}
}
