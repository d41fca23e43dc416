package main

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/reconcile/policy"
)

// vipFlag narrows a command to one VIP.
func vipFlag() cli.Flag {
	return &cli.StringFlag{Name: "vip", Usage: "the VIP called `NAME` only (default: every VIP)"}
}

func (a *app) holdCommand() *cli.Command {
	return command(&cli.Command{
		Name:  "hold",
		Usage: "keep the policy from moving the VIPs on this host for a while",
		Description: "Where a VIP is on this host it stays, where it is not it does not come, until the hold ends by itself or by\n" +
			"vipctl unhold. Other hosts are not bound.\n" +
			"If another member leads, the address is released anyway; the hold stays, and this host claims nothing until it ends.",
		Flags:  []cli.Flag{&cli.DurationFlag{Name: "for", Value: time.Hour, Usage: "how long, 1s to 168h, for example 30m"}, vipFlag()},
		Action: a.hold,
	})
}

func (a *app) unholdCommand() *cli.Command {
	return command(&cli.Command{
		Name: "unhold", Usage: "end a hold", Flags: []cli.Flag{vipFlag()},
		Action: func(c *cli.Context) error { return a.setHold(c, 0) },
	})
}

func (a *app) claimCommand() *cli.Command {
	return command(&cli.Command{
		Name:   "claim",
		Usage:  "claim the VIPs for this host now, routes included, where Patroni says that it leads",
		Flags:  []cli.Flag{&cli.BoolFlag{Name: "force", Usage: "whatever Patroni says; the next tick gives it back, unless there is a hold"}, vipFlag()},
		Action: a.claim,
	})
}

func (a *app) releaseCommand() *cli.Command {
	return command(&cli.Command{
		Name:  "release",
		Usage: "take the VIPs from this host now, where Patroni says that it does not lead",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "force", Usage: "whatever Patroni says; the next tick of a leader claims it again, unless there is a hold"},
			&cli.BoolFlag{Name: "unassign", Usage: "then give up their routes, where the API says that they point here"},
			vipFlag(),
		},
		Action: a.release,
	})
}

func (a *app) hold(c *cli.Context) error {
	lasting := c.Duration("for")
	if lasting < time.Second || lasting > 7*24*time.Hour {
		return usageError{fmt.Errorf("hold: got --for %v, want 1s to 168h: a hold always ends", lasting)}
	}
	return a.setHold(c, lasting)
}

// setHold begins a hold, or ends it where lasting is 0.
func (a *app) setHold(c *cli.Context, lasting time.Duration) error {
	h, err := a.openFor(c)
	if err != nil {
		return err
	}
	done := fmt.Sprintf("held for %v", lasting)
	if lasting == 0 {
		h.engine.VIPs = slices.DeleteFunc(h.engine.VIPs, func(v reconcile.VIP) bool { return a.noHold(h, v.Name) })
		done = "hold ended"
	}
	if len(h.engine.VIPs) == 0 {
		return nil
	}
	outcomes := h.engine.SetHold(operator(), a.started, lasting)
	for _, out := range outcomes {
		if out.Err == nil {
			fmt.Fprintf(a.stdout, "%s: %s\n", out.VIP, done)
		}
	}
	return a.report(outcomes)
}

// noHold reports whether there is certainly no hold to end, and says so.
func (a *app) noHold(h *host, vip string) bool {
	n, err := h.notes.VIPState(vip)
	if err != nil || n.HeldAt((hostClock{}).Now()) {
		return false
	}
	fmt.Fprintf(a.stdout, "%s: no hold\n", vip)
	return true
}

func (a *app) claim(c *cli.Context) error {
	h, err := a.openFor(c)
	if err != nil {
		return err
	}
	_, err = a.order(h, a.ordered(c, policy.OrderClaim))
	return err
}

func (a *app) release(c *cli.Context) error {
	h, err := a.openFor(c)
	if err != nil {
		return err
	}
	if c.Bool("unassign") && !h.routed() {
		return usageError{errors.New("release: got --unassign, but there is no route to give up")}
	}
	t := a.ordered(c, policy.OrderRelease)
	released, err := a.order(h, t)
	if c.Bool("unassign") {
		err = errors.Join(err, a.unassign(h, t, released))
	}
	return err
}

