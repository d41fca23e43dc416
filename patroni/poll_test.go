package patroni

import (
	"io"
	"net"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vipctl/vipctl/patroni/conf"
	"github.com/vipctl/vipctl/reconcile/policy"
)

func TestTiming(t *testing.T) {
	seconds := func(ttl, wait, retry int) policy.Timing {
		return policy.Timing{TTL: time.Duration(ttl) * time.Second, LoopWait: time.Duration(wait) * time.Second, RetryTimeout: time.Duration(retry) * time.Second}
	}
	for _, v := range versions {
		s := patroniSaying(t, map[string]said{"/config": fixture(t, v+"/leader-config.txt")})
		if got, err := ask(t, s.addr, "").Timing(t.Context()); err != nil || got != seconds(20, 5, 5) {
			t.Errorf("%s: %+v, %v", v, got, err)
		}
	}
	for body, want := range map[string]policy.Timing{
		`{}`:                              seconds(30, 10, 10),
		`{"ttl": 40, "loop_wait": null}`:  seconds(40, 10, 10),
		`{"ttl": "60", "loop_wait": 5.9}`: seconds(60, 5, 10),
		`{"ttl": 86400, "loop_wait": 1, "retry_timeout": 3}`: seconds(86400, 1, 3),
	} {
		if got, err := parseTiming([]byte(body)); err != nil || got != want {
			t.Errorf("%s: %+v, %v", body, got, err)
		}
	}
	for body, want := range map[string]string{
		`{"ttl": 0}`:             "ttl: got 0, want 1 to 86400 seconds",
		`{"ttl": 86401}`:         "ttl: got 86401, want 1 to 86400 seconds",
		`{"loop_wait": -1}`:      "loop_wait: got -1, want 1 to 86400 seconds",
		`{"retry_timeout": 0.9}`: "retry_timeout: got 0.9, want 1 to 86400 seconds",
		`{"ttl": 1e300}`:         "ttl: got 1e300, want 1 to 86400 seconds",
		`{"ttl": "soon"}`:        `ttl: got "soon", want seconds`,
		`{"ttl": [1]}`:           "ttl: got [1], want seconds",
		`null`:                   "not a JSON object",
		`[]`:                     "answer is a JSON array, want an object",
		``:                       "empty answer",
	} {
		if _, err := parseTiming([]byte(body)); err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", body, err, want)
		}
	}
	s := patroniSaying(t, map[string]said{"/config": {status: 502}})
	_, err := ask(t, s.addr, "").Timing(t.Context())
	if want := "ask http://" + s.addr + "/config: HTTP 502 Bad Gateway"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestMembers(t *testing.T) {
	for _, v := range versions {
		for _, file := range []string{"leader-cluster.txt", "cluster-paused.txt"} {
			s := patroniSaying(t, map[string]said{"/cluster": fixture(t, v+"/"+file)})
			got, err := ask(t, s.addr, "").Members(t.Context())
			if want := []policy.Peer{{Name: "n2", URL: "http://127.0.0.1:18002"}}; err != nil || !slices.Equal(got.Peers, want) || got.Leader != "n1" {
				t.Errorf("%s: %+v, %v", v, got, err)
			}
		}
	}
	s := patroniSaying(t, map[string]said{"/cluster": {status: 200, body: `{"scope": "demo", "members": [
		{"name": "n1", "api_url": "http://10.0.0.1:8008/patroni"}, {"name": "n2", "api_url": "https://[fd00::2]:8008/patroni?x"},
		{"name": "starting"}, {"name": "null", "api_url": null}, {"name": "bad", "api_url": "://"}, {"name": "file", "api_url": "file:///x"},
		{"name": "wildcard", "api_url": "http://0.0.0.0:8008/patroni"}, {"name": "n3", "api_url": "http://u:p@node3:8008/patroni"}]}`}})
	got, err := ask(t, s.addr, "").Members(t.Context())
	want := []policy.Peer{{Name: "n2", URL: "https://[fd00::2]:8008"}, {Name: "n3", URL: "http://node3:8008"}}
	if err != nil || !slices.Equal(got.Peers, want) || got.Leader != "" {
		t.Errorf("%+v, %v", got, err)
	}
	alias := cluster{}
	if err := parse([]byte(`{"members": [{"name": "n2", "api_url": "http://127.0.0.1:8008/patroni"}]}`), &alias); err != nil {
		t.Fatal(err)
	}
	if got := alias.peers(conf.Settings{Name: "n1", URL: "http://127.0.0.1:8008"}); len(got) != 0 {
		t.Errorf("our own address is taken for a peer: %+v", got)
	}
	for body, want := range map[string]string{
		`{"members": 1}`:                  "members has the wrong type: number",
		`{}`:                              "no members in the answer",
		`{"scope": "other","members":[]}`: `scope is "other", patroni.yml says "demo"`,
	} {
		s := patroniSaying(t, map[string]said{"/cluster": {status: 200, body: body}})
		if _, err := ask(t, s.addr, "").Members(t.Context()); err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%s: %v", body, err)
		}
	}
}

