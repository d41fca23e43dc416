package patroni

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/vipctl/vipctl/patroni/conf"
	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/reconcile/policy"
)

// sayable complains of a text for people that is not one printable line: what a stranger answers
// must not move a terminal's cursor.
func sayable(t *testing.T, what, text string) {
	t.Helper()
	if reconcile.Printable(text) != text {
		t.Errorf("%s: %q", what, text)
	}
}

// FuzzParseReply: whatever a stranger answers, it is NotOurs unless it says that it is ours. When
// this Patroni read the DCS is never taken to be later than now.
func FuzzParseReply(f *testing.F) {
	const date = 1795209700
	for _, v := range versions {
		for _, name := range []string{"/leader-primary.txt", "/switchover-n1-503-demoted-stopping.txt", "/replica-patroni.txt", "/dcs-down-old-leader.txt"} {
			a := fixture(f, v+name)
			f.Add(a.status, int64(date), a.body)
		}
	}
	f.Add(200, int64(0), `{"state":"\u001b[2J","role":"primary","patroni":{"scope":"demo"}}`)
	f.Add(200, int64(-1<<62), `{"state":"running","role":"primary","dcs_last_seen":9223372036854775807,"patroni":{"scope":"demo"}}`)
	f.Add(503, int64(1<<62), `{"state":"running","role":"replica","dcs_last_seen":9223372036,"timeline":-1,"patroni":{"scope":"demo","name":"n2"}}`)
	f.Fuzz(func(t *testing.T, status int, date int64, body string) {
		w := parseReply(response{status: status, date: date, body: []byte(body)}, demo)
		switch w.Kind {
		case policy.Leader, policy.NotLeader:
			checkOurs(t, w, status, body)
		case policy.NotOurs:
			if w.Why == "" || w != (policy.PatroniReply{Kind: w.Kind, Why: w.Why}) {
				t.Errorf("%+v", w)
			}
		default:
			t.Errorf("answer %q", w.Kind)
		}
		sayable(t, "why", w.Why)
		sayable(t, "state", w.State)
	})
}

// demo is who answers in the tests.
var demo = identity{scope: "demo", scopedBy: "patroni.yml", name: "n1", namedBy: "patroni.yml"}

// checkOurs holds a reply that counts against its bytes.
func checkOurs(t *testing.T, w policy.PatroniReply, status int, body string) {
	t.Helper()
	if w.Why != "" || w.Scope != "demo" || w.Role == "" || w.Name != "" && w.Name != "n1" {
		t.Errorf("%+v", w)
	}
	if (w.Kind == policy.Leader) != (status == 200) {
		t.Errorf("%d is %s", status, w.Kind)
	}
	var raw map[string]any
	untyped := json.NewDecoder(strings.NewReader(body))
	untyped.UseNumber() // one that is too large for a float64 is none of ours
	if err := untyped.Decode(&raw); err != nil {
		t.Fatal(err)
	}
	if said, once := only(raw, "patroni"); once {
		said, _ := said.(map[string]any)
		if scope, once := only(said, "scope"); once && scope != "demo" {
			t.Errorf("the scope is %v in %s", scope, body)
		}
		if name, once := only(said, "name"); once && name != nil && name != "n1" {
			t.Errorf("the name is %v in %s", name, body)
		}
	}
	now, wall := policy.SinceBoot(time.Hour), time.Unix(1795209700, 0)
	dated := policy.ClusterState{}.Date(w, now, wall)
	peer := policy.ClusterState{}.DatePeer(w, now, wall)
	for _, d := range []policy.PatroniReply{dated, peer} {
		if d.SeenAt.Before(policy.Moment{}) || d.SeenAt.After(now) {
			t.Errorf("seen at %v of %v: %+v", d.SeenAt, now, d)
		}
	}
	if w.LastSeen > wall.Unix()+2 && !dated.SeenAt.IsZero() {
		t.Errorf("the future was seen: %+v", dated)
	}
	if w.Date != 0 && w.LastSeen > w.Date+2 && !peer.SeenAt.IsZero() {
		t.Errorf("a peer has seen its future: %+v", peer)
	}
}

// only is the value of the one key that the decoder can have read for a field.
func only(object map[string]any, field string) (value any, once bool) {
	times := 0
	for key, v := range object {
		if strings.EqualFold(key, field) {
			value = v
			times++
		}
	}
	return value, times == 1
}

// FuzzParseCluster: the peers can be asked, and none of them is this member.
func FuzzParseCluster(f *testing.F) {
	for _, v := range versions {
		for _, name := range []string{"/leader-cluster.txt", "/cluster-paused.txt", "/cluster-after.txt"} {
			f.Add(fixture(f, v+name).body)
		}
	}
	f.Add(`{"scope":"other","members":[]}`)
	f.Add(`{"members":[{"name":"n2","api_url":"http://[fe80::1%25a b]:8008/p"},{"name":"n3","api_url":"http://[::]:1/"},{"name":"n1","role":"leader","api_url":"http://10.0.0.9"}]}`)
	us := conf.Settings{Name: "n1", URL: "http://127.0.0.1:8008"}
	f.Fuzz(func(t *testing.T, body string) {
		cl, err := parseCluster([]byte(body), demo)
		if err != nil {
			sayable(t, "error", err.Error())
			return
		}
		names := map[string]bool{"": true}
		for _, m := range cl.Members {
			names[m.Name] = true
		}
		if !names[cl.leader()] {
			t.Errorf("%q leads, and is no member", cl.leader())
		}
		for _, p := range cl.peers(us) {
			base, err := conf.BaseURL(p.URL)
			if err != nil || base.String() != p.URL || p.URL == us.URL || p.Name == "" || p.Name == "n1" || !names[p.Name] {
				t.Errorf("%+v, %v", p, err)
			}
			sayable(t, "URL", p.URL)
		}
	})
}