// ordered is an operator's trigger.
func (a *app) ordered(c *cli.Context, o policy.Order) policy.Trigger {
	return policy.Trigger{Event: policy.EventOperator, Order: o, Force: c.Bool("force"), By: operator(), At: a.started}
}

// order carries out a claim or a release by hand, and says for which VIPs it was done. The error has what failed, and what
// the policy refused.
func (a *app) order(h *host, t policy.Trigger) (done []string, err error) {
	outcomes := h.engine.Run(a.ctx, t)
	a.warnOfAhead(h)
	a.warnOfCertificates(h)
	a.logOddities(h, t)
	failed := []error{a.report(outcomes)}
	for _, out := range outcomes {
		switch {
		case out.Err != nil:
		case out.Verdict.Code == policy.Code("refused"):
			failed = append(failed, fmt.Errorf("%s %s refused: %s (%s)", t.Order, out.VIP, out.Verdict.Why, forceWords(t.Order)))
		default:
			done = append(done, out.VIP)
			fmt.Fprintf(a.stdout, "%s: %s\n", out.VIP, orderWords(t, out))
		}
	}
	return done, errors.Join(failed...)
}

// forceWords are the way around a refusal. A claim by force can give two hosts one address.
func forceWords(o policy.Order) string {
	if o == policy.OrderClaim {
		return "--force overrides this; first see that no other node has the address"
	}
	return "--force overrides this"
}

// orderWords says what an order came to that was carried out.
func orderWords(t policy.Trigger, out reconcile.Outcome) string {
	here, why := out.Facts.Address.Presence, out.Verdict.Why
	claimed := slices.ContainsFunc(out.Records, func(r reconcile.Record) bool { return r.Do == reconcile.ChangeClaim })
	switch {
	case t.Order == policy.OrderRelease && here == policy.PresenceNo:
		return "not on this host"
	case t.Order == policy.OrderClaim && here == policy.PresenceYes && !claimed:
		return "already on this host"
	case t.Order == policy.OrderClaim && !t.Force:
		return "claimed: " + why
	}
	return why
}

// unassign gives up the routes of VIPs that have been released. One failure does not stop the others.
func (a *app) unassign(h *host, t policy.Trigger, released []string) error {
	var failed []error
	for _, v := range h.engine.VIPs {
		if v.Route == nil || !slices.Contains(released, v.Name) {
			continue
		}
		now, err := h.engine.Unassign(a.ctx, v, t)
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", v.Name, err))
			continue
		}
		fmt.Fprintf(a.stdout, "%s: the route points to %s\n", v.Name, now.Holder)
	}
	return errors.Join(failed...)
}

// openFor opens the host with only the VIP that --vip names.
func (a *app) openFor(c *cli.Context) (*host, error) {
	if err := noWords(c); err != nil {
		return nil, err
	}
	h, err := a.open(c)
	if err != nil {
		return nil, err
	}
	name := c.String("vip")
	if err := h.knows(name); err != nil {
		return nil, err
	}
	var kept []reconcile.VIP
	for _, v := range h.engine.VIPs {
		if name == "" || v.Name == name {
			kept = append(kept, v)
		}
	}
	h.engine.VIPs = kept
	return h, nil
}

// userWord is what a user's name looks like.
var userWord = regexp.MustCompile(`^[A-Za-z0-9._-]{1,32}$`)

// operator is the name of whoever runs this, for the history. Where several people are root, sudo's word for who it was
// helps to ask them. It proves nothing: root may set the variable to any name.
func operator() string {
	if who := os.Getenv("SUDO_USER"); os.Getuid() == 0 && userWord.MatchString(who) {
		return who + " (sudo)"
	}
	u, err := user.Current()
	if err != nil {
		return "uid " + strconv.Itoa(os.Getuid())
	}
	return u.Username
}
