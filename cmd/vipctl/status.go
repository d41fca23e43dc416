package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/state/history"
)

// statusVersion is raised only if a field of [statusReport] ever has to change its meaning.
const statusVersion = 1

// statusReport is the JSON contract of `vipctl status`: fields are added, never renamed.
type statusReport struct {
	Version  int                `json:"version"`
	Node     string             `json:"node"`
	Cluster  string             `json:"cluster"`
	Patroni  patroniStatus      `json:"patroni"`
	LastTick *reconcile.Stamp   `json:"last_tick"`
	VIPs     []vipStatus        `json:"vips"`
	Findings reconcile.Findings `json:"findings"`          // what keeps, or may keep, clients from a VIP
	Members  []memberStatus     `json:"members,omitempty"` // with --all

	lastTickAgo time.Duration // negative when no tick was seen
	interval    time.Duration // at which ticks should come
	runDir      string        // where they leave their mark
}

// vipStatus is one VIP, with what a tick would do right now.
type vipStatus struct {
	Name           string             `json:"name"`
	Address        string             `json:"address"`
	Interface      string             `json:"interface"`
	Here           reconcile.Presence `json:"held"`
	Forever        bool               `json:"forever"`
	LeaseSeconds   *float64           `json:"lease_seconds"`
	Do             reconcile.Do       `json:"do"`
	Code           reconcile.Code     `json:"code"`
	Reason         string             `json:"reason"`
	Conflict       *conflictStatus    `json:"conflict"`
	Answering      []reconcile.MAC    `json:"answering"` // who else answers for the address right now; nil where that could not be asked
	Repeats        []repeatStatus     `json:"repeats"`   // what ticks do again and again at present
	LastTransition *reconcile.Record  `json:"last_transition"`
	Route          *routeStatus       `json:"route"`
}

// repeatStatus is what a tick had to do again and again, because another mover undoes it.
type repeatStatus struct {
	Do    reconcile.Change `json:"do"`
	Code  reconcile.Code   `json:"code"`
	Times int              `json:"times"` // that it came again
	Since reconcile.Stamp  `json:"since"`
}

// repeatsOf lists what goes on by the note.
func repeatsOf(n reconcile.Note, now reconcile.Moment) []repeatStatus {
	list := []repeatStatus{} // JSON has a list, not null
	for _, key := range slices.Sorted(maps.Keys(n.Repeats)) {
		if r := n.Repeats[key]; r.GoesOn(now) {
			words := strings.Fields(key)
			list = append(list, repeatStatus{Do: reconcile.Change(words[0]), Code: reconcile.Code(words[1]), Times: r.Times, Since: r.Since})
		}
	}
	return list
}

// conflictStatus is a host that answered for an address while it was here.
type conflictStatus struct {
	MAC reconcile.MAC   `json:"mac"`
	At  reconcile.Stamp `json:"at"`
}

// answerWindow is how long status listens for others that answer for a VIP, and answerTries how often it tries to ask.
const (
	answerWindow = 150 * time.Millisecond
	answerTries  = 10
)

func (a *app) statusCommand() *cli.Command {
	return command(&cli.Command{
		Name:  "status",
		Usage: "show where the VIPs are, and why",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "json", Usage: "print JSON"},
			&cli.BoolFlag{Name: "all", Usage: "ask every member's Patroni as well"},
			&cli.BoolFlag{Name: "watch", Usage: "print again every second, until interrupted"},
		},
		Action: a.status,
	})
}

func (a *app) status(c *cli.Context) error {
	if err := noWords(c); err != nil {
		return err
	}
	h, err := a.open(c)
	if err != nil {
		return err
	}
	watch := c.Bool("watch")
	for {
		report, warnings := a.look(h)
		report.Findings = append(reconcile.Findings{}, a.findings(h)...) // JSON has a list, not null
		if c.Bool("all") {
			report.Members = a.members(h, report)
		}
		if a.ctx.Err() != nil { // what was not heard any more would look like silence
			return interrupted(watch)
		}
		if err := a.printStatus(report, c.Bool("json"), watch); err != nil {
			return err
		}
		a.warnOfAhead(h)
		for _, w := range warnings {
			a.log.Warn(w)
		}
		stopped := a.tellFindings("status", report.Findings)
		if !watch {
			return cmp.Or(report.Patroni.unreached(h), stopped)
		}
		if (hostClock{}).Wait(a.ctx, time.Second) != nil {
			return interrupted(watch)
		}
	}
}

// interrupted is how a status ends that was told to stop. With --watch that is the usual end, whatever was seen.
func interrupted(watch bool) error {
	if watch {
		return nil
	}
	return errors.New("status: interrupted")
}

func (a *app) printStatus(r statusReport, asJSON, watch bool) error {
	if asJSON {
		return json.NewEncoder(a.stdout).Encode(r)
	}
	if watch && isTerminal(a.stdout) {
		const clear = "\x1b[H\x1b[2J"
		if _, err := a.stdout.Write([]byte(clear)); err != nil {
			return err
		}
	}
	return writeStatus(a.stdout, r, colourful(a.stdout))
}

