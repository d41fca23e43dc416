package callbacks_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/vipctl/vipctl/callbacks"
	"github.com/vipctl/vipctl/reconcile/policy"
)

func TestParseEveryActionAndRole(t *testing.T) {
	actions := []policy.Event{
		policy.Event("on_start"), policy.Event("on_stop"), policy.Event("on_restart"), policy.Event("on_role_change"), policy.Event("on_reload"),
	}
	roles := map[string]policy.Role{
		"master":         policy.Role("primary"), // up to 3.3
		"primary":        policy.Role("primary"), // since 4.0
		"promoted":       policy.Role("primary"), // 3.0.0
		"replica":        policy.Role("replica"),
		"standby_leader": policy.Role("standby_leader"),
		"demoted":        policy.Role("demoted"),
		"uninitialized":  policy.Role("uninitialized"),
		"sovereign":      policy.Role("unknown"),
		"Primary":        policy.Role("unknown"),
		"":               policy.Role("unknown"),
	}
	for _, action := range actions {
		for word, role := range roles {
			got, err := callbacks.Parse([]string{string(action), word, "demo"}, policy.SinceBoot(7*time.Second))
			want := policy.Trigger{Event: action, Role: role, Cluster: "demo", By: "patroni", At: policy.SinceBoot(7 * time.Second)}
			if err != nil || got != want {
				t.Errorf("Parse(%s %q demo) = %+v, %v; want %+v", action, word, got, err, want)
			}
		}
	}
}

func TestParseGuessesNothing(t *testing.T) {
	for _, words := range [][]string{
		nil,
		{"on_start"},
		{"on_start", "primary"},
		{"on_start", "primary", "demo", "more"},
		{"on_start", "primary", ""},
		{"ON_START", "primary", "demo"},
		{"before_stop", "primary", "demo"},
		{"tick", "primary", "demo"},
		{"primary", "on_start", "demo"},
	} {
		_, err := callbacks.Parse(words, policy.Moment{})
		var wrong *callbacks.Error
		if !errors.As(err, &wrong) {
			t.Errorf("Parse(%q): error %v, want a *callbacks.Error", words, err)
			continue
		}
		if !strings.Contains(err.Error(), "on_role_change: /usr/bin/vipctl callback") {
			t.Errorf("Parse(%q): %q does not show the lines of patroni.yml", words, err)
		}
	}
}
