package patroni_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vipctl/vipctl/patroni"
	"github.com/vipctl/vipctl/patroni/conf"
	"github.com/vipctl/vipctl/reconcile/policy"
)

// now is the moment of every decision here.
var now = policy.SinceBoot(time.Hour)

// verdicts is what the policy makes of one recorded answer: where the address is here and
// PostgreSQL alive or down, and where the address is not here.
type verdicts struct{ alive, down, gone string }

var (
	leads    = verdicts{alive: "keep leader", down: "keep leader", gone: "keep address_missing"}
	changing = verdicts{alive: "keep leader_changing", down: "keep leader_changing", gone: "none leader_changing"}
	follows  = verdicts{alive: "release not_leader", down: "hand_over postgresql_down", gone: "none not_holder"}
)

// decided has every recorded health answer, whichever version of Patroni it is from.
var decided = map[string]verdicts{
	"leader-root":                                 leads,
	"leader-primary":                              leads,
	"leader-patroni":                              leads,
	"leader-paused":                               {alive: "keep leader_paused", down: "keep leader_paused", gone: "keep leader_paused"},
	"switchover-n1-200-primary-running":           leads,
	"switchover-n1-200-primary-stopping":          {alive: "none leader_stopping", down: "none leader_stopping", gone: "none leader_stopping"},
	"switchover-n1-503-demoted-stopping":          follows,
	"switchover-n1-503-demoted-stopped":           follows,
	"switchover-n1-503-replica-starting":          follows,
	"switchover-n1-503-replica-running":           follows,
	"switchover-n2-503-replica-running":           follows,
	"switchover-n2-200-replica-running":           changing,
	"switchover-n2-200-primary-running":           leads,
	"replica-creating":                            follows,
	"replica-patroni":                             follows,
	"replica-paused":                              follows,
	"replica-primary":                             follows,
	"replica-replica":                             follows,
	"dcs-down-old-leader":                         follows,
	"dcs-down-replica":                            follows,
	"switchover-n1-503-demoted-stopping-unlocked": follows,
	"switchover-n1-503-demoted-stopped-unlocked":  follows,
	"switchover-n2-503-replica-running-unlocked":  follows,
	"switchover-n2-200-replica-running-unlocked":  changing,
}

// TestThePolicyOnRecordedAnswers asks a Patroni that says what five versions of it have said, and
// decides.
func TestThePolicyOnRecordedAnswers(t *testing.T) {
	files, err := filepath.Glob("testdata/v*/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		head, body, _ := strings.Cut(string(text), "\n")
		var path, member string
		var status int
		if _, err := fmt.Sscanf(head, "GET %s on %s -> %d", &path, &member, &status); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if path == "/cluster" || path == "/config" {
			continue
		}
		name := strings.TrimSuffix(filepath.Base(file), ".txt")
		name = strings.Replace(name, "master", "primary", 1)
		if path == "/patroni" || path == "/replica" { // their status says nothing about the lock
			status = map[bool]int{true: http.StatusOK, false: http.StatusServiceUnavailable}[strings.HasPrefix(name, "leader")]
		}
		seen[name] = true
		t.Run(strings.TrimPrefix(file, "testdata/"), func(t *testing.T) {
			decide(t, wordOf(t, member, status, body), decided[name])
		})
	}
	for name := range decided {
		if !seen[name] {
			t.Errorf("no version has answered %s", name)
		}
	}
}

// wordOf asks a Patroni that gives this answer at /leader.
func wordOf(t *testing.T, member string, status int, body string) policy.PatroniReply {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/leader" {
			t.Errorf("asked for %s", r.URL.Path)
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	defer server.Close()
	config := filepath.Join(t.TempDir(), "patroni.yml")
	listen := strings.TrimPrefix(server.URL, "http://")
	text := fmt.Sprintf("scope: demo\nname: %s\nrestapi:\n  listen: '%s'\n", member, listen)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	client := patroni.New(patroni.Options{
		Source: conf.Source{Config: config}, Timeout: 10 * time.Second, Now: func() policy.Moment { return now },
	})
	w := client.Reply(t.Context())
	if w.LastSeen == 0 {
		t.Fatalf("no reply: %+v", w)
	}
	w.SeenAt = now.Add(-time.Second) // the loop had just run
	return w
}

func decide(t *testing.T, w policy.PatroniReply, want verdicts) {
	t.Helper()
	f := policy.Facts{
		Trigger: policy.Trigger{Event: policy.EventTick, At: now}, Now: now, Interval: 2 * time.Second,
		Follow: policy.Follow("primary"), Leased: true, Reply: w, Asked: 1,
		Peers:   policy.ClusterState{}.Summarize(nil, "", now),
		Cluster: policy.ClusterState{Timing: policy.Timing{TTL: 30 * time.Second, LoopWait: 10 * time.Second, RetryTimeout: 10 * time.Second}},
	}
	here := f
	here.Address = policy.AddressState{Presence: policy.PresenceYes, End: now.Add(10 * time.Second)}
	here.VIP = policy.VIPState{Generation: 1, Phase: policy.Claimed, Claimed: now.Add(-time.Minute), LeaseEnd: now.Add(10 * time.Second)}
	alive, down, gone := here, here, f
	alive.PG, down.PG, gone.PG = policy.PGAlive, policy.PGDown, policy.PGUnknown
	gone.Address.Presence = policy.PresenceNo

	got := verdicts{say(alive), say(down), say(gone)}
	if got != want {
		t.Errorf("%+v\ngot  %+v\nwant %+v", w, got, want)
	}
}

func say(f policy.Facts) string {
	v := policy.Decide(f)
	return fmt.Sprintf("%s %s", v.Do, v.Code)
}
