package status

import (
	"fmt"
	"time"

	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/reconcile/policy"
)

// Route is what is known of a VIP's route. No API is asked for it: it is what the last process
// wrote down that asked one.
type Route struct {
	Via          string           `json:"via"`    // its kind
	Ours         *bool            `json:"ours"`   // nil where nobody has asked since this host claimed the VIP
	Holder       *string          `json:"holder"` // for people; nil where nobody has asked since the boot
	Moving       bool             `json:"moving"`
	Checked      *reconcile.Stamp `json:"checked"`
	Quota        *Quota           `json:"quota"`
	LastSwitchMS *float64         `json:"last_switch_ms"`
	PendingSince *reconcile.Stamp `json:"pending_since"`
	Wait         *Wait            `json:"wait"`
	LoginWait    *Wait            `json:"login_wait"`
	Error        string           `json:"error"`

	now    time.Time // when the report was made
	onLink bool      // the address is here
}

// Quota is how many calls an API allows, and how many were left of them.
type Quota struct {
	Limit     int `json:"limit"`
	Remaining int `json:"remaining"`
}

// Wait is a time before which an API is not asked.
type Wait struct {
	Until  reconcile.Stamp `json:"until"`
	Reason string          `json:"reason"`
}

// routeOf reads a memo as people see it. A memo of another claim does not count for who has the
// route now.
func routeOf(via string, m reconcile.RouteMemo, d reconcile.RouteDetails, f policy.Facts) *Route {
	wall := time.Now()
	at := func(m policy.Moment) reconcile.Stamp { return reconcile.Stamp{Time: wall.Add(m.Sub(f.Now))} }
	s := &Route{Via: via, now: wall, onLink: f.Address.Presence == policy.PresenceYes}
	current := f.VIP.Phase == policy.Claimed && m.Generation == f.VIP.Generation
	if last := m.Last; last != nil {
		checked := at(m.Checked)
		s.Holder, s.Moving, s.Checked = &last.Holder, last.Moving, &checked
		if current {
			s.Ours = &last.Ours
		}
		if q := last.Quota; q != nil {
			s.Quota = &Quota{Limit: q.Limit, Remaining: q.Remaining}
		}
	}
	if d.Took != nil {
		took := milliseconds(*d.Took)
		s.LastSwitchMS = &took
	}
	if !m.Begun.IsZero() && current {
		since := at(m.Begun)
		s.PendingSince = &since
	}
	if current {
		s.Error = m.Failure
	}
	wait := func(w *reconcile.RouteWait) *Wait {
		if w == nil || !w.Until.After(f.Now) {
			return nil
		}
		return &Wait{Until: at(w.Until), Reason: w.Why}
	}
	s.Wait, s.LoginWait = wait(d.Wait), wait(d.Login)
	return s
}

// milliseconds are to the microsecond, as in the history.
func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// warnings are what an operator should not overlook. leads is whether this member does.
func (s *Route) warnings(vip string, leads bool) (list []string) {
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

// ago is how long ago a time was when the report was made.
func (s *Route) ago(t reconcile.Stamp) string {
	return max(0, s.now.Sub(t.Time)).Round(time.Second).String()
}

// left is how long a wait still took when the report was made.
func (s *Route) left(w Wait) string {
	return w.Until.Sub(s.now).Round(time.Second).String()
}
