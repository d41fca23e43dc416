package callbacks_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/vipctl/vipctl/callbacks"
	"github.com/vipctl/vipctl/reconcile/policy"
)

// FuzzParse: a trigger is what Patroni would have said, and nothing is guessed. The words are
// joined by zero bytes, which no argument can have in it.
func FuzzParse(f *testing.F) {
	for _, line := range []string{
		"on_role_change\x00primary\x00demo", "on_stop\x00master\x00demo", "on_start\x00replica\x00a b", "on_restart\x00standby_leader\x00demo",
		"on_reload\x00uninitialized\x00demo", "on_stop\x00demoted\x00", "", "\x00\x00\x00", "noop\x00Primary\x00\x1b[2J\n",
	} {
		f.Add(line)
	}
	events := []policy.Event{"on_start", "on_stop", "on_restart", "on_role_change", "on_reload"}
	roles := []policy.Role{"primary", "replica", "standby_leader", "demoted", "uninitialized", "unknown"}
	f.Fuzz(func(t *testing.T, line string) {
		words := strings.Split(line, "\x00")
		trigger, err := callbacks.Parse(words, policy.SinceBoot(7))
		possible := len(words) == 3 && slices.Contains(events, policy.Event(words[0])) && words[2] != ""
		if possible != (err == nil) {
			t.Fatalf("%q: %+v, %v", words, trigger, err)
		}
		if err != nil {
			checkRefused(t, err)
			return
		}
		want := policy.Trigger{Event: policy.Event(words[0]), Role: trigger.Role, Cluster: words[2], By: "patroni", At: policy.SinceBoot(7)}
		if trigger != want || !slices.Contains(roles, trigger.Role) {
			t.Errorf("%q: %+v, want %+v", words, trigger, want)
		}
		leads := slices.Contains([]string{"primary", "master", "promoted", "standby_leader"}, words[1])
		if leads != (trigger.Role == "primary" || trigger.Role == "standby_leader") {
			t.Errorf("%q: role %s", words, trigger.Role)
		}
	})
}

// checkRefused: the error says in one printable line what was given, and then what patroni.yml
// should say.
func checkRefused(t *testing.T, err error) {
	t.Helper()
	var wrong *callbacks.Error
	said, usage, _ := strings.Cut(err.Error(), "\n\n")
	if !errors.As(err, &wrong) || wrong.Want == "" || usage != callbacks.Usage {
		t.Errorf("%v", err)
	}
	if strings.ContainsFunc(said, func(r rune) bool { return !unicode.IsPrint(r) }) {
		t.Errorf("%q", said)
	}
}
