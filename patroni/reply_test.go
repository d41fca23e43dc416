package patroni

import (
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vipctl/vipctl/reconcile/policy"
)

var versions = []string{"v2.1.7", "v3.0.2", "v3.3.1", "v4.0.7", "v4.1.4"}

// TestReplyOfEveryFixture reads every recorded health answer. What is expected is decoded a second
// way, without types.
func TestReplyOfEveryFixture(t *testing.T) {
	seen := map[string]int{}
	for _, v := range versions {
		files, _ := filepath.Glob(filepath.Join("testdata", v, "*.txt"))
		for _, file := range files {
			name := v + "/" + filepath.Base(file)
			a := fixture(t, name)
			if a.path == "/cluster" || a.path == "/config" {
				continue
			}
			seen[v]++
			t.Run(name, func(t *testing.T) { checkHealth(t, v, a) })
		}
	}
	for _, v := range versions {
		if seen[v] < 18 {
			t.Errorf("%s: %d health answers, want 18 or more", v, seen[v])
		}
	}
}

func checkHealth(t *testing.T, version string, a said) {
	var raw map[string]any
	if err := json.Unmarshal([]byte(a.body), &raw); err != nil {
		t.Fatal(err)
	}
	role := raw["role"].(string)
	number := func(key string) float64 { n, _ := raw[key].(float64); return n }
	want := policy.PatroniReply{
		Kind: policy.NotLeader, Role: policy.Role(strings.Replace(role, "master", "primary", 1)), State: raw["state"].(string),
		Timeline: int(number("timeline")), Paused: raw["pause"] == true, Unlocked: raw["cluster_unlocked"] == true,
		Failsafe: raw["failsafe_mode_is_active"] == true, Scope: "demo", LastSeen: int64(number("dcs_last_seen")),
	}
	if version >= "v3.3" {
		want.Name = a.member
	}
	status := a.status
	if a.path == "/patroni" || a.path == "/replica" { // their status says nothing about the lock
		status = map[bool]int{true: http.StatusOK, false: http.StatusServiceUnavailable}[want.Role == policy.Role("primary")]
	}
	if status == http.StatusOK {
		want.Kind = policy.Leader
	}
	got := parseReply(response{status: status, body: []byte(a.body)}, identity{scope: "demo", scopedBy: "patroni.yml", name: a.member, namedBy: "patroni.yml"})
	if got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if got.LastSeen == 0 {
		t.Error("dcs_last_seen is missing")
	}
}

// TestReplySpots holds the independent decoding above against replies written by hand.
func TestReplySpots(t *testing.T) {
	for name, want := range map[string]policy.PatroniReply{
		"v2.1.7/leader-primary.txt": {
			Kind: policy.Leader, Role: policy.Role("primary"), State: "running", Timeline: 1, Scope: "demo", LastSeen: 1795209425,
		},
		"v2.1.7/dcs-down-old-leader.txt": {
			Kind: policy.NotLeader, Role: policy.Role("replica"), State: "running", Timeline: 2, Unlocked: true,
			Scope: "demo", LastSeen: 1795209457,
		},
		"v4.0.7/switchover-n1-503-demoted-stopping-unlocked.txt": {
			Kind: policy.NotLeader, Role: policy.Role("demoted"), State: "stopping", Unlocked: true, Scope: "demo", Name: "n1",
			LastSeen: 1795209649,
		},
	} {
		a := fixture(t, name)
		got := parseReply(response{status: a.status, body: []byte(a.body)}, identity{scope: "demo", scopedBy: "patroni.yml", name: a.member})
		if got != want {
			t.Errorf("%s:\ngot  %+v\nwant %+v", name, got, want)
		}
	}
}

