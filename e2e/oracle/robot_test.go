package oracle

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"

	"github.com/vipctl/vipctl/hetzner"
	"github.com/vipctl/vipctl/hetzner/hetznertest"
)

// curl calls the webservice as its manual shows, and returns status and answer.
func (w world) curl(t *testing.T, args ...string) (status string, answer map[string]any) {
	t.Helper()
	args = append([]string{"-s", "-w", "\n%{http_code}", "--noproxy", "*", "-u", hetznertest.User + ":" + hetznertest.Password}, args...)
	out := run(t, nil, "curl", args...)
	body, status, _ := cut(out)
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		var list []map[string]any
		if json.Unmarshal([]byte(body), &list) != nil || len(list) != 1 {
			t.Fatalf("curl %q: %v in %s", args, err, out)
		}
		answer = list[0]
	}
	return status, answer
}

func cut(out string) (body, status string, ok bool) {
	i := strings.LastIndexByte(out, '\n')
	return out[:max(i, 0)], out[i+1:], i >= 0
}

// TestDocumentedCalls: the lines of the manual, on the fake and together with this product.
func TestDocumentedCalls(t *testing.T) {
	w := newWorld(t)
	url := w.robot + "/failover"
	for _, step := range []struct {
		name string
		args []string
		want string // status
		have string // code of the error, or active_server_ip
	}{
		{"list", []string{url}, "200", "192.0.2.2"},
		{"one", []string{url + "/198.51.100.7"}, "200", "192.0.2.2"},
		{"none", []string{url + "/198.51.100.8"}, "404", "NOT_FOUND"},
		{"switch", []string{url + "/198.51.100.7", "-d", "active_server_ip=192.0.2.1"}, "200", "192.0.2.1"},
		{"again", []string{url + "/198.51.100.7", "-d", "active_server_ip=192.0.2.1"}, "409", "FAILOVER_ALREADY_ROUTED"},
		{"elsewhere", []string{url + "/198.51.100.7", "-d", "active_server_ip=192.0.2.9"}, "404", "FAILOVER_NEW_SERVER_NOT_FOUND"},
		{"nothing", []string{url + "/198.51.100.7", "-d", "x=y"}, "400", "INVALID_INPUT"},
		{"delete", []string{url + "/198.51.100.7", "-X", "DELETE"}, "200", ""},
	} {
		status, answer := w.curl(t, step.args...)
		if got := verdict(answer); status != step.want || got != step.have {
			t.Errorf("%s: %s %s, want %s %s: %v", step.name, status, got, step.want, step.have, answer)
		}
	}
	oursBesideCurl(t, w, url)
}

// verdict is an error's code, or where a failover IP is routed.
func verdict(answer map[string]any) string {
	if e, ok := answer["error"].(map[string]any); ok {
		return e["code"].(string)
	}
	s, _ := answer["failover"].(map[string]any)["active_server_ip"].(string)
	return s
}

func oursBesideCurl(t *testing.T, w world, url string) {
	t.Helper()
	robot, err := hetzner.NewRobot(hetzner.Access{Endpoint: w.robot, Now: boot}, hetznertest.User, hetzner.NewSecret(hetznertest.Password))
	if err != nil {
		t.Fatal(err)
	}
	r, err := hetzner.NewFailover(robot, hetzner.FailoverOptions{
		Address: netip.MustParseAddr("198.51.100.7"), Server: netip.MustParseAddr("192.0.2.2"),
	})
	if err != nil {
		t.Fatal(err)
	}
	if s, err := r.Take(t.Context(), boot(), leads); err != nil || !s.Ours {
		t.Fatalf("%+v, %v", s, err)
	}
	if _, answer := w.curl(t, url+"/198.51.100.7"); verdict(answer) != "192.0.2.2" {
		t.Errorf("curl says %v", answer)
	}
	m := w.Mutations()
	if last, first := m[len(m)-1].Body, m[0].Body; strings.Replace(last, "192.0.2.2", "192.0.2.1", 1) != first {
		t.Errorf("sent %q, where curl sends %q", last, first)
	}
}
