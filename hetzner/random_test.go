package hetzner_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vipctl/vipctl/hetzner/hetznertest"
	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/reconcile/policy"
	"github.com/vipctl/vipctl/reconcile/routetest"
)

// shapes are true answers, which the random ones are made of.
func shapes() []string {
	return []string{
		`{"floating_ip":{"id":7,"name":"pg-vip","ip":"203.0.113.5","type":"ipv4","server":42,"blocked":false}}`,
		`{"floating_ips":[{"id":7,"name":"pg-vip","ip":"203.0.113.5","server":null}],"meta":{"pagination":{"next_page":2}}}`,
		`{"action":{"id":1000,"command":"assign_floating_ip","status":"running","progress":0,"error":null}}`,
		`{"action":{"id":1000,"command":"assign_floating_ip","status":"error","error":{"code":"action_failed","message":"m"}}}`,
		`{"networks":[{"id":4711,"name":"pg-net","subnets":[{"ip_range":"10.0.1.0/24"}]}]}`,
		`{"servers":[{"id":41,"name":"a","private_net":[{"network":4711,"ip":"10.0.1.2","alias_ips":["10.0.1.100"]}]}],"meta":{}}`,
		`{"servers":[{"id":42,"name":"b","private_net":[{"network":4711,"ip":"10.0.1.3","alias_ips":[]}]}],"meta":{"pagination":{"next_page":1}}}`,
		`{"failover":{"ip":"198.51.100.7","netmask":"255.255.255.255","server_number":3,"active_server_ip":"192.0.2.2","status":"processing"}}`,
		`{"failover":{"ip":"198.51.100.7","netmask":"255.255.255.255","active_server_ip":null}}`,
		`{"error":{"code":"locked","message":"m","details":null}}`, `{"error":{"code":"conflict","message":"m"}}`,
		`{"error":{"code":"floating_ip_assigned","message":"m"}}`, `{"error":{"code":"ip_not_available","message":"m"}}`,
		`{"error":{"status":409,"code":"FAILOVER_LOCKED","message":"m"}}`, `{"error":{"status":409,"code":"FAILOVER_ALREADY_ROUTED","message":"m"}}`,
		`{"error":{"status":403,"code":"RATE_LIMIT_EXCEEDED","message":"m","max_request":50,"interval":3600}}`,
		`{"error":{"status":500,"code":"FAILOVER_FAILED","message":"m"}}`, `{"error":{"status":401,"code":"UNAUTHORIZED","message":"m"}}`,
		"41", "", "null", "[]", "{}", "<html></html>", "\x00\xff",
	}
}

// values are what a field of an answer may become.
func values(secrets []string) []any {
	all := []any{nil, true, -1, 0, 1, 7, 41, 42, 1e300, int64(1) << 62, "", "x", "203.0.113.5", "2001:db8::/64", "running", "success", "error",
		"ready", "processing", "locked", "conflict", "\x1b[31m\nx", strings.Repeat("y", 5000), []any{}, []any{nil}, map[string]any{}}
	for _, s := range secrets {
		all = append(all, s, "before "+s+" after", strings.Repeat("z", 290)+s, map[string]any{"id": s})
	}
	return all
}

// mangle changes fields of a decoded answer at random.
func mangle(v any, random *rand.Rand, with []any) any {
	if random.IntN(12) == 0 {
		return with[random.IntN(len(with))]
	}
	switch v := v.(type) {
	case map[string]any:
		for k := range v {
			v[k] = mangle(v[k], random, with)
			if random.IntN(15) == 0 {
				delete(v, k)
			}
		}
	case []any:
		for i := range v {
			v[i] = mangle(v[i], random, with)
		}
	}
	return v
}

func randomBody(random *rand.Rand, with []any) string {
	all := shapes()
	body := all[random.IntN(len(all))]
	var v any
	if random.IntN(4) == 0 || json.Unmarshal([]byte(body), &v) != nil {
		return body
	}
	data, err := json.Marshal(mangle(v, random, with))
	if err != nil {
		return body
	}
	if random.IntN(10) == 0 {
		return string(data[:random.IntN(len(data)+1)])
	}
	return string(data)
}