func TestMissingIsNotZero(t *testing.T) {
	ours := identity{scope: "demo", scopedBy: "patroni.yml", name: "n1", namedBy: "patroni.yml"}
	for body, want := range map[string]policy.PatroniReply{
		`{"state":"running","role":"master","patroni":{"scope":"demo"}}`: {
			Kind: policy.Leader, Role: policy.Role("primary"), State: "running", Scope: "demo",
		},
		`{"state":"running","role":"standby_leader","timeline":null,"dcs_last_seen":0,"pause":null,"patroni":{"scope":"demo","name":"n1"}}`: {
			Kind: policy.Leader, Role: policy.Role("standby_leader"), State: "running", Scope: "demo", Name: "n1",
		},
		`{"state":"running","role":"king","pause":true,"failsafe_mode_is_active":true,"new":[{}],"patroni":{"scope":"demo"}}`: {
			Kind: policy.Leader, Role: policy.Role("unknown"), State: "running", Paused: true, Failsafe: true, Scope: "demo",
		},
	} {
		if got := parseReply(response{status: 200, body: []byte(body)}, ours); got != want {
			t.Errorf("%s:\ngot  %+v\nwant %+v", body, got, want)
		}
	}
}

func TestNotOurs(t *testing.T) {
	ours := identity{scope: "demo", scopedBy: "patroni.yml", name: "n1", namedBy: "patroni.yml"}
	good := leaderBody("demo", "n1")
	for _, c := range []struct {
		status    int
		body, why string
	}{
		{404, good, "HTTP 404 Not Found"},
		{500, good, "HTTP 500 Internal Server Error"},
		{599, good, "HTTP 599"},
		{204, good, "HTTP 204 No Content"},
		{200, leaderBody("other", "n1"), `scope is "other", patroni.yml says "demo"`},
		{503, leaderBody("demo", "n2"), `name is "n2", patroni.yml says "n1"`},
		{200, leaderBody("", "n1"), `scope is "", patroni.yml says "demo"`},
		{200, `{"state":"running","role":"primary"}`, `no patroni.scope in the answer, patroni.yml says "demo"`},
		{200, `{"state":"running","role":"primary","patroni":null}`, `no patroni.scope in the answer, patroni.yml says "demo"`},
		{200, `null`, `no patroni.scope in the answer, patroni.yml says "demo"`},
		{200, `{"state":"running","patroni":{"scope":"demo"}}`, "no role or no state in the answer"},
		{200, `{"role":"primary","patroni":{"scope":"demo"}}`, "no role or no state in the answer"},
		{200, "", "empty answer"},
		{200, "<html>It works!</html>", "answer is not JSON: invalid character '<' looking for beginning of value"},
		{200, good + "x", "answer is not JSON: invalid character 'x' after top-level value"},
		{200, good[:len(good)-4], "answer is not JSON: unexpected end of JSON input"},
		{200, `[1]`, "answer is a JSON array, want an object"},
		{200, strings.Replace(good, `"timeline": 1`, `"timeline": "1"`, 1), "timeline has the wrong type: string"},
		{200, strings.Replace(good, `"timeline": 1`, `"pause": "yes"`, 1), "pause has the wrong type: string"},
		{200, strings.Replace(good, `1795209628`, `{}`, 1), "dcs_last_seen has the wrong type: object"},
		{200, strings.Replace(good, `"demo"`, `7`, 1), "patroni.scope has the wrong type: number"},
		{200, strings.Replace(good, "demo", `\u001b[2J`, 1), `scope is "\x1b[2J", patroni.yml says "demo"`},
	} {
		got := parseReply(response{status: c.status, body: []byte(c.body)}, ours)
		if want := (policy.PatroniReply{Kind: policy.NotOurs, Why: c.why}); got != want {
			t.Errorf("%d %.60s:\ngot  %+v\nwant %+v", c.status, c.body, got, want)
		}
	}
}

// TestWhoseName: the reply says which file has the name that it was compared with.
func TestWhoseName(t *testing.T) {
	api := patroniSaying(t, map[string]said{"/leader": {status: 200, body: leaderBody("demo", "n1")}})
	w := ask(t, api.addr, "", func(o *Options) { o.Config, o.Scope, o.Name, o.URL = "", "demo", "n2", "http://"+api.addr }).Reply(t.Context())
	if w.Kind != policy.NotOurs || w.Why != `name is "n1", vipctl.yml says "n2"` {
		t.Errorf("%+v", w)
	}
}
