package patroni

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"time"

	"github.com/vipctl/vipctl/reconcile/policy"
)

// identity is the member that an answer has to be from, and which file says so.
type identity struct{ scope, scopedBy, name, namedBy string }

// health is the part of a health answer that a [reconcile.Word] needs. Pointers tell what is absent
// from what is zero.
type health struct {
	State           *string `json:"state"`
	Role            *string `json:"role"`
	Timeline        *int    `json:"timeline"` // null while a replica does not know it
	Pause           bool    `json:"pause"`
	ClusterUnlocked bool    `json:"cluster_unlocked"`
	Failsafe        bool    `json:"failsafe_mode_is_active"`
	LastSeen        *int64  `json:"dcs_last_seen"` // absent before 2.1.2
	Patroni         struct {
		Scope *string `json:"scope"`
		Name  *string `json:"name"` // absent before 3.2.0
	} `json:"patroni"`
}

// parseReply reads the answer to GET /leader. It is NotOurs unless it is plainly that of the
// Patroni that was meant.
func parseReply(r response, want identity) policy.PatroniReply {
	var h health
	notOurs := func(why string) policy.PatroniReply { return policy.PatroniReply{Kind: policy.NotOurs, Why: why} }
	kind := map[int]policy.ReplyKind{
		http.StatusOK:                 policy.Leader,
		http.StatusServiceUnavailable: policy.NotLeader,
	}[r.status]
	if kind == policy.Unasked {
		return notOurs(r.refusal())
	}
	if err := parse(r.body, &h); err != nil {
		return notOurs(err.Error())
	}
	if err := want.check(h.Patroni.Scope, h.Patroni.Name); err != nil {
		return notOurs(err.Error())
	}
	if h.Role == nil || h.State == nil {
		return notOurs("no role or no state in the answer")
	}
	w := policy.PatroniReply{
		Kind:     kind,
		Role:     policy.ParseRole(*h.Role),
		State:    plain(*h.State),
		Paused:   h.Pause,
		Unlocked: h.ClusterUnlocked,
		Failsafe: h.Failsafe,
		Scope:    want.scope,
		Date:     since1970(r.date),
	}
	if h.Timeline != nil {
		w.Timeline = *h.Timeline
	}
	if h.LastSeen != nil {
		w.LastSeen = since1970(*h.LastSeen)
	}
	if h.Patroni.Name != nil {
		w.Name = want.name
	}
	return w
}

// since1970 bounds seconds to what a [time.Duration] can hold, which is some date after 2262: what
// is computed with them does not overflow then.
func since1970(seconds int64) int64 {
	return min(max(0, seconds), math.MaxInt64/int64(time.Second))
}

// check compares what an answer says of itself with who was asked. Only the scope must be there.
func (want identity) check(scope, name *string) error {
	switch {
	case scope == nil:
		return fmt.Errorf("no patroni.scope in the answer, %s says %q", want.scopedBy, want.scope)
	case *scope != want.scope:
		return fmt.Errorf("scope is %s, %s says %q", quoted(*scope), want.scopedBy, want.scope)
	case name != nil && *name != want.name:
		return fmt.Errorf("name is %s, %s says %q", quoted(*name), want.namedBy, want.name)
	}
	return nil
}

// parse decodes JSON. Its errors are sentences for people.
func parse(body []byte, into any) error {
	err := json.Unmarshal(body, into)
	var wrong *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case len(body) == 0:
		return errors.New("empty answer")
	case errors.As(err, &wrong) && wrong.Field != "":
		return fmt.Errorf("%s has the wrong type: %s", wrong.Field, wrong.Value)
	case errors.As(err, &wrong):
		return fmt.Errorf("answer is a JSON %s, want an object", wrong.Value)
	}
	return fmt.Errorf("answer is not JSON: %s", plain(err.Error()))
}