// randomly answers anything. *answers counts.
func randomly(random *rand.Rand, secrets []string, answers *int) hetznertest.Fault {
	statuses := []int{200, 200, 200, 201, 201, 201, 202, 204, 301, 400, 401, 403, 404, 409, 409, 412, 422, 423, 429, 500, 502, 503, 504, 599}
	headers := []string{"Retry-After", "RateLimit-Remaining", "RateLimit-Limit", "RateLimit-Reset", "X-Correlation-Id", "Location", "Content-Type"}
	with := values(secrets)
	return func(rw http.ResponseWriter, r *http.Request, honest http.HandlerFunc) {
		*answers++
		switch random.IntN(12) {
		case 0:
			honest(rw, r)
			return
		case 1:
			panic(http.ErrAbortHandler)
		}
		for range random.IntN(3) {
			rw.Header().Set(headers[random.IntN(len(headers))], strings.Map(printable, fmt.Sprint(with[random.IntN(len(with))])))
		}
		status := statuses[random.IntN(len(statuses))]
		rw.WriteHeader(status)
		if status != 204 {
			_, _ = rw.Write([]byte(randomBody(random, with)))
		}
	}
}

func printable(r rune) rune {
	if r < ' ' || r > '~' {
		return 'X'
	}
	return r
}

// TestRandomAnswers: whatever an API answers, nothing panics, nothing is told that must not be, and
// a switch that is pending is tried again within an hour.
func TestRandomAnswers(t *testing.T) {
	cloud := []string{hetznertest.Token}
	robot := []string{hetznertest.Password, base64.StdEncoding.EncodeToString([]byte(hetznertest.User + ":" + hetznertest.Password))}
	const want = 10_000
	answers := 0
	for seed := uint64(0); answers < want; seed++ {
		synctest.Test(t, func(t *testing.T) {
			l := newLab(t)
			l.Pace(time.Millisecond, 0, 0)
			routes := []reconcile.Route{l.floatingIP(t, ourID), l.aliasIP(t, ourID), l.failover(t, ourID)}
			r, secrets := routes[seed%3], [][]string{cloud, cloud, robot}[seed%3]
			l.Script("", 0, randomly(rand.New(rand.NewPCG(seed, 2)), secrets, &answers))
			for range 3 {
				due := l.survives(t, r, routetest.Now(), secrets)
				time.Sleep(max(0, due.Sub(routetest.Now())))
			}
		})
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// survives calls a route, whose switch was begun at a moment, and returns when it is due again.
func (l *lab) survives(t *testing.T, r reconcile.Route, begun policy.Moment, secrets []string) (due policy.Moment) {
	t.Helper()
	s, err := r.Take(t.Context(), begun, leads)
	if (err == nil) != s.Ours && err == nil {
		t.Errorf("no error, and not ours: %+v", s)
	}
	if pending(t, r) == (err == nil) {
		t.Errorf("after %v: pending %v", err, pending(t, r))
	}
	m := r.Memo()
	s2, err2 := r.Holder(t.Context())
	s3, err3 := r.GiveUp(t.Context())
	for _, s := range []reconcile.RouteState{s, s2, s3} {
		if s.Due.After(routetest.Now().Add(time.Hour)) {
			t.Errorf("due in %v", s.Due.Sub(routetest.Now()))
		}
	}
	note, err4 := json.Marshal([]any{m, s, s2})
	if err4 != nil {
		t.Error(err4)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	told := fmt.Sprintf("%s %v %+v %#v %v %v %+v", note, err, err, err, err2, err3, l.trace)
	l.trace = nil
	for _, secret := range secrets {
		if strings.Contains(told, secret[:12]) {
			t.Errorf("told a secret: %s", told)
		}
	}
	return s3.Due
}

// FuzzAnswer puts an answer through all of HTTP and a route, some hundred times a second; FuzzDecode
// has the decoders alone. The switch is overdue, so that no call tries for long.
func FuzzAnswer(f *testing.F) {
	for i, s := range shapes() {
		f.Add(uint8(i), uint16(200+i%2), s, "0")
		f.Add(uint8(i), uint16(400+i), s, "99999999999999999999")
	}
	f.Fuzz(func(t *testing.T, kind uint8, status uint16, body, header string) {
		if status < 200 || status > 599 {
			return
		}
		synctest.Test(t, func(t *testing.T) {
			l := newLab(t)
			l.Script("", 0, hetznertest.Raw(int(status), body, "Retry-After", strings.Map(printable, header)))
			routes := []func() reconcile.Route{
				func() reconcile.Route { return l.floatingIP(t, ourID) },
				func() reconcile.Route { return l.aliasIP(t, ourID) },
				func() reconcile.Route { return l.failover(t, ourID) },
			}
			overdue := routetest.Now().Add(-time.Hour)
			l.survives(t, routes[int(kind)%len(routes)](), overdue, []string{hetznertest.Token, hetznertest.Password})
		})
	})
}
