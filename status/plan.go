package status

import (
	"encoding/json"
	"io"
	"time"

	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/reconcile/policy"
)

// Plan is what a tick would do with one VIP, and why. Its JSON, which docs/cli.md lists, is a
// contract: fields are added, never renamed.
type Plan struct {
	VIP    string      `json:"vip"`
	Do     policy.Do   `json:"do"`
	Code   policy.Code `json:"code"`
	Reason string      `json:"reason"`
	Facts  planFacts   `json:"facts"`
}

// planFacts are those that the verdict rests on. Moments of the boot clock have become times, nil
// for one that never is.
type planFacts struct {
	Now          reconcile.Stamp  `json:"now"`
	Follow       policy.Follow    `json:"follow"`
	Leased       bool             `json:"leased"`
	Address      planAddress      `json:"address"`
	VIP          planState        `json:"vip"`
	PostgreSQL   policy.PG        `json:"postgresql"`
	Patroni      planReply        `json:"patroni"`
	LastHeard    planReply        `json:"last_heard"`
	LastLeading  planReply        `json:"last_leading"`
	Peers        planPeers        `json:"peers"`
	Settings     planTiming       `json:"settings"`
	LastTick     *reconcile.Stamp `json:"last_tick"`
	LastCallback planCallback     `json:"last_callback"`
}

type planAddress struct {
	Present policy.Presence  `json:"present"`
	Forever bool             `json:"forever"`
	Ends    *reconcile.Stamp `json:"ends"`
	Detail  string           `json:"detail"`
}

type planState struct {
	Generation    uint64           `json:"generation"`
	Phase         policy.Phase     `json:"phase"`
	Claimed       *reconcile.Stamp `json:"claimed"`
	Changed       *reconcile.Stamp `json:"changed"`
	LeaseEnd      *reconcile.Stamp `json:"lease_end"`
	Forever       bool             `json:"forever"`
	Failure       string           `json:"failure"`
	HeldBy        string           `json:"held_by"`
	HeldUntil     *reconcile.Stamp `json:"held_until"`
	HandOverBegan *reconcile.Stamp `json:"hand_over_began"`
	HandOverUntil *reconcile.Stamp `json:"hand_over_until"`
}

type planReply struct {
	Answer      policy.ReplyKind `json:"answer"`
	Why         string           `json:"why"`
	Role        policy.Role      `json:"role"`
	State       string           `json:"state"`
	Timeline    int              `json:"timeline"`
	Paused      bool             `json:"paused"`
	Failsafe    bool             `json:"failsafe"`
	Unlocked    bool             `json:"unlocked"`
	Asked       *reconcile.Stamp `json:"asked"`
	DCSLastSeen *reconcile.Stamp `json:"dcs_last_seen"`
}

type planPeers struct {
	Result string           `json:"result"`
	Name   string           `json:"name"`
	Asked  *reconcile.Stamp `json:"asked"`
}

type planTiming struct {
	TTL          float64          `json:"ttl"`
	LoopWait     float64          `json:"loop_wait"`
	RetryTimeout float64          `json:"retry_timeout"`
	Heard        *reconcile.Stamp `json:"heard"`
}

type planCallback struct {
	Event policy.Event     `json:"event"`
	Began *reconcile.Stamp `json:"began"`
	Ended *reconcile.Stamp `json:"ended"`
}

// WritePlanJSON writes plans for programs: a list, one of each outcome, as one line.
func WritePlanJSON(w io.Writer, outcomes []reconcile.Outcome) error {
	plans := []Plan{} // JSON has a list, not null
	for _, o := range outcomes {
		plans = append(plans, planner{now: o.Facts.Now, wall: time.Now()}.plan(o))
	}
	return json.NewEncoder(w).Encode(plans)
}

// planner turns moments of the boot clock into times. It does so as both clocks stood at one
// moment.
type planner struct {
	now  policy.Moment
	wall time.Time
}

// at is a moment's time, nil for one that never is.
func (p planner) at(m policy.Moment) *reconcile.Stamp {
	if m.IsZero() || !m.Before(policy.Forever) {
		return nil
	}
	return &reconcile.Stamp{Time: p.wall.Add(m.Sub(p.now))}
}

func (p planner) plan(o reconcile.Outcome) Plan {
	f := o.Facts
	last := f.Cluster.Callback
	return Plan{VIP: o.VIP, Do: o.Verdict.Do, Code: o.Verdict.Code, Reason: o.Verdict.Why, Facts: planFacts{
		Now: reconcile.Stamp{Time: p.wall}, Follow: f.Follow, Leased: f.Leased,
		Address: planAddress{f.Address.Presence, f.Address.Forever, p.at(f.Address.End), f.Address.Detail},
		VIP:     p.state(f.VIP), PostgreSQL: f.PG,
		Patroni: p.reply(f.Reply), LastHeard: p.reply(f.Cluster.Reply), LastLeading: p.reply(f.Cluster.Leading),
		Peers:        planPeers{f.Peers.Result(), f.Peers.Name, p.at(f.Peers.At)},
		Settings:     p.timing(f.Cluster),
		LastTick:     p.at(f.Cluster.LastTick),
		LastCallback: planCallback{last.Event, p.at(last.Began), p.at(last.Ended)},
	}}
}

func (p planner) state(n policy.VIPState) planState {
	s := planState{
		Generation: n.Generation, Phase: n.Phase, Claimed: p.at(n.Claimed), Changed: p.at(n.Changed), LeaseEnd: p.at(n.LeaseEnd), Forever: n.Forever, Failure: n.Failure,
	}
	if n.Hold != nil {
		s.HeldBy, s.HeldUntil = n.Hold.By, p.at(n.Hold.Until)
	}
	if n.HandOver != nil {
		s.HandOverBegan, s.HandOverUntil = p.at(n.HandOver.Began), p.at(n.HandOver.Until)
	}
	return s
}

func (p planner) reply(w policy.PatroniReply) planReply {
	return planReply{
		Answer: w.Kind, Why: w.Why, Role: w.Role, State: w.State, Timeline: w.Timeline,
		Paused: w.Paused, Failsafe: w.Failsafe, Unlocked: w.Unlocked, Asked: p.at(w.At), DCSLastSeen: p.at(w.SeenAt),
	}
}

func (p planner) timing(m policy.ClusterState) planTiming {
	return planTiming{m.Timing.TTL.Seconds(), m.Timing.LoopWait.Seconds(), m.Timing.RetryTimeout.Seconds(), p.at(m.TimingAt)}
}