// TestMembersOfAnotherClusterByVipctlYML: the error names the file that says which cluster is
// meant.
func TestMembersOfAnotherClusterByVipctlYML(t *testing.T) {
	s := patroniSaying(t, map[string]said{"/cluster": {status: 200, body: `{"scope": "other","members":[]}`}})
	c := New(Options{
		Source: conf.Source{URL: "http://" + s.addr, Scope: "demo", Name: "n1"}, Timeout: 5 * time.Second, Now: func() policy.Moment { return noon },
	})
	if _, err := c.Members(t.Context()); err == nil || !strings.HasSuffix(err.Error(), `scope is "other", vipctl.yml says "demo"`) {
		t.Errorf("%v", err)
	}
}

// peer is one REST API of a poll, and what it is to say.
type peer struct {
	leader, cluster said
	answer          policy.ReplyKind
	names, why      string
	asked           int32
}

// TestPoll asks one peer of each kind side by side, in the order given.
func TestPoll(t *testing.T) {
	follower := said{status: 503, body: strings.Replace(leaderBody("demo", "NAME"), "primary", "replica", 1)}
	unlocked := said{status: 503, body: strings.Replace(follower.body, `"timeline"`, `"cluster_unlocked": true, "timeline"`, 1)}
	list := said{status: 200, body: `{"members": [{"name": "a", "role": "replica"}, {"name": "n1", "role": "leader"}]}`}
	peers := []peer{
		{leader: said{status: 200, body: leaderBody("demo", "NAME")}, cluster: list, answer: policy.Leader, asked: 1},
		{leader: follower, cluster: list, answer: policy.NotLeader, names: "n1", asked: 2},
		{leader: follower, cluster: said{status: 200, body: strings.Replace(list.body, `"leader"`, `"standby_leader"`, 1)},
			answer: policy.NotLeader, names: "n1", asked: 2},
		{leader: follower, cluster: said{status: 200, body: `{"members": []}`}, answer: policy.NotLeader, asked: 2},
		{leader: follower, cluster: said{status: 200, body: `{"members": [], "scope": "x"}`}, answer: policy.NotLeader,
			why: `who leads is unknown: scope is "x", patroni.yml says "demo"`, asked: 2},
		{leader: follower, answer: policy.NotLeader, why: "who leads is unknown: connection closed without an answer", asked: 3},
		{leader: unlocked, cluster: list, answer: policy.NotLeader, asked: 1},
		{leader: said{status: 200, body: leaderBody("other", "NAME")}, answer: policy.NotOurs,
			why: `scope is "other", patroni.yml says "demo"`, asked: 1},
		{leader: said{status: 200, body: leaderBody("demo", "n1")}, answer: policy.NotOurs,
			why: `name is "n1", the cluster's member list says "NAME"`, asked: 1},
		{leader: said{status: 200, body: `{"state":"running","role":"master","patroni":{"scope":"demo"}}`}, answer: policy.Leader, asked: 1},
	}
	asked := make([]policy.Peer, len(peers))
	servers := make([]*server, len(peers))
	for i, p := range peers {
		name := "p" + string(rune('0'+i))
		p.leader.body = strings.Replace(p.leader.body, "NAME", name, 1)
		answers := map[string]said{"/leader": p.leader}
		if p.cluster.status != 0 {
			answers["/cluster"] = p.cluster
		}
		servers[i] = patroniSaying(t, answers)
		asked[i] = policy.Peer{Name: name, URL: "http://" + servers[i].addr}
	}
	got := ask(t, "127.0.0.1:1", "").Poll(t.Context(), asked)
	for i, p := range peers {
		w := got[i]
		why := strings.Replace(p.why, "NAME", asked[i].Name, 1)
		if w.Peer != asked[i] || w.Reply.Kind != p.answer || w.Names != p.names || w.Reply.Why != why || w.Reply.At != noon {
			t.Errorf("%d: got %+v\nwant %+v", i, w, p)
		}
		if n := servers[i].connections.Load(); n != p.asked {
			t.Errorf("%d: asked %d times, want %d", i, n, p.asked)
		}
	}
	if got := ask(t, "127.0.0.1:1", "").Poll(t.Context(), nil); len(got) != 0 {
		t.Errorf("%+v", got)
	}
}

