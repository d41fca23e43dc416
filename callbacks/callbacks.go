// Package callbacks turns the arguments that Patroni appends to a callback's command into a trigger
// for the engine.
package callbacks

import (
	"fmt"

	"github.com/vipctl/vipctl/reconcile/policy"
)

// Usage shows what patroni.yml should say. on_reload is not in it on purpose: it moves nothing, and
// before Patroni 3.0.2 it kills a callback that is still at work.
const Usage = `patroni.yml should say:

postgresql:
  callbacks:
    on_start: /usr/bin/vipctl callback
    on_stop: /usr/bin/vipctl callback
    on_role_change: /usr/bin/vipctl callback
    on_restart: /usr/bin/vipctl callback

Patroni appends the action, the role and the cluster's name by itself.`

// Error is a command line that Patroni would not have made.
type Error struct {
	Got  []string // the arguments after "callback"
	Want string   // what they should be
}

// Error says what was given and what is wanted, and shows [Usage].
func (e *Error) Error() string {
	return fmt.Sprintf("callback: got %q, want %s\n\n%s", e.Got, e.Want, Usage)
}

// Parse makes a trigger of the three arguments that every Patroni appends: the action, the role and
// the scope (patroni/postgresql/__init__.py, call_nowait). at is the moment at which this process
// was started. A role that no Patroni up to 4.1 knows becomes the role unknown, which never
// leads. The error is an [*Error]: an action that no Patroni knows, an empty scope, or another
// number of arguments than three.
func Parse(args []string, at policy.Moment) (policy.Trigger, error) {
	if len(args) != 3 {
		return policy.Trigger{}, &Error{args, "three words: ACTION ROLE CLUSTER"}
	}
	event := policy.Event(args[0])
	switch event {
	case policy.Event("on_start"), policy.Event("on_stop"), policy.Event("on_restart"),
		policy.Event("on_role_change"), policy.Event("on_reload"):
	default:
		return policy.Trigger{}, &Error{args, "the action on_start, on_stop, on_restart, on_role_change or on_reload first"}
	}
	if args[2] == "" {
		return policy.Trigger{}, &Error{args, "the cluster's name (scope) as the third word"}
	}
	return policy.Trigger{Event: event, Role: policy.ParseRole(args[1]), Cluster: args[2], By: "patroni", At: at}, nil
}