// FuzzParseTiming: settings that are taken are whole seconds within a day.
func FuzzParseTiming(f *testing.F) {
	for _, v := range versions {
		f.Add(fixture(f, v+"/leader-config.txt").body)
	}
	f.Add(`{"ttl":"30","loop_wait":" 1_0","retry_timeout":1e400}`)
	f.Add(`{"ttl":null,"loop_wait":0.9,"retry_timeout":[],"TTL":"\u001b[2J"}`)
	f.Fuzz(func(t *testing.T, body string) {
		timing, err := parseTiming([]byte(body))
		if err != nil {
			sayable(t, "error", err.Error())
			return
		}
		for _, d := range []time.Duration{timing.TTL, timing.LoopWait, timing.RetryTimeout} {
			if d < time.Second || d > 24*time.Hour || d%time.Second != 0 {
				t.Errorf("%+v of %s", timing, body)
			}
		}
	})
}

// FuzzParseCallbacks: of the callbacks in the dynamic configuration, those that are commands can be
// run, and what is wrong with others can be said.
func FuzzParseCallbacks(f *testing.F) {
	f.Add(fixture(f, "v4.1.4/leader-config.txt").body)
	f.Add(`{"postgresql":{"callbacks":{"on_start":"/usr/bin/vipctl callback","on_stop":["a"],"on\nrole":"x","on_reload":"'","on_restart":""}}}`)
	f.Add(`{"postgresql":{"callbacks":[]}}`)
	from := conf.Source{Config: filepath.Join(onTmpfs(f), "patroni.yml")}
	if err := os.WriteFile(from.Config, []byte("scope: demo\n"), 0o600); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body string) {
		commands, found := conf.Callbacks(from, func() (map[string]any, error) { return parseCallbacks([]byte(body)) })
		for _, c := range commands {
			if len(c.Words) == 0 || c.Event == "" || c.Where == "" {
				t.Errorf("%+v of %s", c, body)
			}
		}
		for _, finding := range found {
			sayable(t, "finding", finding.Text)
		}
	})
}

// onTmpfs is a folder that is not on a disk, which would take a millisecond for each file.
func onTmpfs(f *testing.F) string {
	dir, err := os.MkdirTemp("/dev/shm", "patroni-test-")
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// FuzzLoadEndpoint: a saved endpoint that is taken is of the same source and says whom to ask; saved
// again it is the same, and no password is in it.
func FuzzLoadEndpoint(f *testing.F) {
	from := conf.Source{Config: "/etc/patroni.yml"}
	f.Add([]byte(`{"from":{"config":"/etc/patroni.yml"},"scope":"demo","name":"n1","url":"https://10.0.0.1:8008","server_name":"n1","ca_file":"/c.ca",` +
		`"cert_file":"/c.crt","key_file":"/c.key","key_locked":true,"insecure":true,"cert_required":true,"data_dir":"/data",` +
		`"own":[{"addr":"10.0.0.2","setting":"postgresql.connect_address","where":"/etc/patroni.yml:5"}]}`))
	f.Add([]byte(`{"from":{"config":"/etc/patroni.yml","url":"http://x"},"scope":"demo","name":"n1","url":"http://x"}`))
	f.Add([]byte(`{"from":{"config":"/etc/patroni.yml"},"scope":"","name":"n1","url":"http://x","own":[{},{"addr":"::1"},{},{"addr":"::2"}]}`))
	now := conf.TLS{KeyFile: "/c.key", KeyPassword: "hush hush"}
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := loadEndpoint(data, from, now)
		if err != nil {
			sayable(t, "error", err.Error())
			return
		}
		if e.Scope == "" || e.Name == "" || e.URL == "" || e.TLS.KeyPassword != "" && e.TLS.KeyFile != now.KeyFile {
			t.Errorf("%+v", e.Settings)
		}
		again := saveEndpoint(e, from)
		if strings.Contains(string(again), "hush hush") {
			t.Errorf("a secret is in %s", again)
		}
		back, err := loadEndpoint(again, from, now)
		if err != nil || back.target != e.target || !slices.Equal(back.Own.Known(), e.Own.Known()) {
			t.Fatalf("%v\nloaded %+v\nagain  %s", err, e.Settings, again)
		}
		a, b := e.Settings, back.Settings
		a.Own, b.Own = conf.OwnAddresses{}, conf.OwnAddresses{}
		if a != b {
			t.Errorf("loaded %+v\nagain  %+v", a, b)
		}
	})
}

// FuzzPostmaster: no signal goes to anybody but one process, a PostgreSQL that is down has said so,
// and a port is one.
func FuzzPostmaster(f *testing.F) {
	for _, text := range []string{pidFile(7, "ready   "), pidFile(7, "stopping"), pidFile(-7, "standby "), "4294967296\n", "4294967295\n", "7", "\n\n\n5432\n"} {
		f.Add([]byte(text))
	}
	dir := onTmpfs(f)
	put := func(name string, data []byte) error { return os.WriteFile(filepath.Join(dir, name), data, 0o600) }
	if err := put("PG_VERSION", nil); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := put("postmaster.pid", data); err != nil {
			t.Fatal(err)
		}
		alive := postmaster(dir, func(pid int, sig unix.Signal) error {
			if int(int32(pid)) != pid || pid < 1 || sig != 0 {
				t.Errorf("kill(%d, %d)", pid, sig)
			}
			return nil
		})
		stopping := strings.Count(string(data), "\n") >= pmStatusLine-1 && strings.Contains(string(data), "stopping")
		if alive == policy.PGDown && !stopping {
			t.Errorf("%q is down", data)
		}
		postmasterPort(dir)
	})
}
