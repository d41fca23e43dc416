// Package callbacks turns the words that Patroni appends to a callback's command into a trigger for the engine.
package callbacks

import (
	"fmt"

	"github.com/vipctl/vipctl/reconcile/policy"
)

// Usage is what patroni.yml should say. on_reload is left out on purpose: it moves nothing, and before Patroni 3.0.2
// it kills a callback that is still at work.
const Usage = `patroni.yml should say:

postgresql:
  callbacks:
    on_start: /usr/bin/vipctl callback
    on_stop: /usr/bin/vipctl callback
    on_role_change: /usr/bin/vipctl callback
    on_restart: /usr/bin/vipctl callback

Patroni appends the action, the role and the cluster's name by itself.`

// An Error is a command line that Patroni would not have made.
type Error struct {
	Got  []string // the words after "callback"
	Want string
}

func (e *Error) Error() string {
	return fmt.Sprintf("callback: got %q, want %s\n\n%s", e.Got, e.Want, Usage)
}

// Parse reads the three words that every Patroni appends: the action, the role and the scope
// (patroni/postgresql/__init__.py, call_nowait). at is when this process was started. A role that no Patroni up to
// 4.1 knows becomes one that never leads; an action that it does not know is an [*Error], as is any other number of
// words.
func Parse(words []string, at policy.Moment) (policy.Trigger, error) {
	if len(words) != 3 {
		return policy.Trigger{}, &Error{words, "three words: ACTION ROLE CLUSTER"}
	}
	event := policy.Event(words[0])
	switch event {
	case policy.Event("on_start"), policy.Event("on_stop"), policy.Event("on_restart"),
		policy.Event("on_role_change"), policy.Event("on_reload"):
	default:
		return policy.Trigger{}, &Error{words, "the action on_start, on_stop, on_restart, on_role_change or on_reload first"}
	}
	if words[2] == "" {
		return policy.Trigger{}, &Error{words, "the cluster's name (scope) as the third word"}
	}
	return policy.Trigger{Event: event, Role: policy.ParseRole(words[1]), Cluster: words[2], By: "patroni", At: at}, nil
}
