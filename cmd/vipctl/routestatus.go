package main

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/reconcile/policy"
)

// routeStatus is what is known of a VIP's route. No API is asked for it: it is what the last
// process that asked one has written down.
type routeStatus struct {
	Via          string           `json:"via"`
	Ours         *bool            `json:"ours"`
	Holder       *string          `json:"holder"`
	Moving       bool             `json:"moving"`
	Checked      *reconcile.Stamp `json:"checked"`
	Quota        *quotaStatus     `json:"quota"`
	LastSwitchMS *float64         `json:"last_switch_ms"`
	PendingSince *reconcile.Stamp `json:"pending_since"`
	Wait         *waitStatus      `json:"wait"`
	LoginWait    *waitStatus      `json:"login_wait"`
	Error        string           `json:"error"`

	now    time.Time
	onLink bool // the address is here
}

// quotaStatus is how many calls an API allows, and how many were left of them.
type quotaStatus struct {
	Limit     int `json:"limit"`
	Remaining int `json:"remaining"`
}

// waitStatus is a time before which an API is not asked.
type waitStatus struct {
	Until  reconcile.Stamp `json:"until"`
	Reason string          `json:"reason"`
}

// routeStatus is what is known of the route of the ith VIP. The error is what was in the way of
// reading that.
func (h *host) routeStatus(i int, f policy.Facts) (*routeStatus, error) {
	vip := h.engine.VIPs[i]
	m, err := h.notes.RouteMemo(vip.Name)
	if err == nil {
		err = vip.Route.Recall(m.Provider, nil)
	}
	if err != nil {
		m = reconcile.RouteMemo{}
	}
	return newRouteStatus(h.config.VIPs[i].Route.Kind(), m, vip.Route.Details(), f), err
}

// newRouteStatus reads a memo as people see it. What another claim's memo says of who has the route
// is no news of this one's.
func newRouteStatus(via string, m reconcile.RouteMemo, d reconcile.RouteDetails, f policy.Facts) *routeStatus {
	wall := time.Now()
	at := func(m policy.Moment) reconcile.Stamp { return reconcile.Stamp{Time: wall.Add(m - f.Now)} }
	s := &routeStatus{Via: via, now: wall, onLink: f.Address.Presence == policy.PresenceYes}
	current := f.VIP.Claimed != 0 && m.Generation == f.VIP.Generation
	if last := m.Last; last != nil {
		checked := at(m.Checked)
		s.Holder, s.Moving, s.Checked = &last.Holder, last.Moving, &checked
		if current {
			s.Ours = &last.Ours
		}
		if q := last.Quota; q != nil {
			s.Quota = &quotaStatus{Limit: q.Limit, Remaining: q.Remaining}
		}
	}
	if d.Took != nil {
		took := milliseconds(*d.Took)
		s.LastSwitchMS = &took
	}
	if m.Begun != 0 && current {
		since := at(m.Begun)
		s.PendingSince = &since
	}
	if current {
		s.Error = m.Failure
	}
	wait := func(w *reconcile.RouteWait) *waitStatus {
		if w == nil || w.Until <= f.Now {
			return nil
		}
		return &waitStatus{Until: at(w.Until), Reason: w.Why}
	}
	s.Wait, s.LoginWait = wait(d.Wait), wait(d.Login)
	return s
}

// milliseconds are to the microsecond, as in the history.
func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// warnings are what an operator should not overlook. leads is whether this member does.
func (s *routeStatus) warnings(vip string, leads bool) (list []string) {
	add := func(format string, args ...any) { list = append(list, vip+": "+fmt.Sprintf(format, args...)) }
	here := s.Ours != nil && *s.Ours
	switch mine := leads && s.onLink; {
	case mine && here && s.Error != "":
		add("the last call about the route failed: %s", s.Error)
	case mine && s.Error != "":
		add("this node leads, but the route does not point here: %s", s.Error)
	case mine && s.Ours != nil && !here && !s.Moving:
		add("this node leads, but the route points to %s", *s.Holder)
	}
	if w := s.LoginWait; w != nil {
		add("%s; no login for another %s", w.Reason, s.left(*w))
	}
	if q := s.Quota; q != nil && q.Remaining < q.Limit/4 {
		add("%d of %d calls were left %s ago: something else uses them up", q.Remaining, q.Limit, s.ago(*s.Checked))
	}
	return list
}

func (s *routeStatus) ago(t reconcile.Stamp) string {
	return max(0, s.now.Sub(t.Time)).Round(time.Second).String()
}

func (s *routeStatus) left(w waitStatus) string {
	return w.Until.Sub(s.now).Round(time.Second).String()
}

// writeRoutes writes the table of the routes, where there are any.
func writeRoutes(w io.Writer, vips []vipStatus) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	head := "\nROUTE\tVIA\tPOINTS TO\tASKED\tLAST SWITCH\tCALLS LEFT\tNOW\n"
	for _, v := range vips {
		s := v.Route
		if s == nil {
			continue
		}
		fmt.Fprintf(table, "%s%s\t%s\t%s\t%s\t%s\t%s\t%s\n", head, v.label(), strings.ReplaceAll(s.Via, "_ip", " IP"),
			s.pointsTo(), s.asked(), s.lastSwitch(), s.callsLeft(), orDash(s.underWay()))
		head = ""
	}
	return table.Flush()
}

func (s *routeStatus) pointsTo() string {
	switch {
	case s.Holder == nil:
		return "-"
	case s.Ours != nil && *s.Ours:
		return "here (" + *s.Holder + ")"
	}
	return *s.Holder
}

func (s *routeStatus) asked() string {
	if s.Checked == nil {
		return "-"
	}
	return s.ago(*s.Checked) + " ago"
}

func (s *routeStatus) lastSwitch() string {
	if s.LastSwitchMS == nil {
		return "-"
	}
	return "took " + time.Duration(*s.LastSwitchMS*float64(time.Millisecond)).Round(time.Millisecond).String()
}

func (s *routeStatus) callsLeft() string {
	if s.Quota == nil {
		return "-"
	}
	return fmt.Sprintf("%d of %d", s.Quota.Remaining, s.Quota.Limit)
}

// underWay is what has begun and not ended, and what is in its way.
func (s *routeStatus) underWay() string {
	var words []string
	if s.PendingSince != nil {
		words = append(words, "switch begun "+s.ago(*s.PendingSince)+" ago")
	}
	if s.Error != "" {
		words = append(words, s.Error)
	}
	if w := cmp.Or(s.LoginWait, s.Wait); w != nil {
		words = append(words, fmt.Sprintf("waits for another %s: %s", s.left(*w), w.Reason))
	}
	return strings.Join(words, "; ")
}