// TestPollTakesOneDeadline: ten silent peers take no longer than one, and do not keep another's
// answer away.
func TestPollTakesOneDeadline(t *testing.T) {
	silent := serve(t, func(c net.Conn, _ int) { _, _ = io.Copy(io.Discard, c) })
	good := patroniSaying(t, map[string]said{"/leader": {status: 200, body: leaderBody("demo", "n2")}})
	peers := slices.Repeat([]policy.Peer{{Name: "x", URL: "http://" + silent.addr}}, 10)
	peers = append(peers, policy.Peer{Name: "n2", URL: "http://" + good.addr + "/"}, policy.Peer{Name: "x", URL: "nonsense"})
	began := time.Now()
	got := ask(t, "127.0.0.1:1", "", within(brief)).Poll(t.Context(), peers)
	if took := time.Since(began); took > 5*brief {
		t.Errorf("took %v", took)
	}
	for _, w := range got[:10] {
		if w.Reply.Kind != policy.Silent || !strings.HasPrefix(w.Reply.Why, late) {
			t.Errorf("%+v", w)
		}
	}
	if got[10].Reply.Kind != policy.Leader || got[11].Reply.Kind != policy.NotOurs {
		t.Errorf("%+v", got[10:])
	}
}

// TestBriefWhateverTheTimeout: one that gives the local Patroni more time for its word does not
// give it to peers that are cut off, nor to the question for the members.
func TestBriefWhateverTheTimeout(t *testing.T) {
	t.Parallel()
	silent := serve(t, func(c net.Conn, _ int) { _, _ = io.Copy(io.Discard, c) })
	got := ask(t, "127.0.0.1:1", "", within(time.Minute)).Poll(t.Context(), []policy.Peer{{Name: "x", URL: "http://" + silent.addr}})
	want := late + "1s"
	if got[0].Reply.Kind != policy.Silent || got[0].Reply.Why != want {
		t.Errorf("got %+v, want %q", got[0].Reply, want)
	}
	if _, err := ask(t, silent.addr, "", within(time.Minute)).Members(t.Context()); err == nil || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("got %v, want %q", err, want)
	}
}

// TestPollTLS: a peer's certificate is for the host in its own URL, not for this host's
// connect_address.
func TestPollTLS(t *testing.T) {
	ca := newAuthority(t, "ours")
	pair, _, _ := ca.issue(time.Now().Add(time.Hour), "127.0.0.1")
	addr := tlsPatroni(t, pair, nil)
	c := ask(t, addr, "  certfile: x\n  connect_address: node1.example:8008\n  cafile: "+ca.file+"\n")
	got := c.Poll(t.Context(), []policy.Peer{{Name: "n1", URL: "https://" + addr}})
	if got[0].Reply.Kind != policy.Leader {
		t.Errorf("%+v", got[0])
	}
	if warnings := c.Warnings(); warnings != nil {
		t.Errorf("%q", warnings)
	}
}

// TestDynamicCallbacks: those that GET /config has, or why they are not known.
func TestDynamicCallbacks(t *testing.T) {
	for body, want := range map[string]map[string]any{
		`{"postgresql": {"callbacks": {"on_start": "a b", "on_stop": ["c"]}}}`: {"on_start": "a b", "on_stop": []any{"c"}},
		`{"postgresql": {"callbacks": null}}`:                                  nil,
		`{}`:                                                                   nil,
	} {
		s := patroniSaying(t, map[string]said{"/config": {status: 200, body: body}})
		if got, err := ask(t, s.addr, "").DynamicCallbacks(t.Context()); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, %v", body, got, err)
		}
	}
	s := patroniSaying(t, map[string]said{"/config": {status: 200, body: `{"postgresql": []}`}})
	if _, err := ask(t, s.addr, "").DynamicCallbacks(t.Context()); err == nil || !strings.HasPrefix(err.Error(), "answer of http://"+s.addr+"/config: ") {
		t.Errorf("%v", err)
	}
	gone := refusing(t)
	if _, err := ask(t, gone, "").DynamicCallbacks(t.Context()); err == nil || !strings.HasPrefix(err.Error(), "ask http://"+gone+"/config: ") {
		t.Errorf("%v", err)
	}
}
