package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"regexp"
	"slices"
	"strconv"

	"github.com/urfave/cli/v2"

	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/reconcile/policy"
)

// vipFlag narrows a command to one VIP.
func vipFlag() cli.Flag {
	return &cli.StringFlag{Name: "vip", Usage: "the VIP called `NAME` only (default: every VIP)"}
}

// ordered is an operator's trigger.
func ordered(in *invocation, c *cli.Context, o policy.Order) policy.Trigger {
	return policy.Trigger{Event: policy.EventOperator, Order: o, Force: c.Bool("force"), By: operator(), At: in.started}
}

// order carries out a claim or a release by hand, and says for which VIPs it was done. The error
// has what failed, and what the policy refused.
func order(ctx context.Context, in *invocation, h *host, t policy.Trigger) (done []string, err error) {
	outcomes := h.engine.Run(ctx, t)
	h.patroniLog.ahead()
	h.patroniLog.certificates()
	logWarnings(in.log, h.warnings, h.given, t)
	failed := []error{report(in.log, outcomes)}
	for _, out := range outcomes {
		switch {
		case out.Err != nil:
		case out.Verdict.Code == policy.Code("refused"):
			failed = append(failed, fmt.Errorf("%s %s refused: %s (%s)", t.Order, out.VIP, out.Verdict.Why, forceWords(t.Order)))
		default:
			done = append(done, out.VIP)
			fmt.Fprintf(in.stdout, "%s: %s\n", out.VIP, orderWords(t, out))
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

// openFor opens the host with only the VIP that --vip names.
func openFor(in *invocation, c *cli.Context) (*host, error) {
	if err := noWords(c); err != nil {
		return nil, err
	}
	h, err := open(in, c)
	if err != nil {
		return nil, err
	}
	name := c.String("vip")
	if err := h.knows(name); err != nil {
		return nil, err
	}
	var wanted []reconcile.VIP
	for _, v := range h.engine.VIPs {
		if name == "" || v.Name == name {
			wanted = append(wanted, v)
		}
	}
	h.engine.VIPs = wanted
	return h, nil
}

// userWord is what a user's name looks like.
var userWord = regexp.MustCompile(`^[A-Za-z0-9._-]{1,32}$`)

// operator is the name of whoever runs this, for the history. Where several people are root, sudo's
// word for who it was helps to ask them. It proves nothing: root may set the variable to any name.
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