// look gathers a report, and what was in the way of it.
func (a *app) look(h *host) (statusReport, []string) {
	trigger := a.tick((hostClock{}).Now())
	outcomes := h.engine.Plan(a.ctx, trigger)
	facts := outcomes[0].Facts
	past := facts.Past
	if facts.Word.Answer == reconcile.Unasked { // a hold where the address is not here decides without a question
		facts.Word = h.patroni.Word(a.ctx)
	}
	r := statusReport{Version: statusVersion, Node: h.patroni.Name()}
	r.Cluster, _ = h.patroni.Scope() // an error is in the word as well
	r.Patroni = a.patroniStatus(h, facts, past.Peers)
	r.lastTickAgo, r.interval, r.runDir = -1, h.config.Interval, h.config.Paths.Run
	if past.LastTick != 0 {
		r.lastTickAgo = trigger.At - past.LastTick
		r.LastTick = &reconcile.Stamp{Time: time.Now().Add(-r.lastTickAgo)}
	}
	warnings := leaseWarnings(past.Timing, h.config.Interval)
	for i, o := range outcomes {
		v, w := a.lookAt(h, i, o)
		r.VIPs = append(r.VIPs, v)
		warnings = append(warnings, w...)
	}
	return r, warnings
}

// lookAt gathers what is known of the ith VIP.
func (a *app) lookAt(h *host, i int, o reconcile.Outcome) (v vipStatus, warnings []string) {
	warnings = o.Warnings
	caution := func(doing string, err error) {
		if err != nil {
			warnings = append(warnings, fmt.Sprintf("%s: %v", doing, err))
		}
	}
	configured := h.config.VIPs[i]
	v = newVIPStatus(o)
	v.Address, v.Interface = configured.Prefix.String(), configured.Interface
	if configured.Route != nil {
		memo, err := h.notes.RouteMemo(v.Name)
		caution("read what is known of the route of "+v.Name, err)
		v.Route = newRouteStatus(configured.Route, memo, o.Facts)
		warnings = append(warnings, v.Route.warnings(v.Name, o.Facts.Word.Answer == reconcile.Leader)...)
	} else { // the network routes the others: whoever answers has no part in it
		others, err := a.answersFor(h.engine.VIPs[i].Address)
		caution("ask who answers for "+v.Name, err)
		v.Answering = append(v.Answering, others...)
		if err != nil {
			v.Answering = nil
		}
	}
	last, err := h.history.Read(history.Query{Limit: 1, VIP: v.Name})
	caution("read the history", err)
	if len(last) > 0 {
		v.LastTransition = &last[0]
	}
	return v, warnings
}

// answersFor asks who else answers for an address, and waits for its turn where the link has had its frames.
func (a *app) answersFor(address reconcile.Address) (others []reconcile.MAC, err error) {
	for range answerTries {
		if others, err = address.Others(a.ctx, answerWindow); !errors.Is(err, reconcile.ErrUnasked) {
			break
		}
	}
	return others, err
}

func newVIPStatus(o reconcile.Outcome) vipStatus {
	s := o.Facts.Sight
	v := vipStatus{Name: o.VIP, Here: s.Here, Forever: s.Forever, Do: o.Verdict.Do, Code: o.Verdict.Code, Reason: o.Verdict.Why}
	v.Answering = []reconcile.MAC{} // JSON has a list, not null, where nobody answers
	if s.End != 0 {
		left := float64((s.End - o.Facts.Now).Round(100*time.Millisecond)) / float64(time.Second)
		v.LeaseSeconds = &left
	}
	if n := o.Facts.Note; len(n.Answering) > 0 {
		at := time.Now().Add(n.Probed - o.Facts.Now)
		v.Conflict = &conflictStatus{MAC: n.Answering[0], At: reconcile.Stamp{Time: at}}
		v.Reason += fmt.Sprintf(" (conflict: %s answers too)", n.Answering[0])
	}
	v.Repeats = repeatsOf(o.Facts.Note, o.Facts.Now)
	for _, r := range v.Repeats {
		v.Reason += fmt.Sprintf(" (%s %s again, %d times since %s: does another program move the address?)", r.Do, r.Code, r.Times, r.Since.UTC().Format("15:04:05 UTC"))
	}
	if s.Detail != "" {
		v.Reason += " (" + s.Detail + ")"
	}
	return v
}

// leaseWarnings says where the cluster's settings leave a lease no room.
func leaseWarnings(t reconcile.Timing, interval time.Duration) []string {
	if t == (reconcile.Timing{}) || t.Roomy(interval) {
		return nil
	}
	return []string{fmt.Sprintf("ttl %v leaves no room for the usual lease beside loop_wait %v and the timer's %v: "+
		"it is renewed from tick to tick, and a timer that misses a few loses the VIP", t.TTL, t.LoopWait, interval)}
}
