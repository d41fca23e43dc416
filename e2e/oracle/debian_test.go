package oracle

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/vipctl/vipctl/hetzner/hetznertest"
	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/reconcile/policy"
)

// take is what a route is called for.
type take interface {
	Take(ctx context.Context, begun policy.Moment, stillLeader func(context.Context) bool) (reconcile.RouteState, error)
}

func (w world) hcloud(t *testing.T, into any, args ...string) {
	t.Helper()
	env := []string{"HCLOUD_ENDPOINT=" + w.cloud, "HCLOUD_TOKEN=" + hetznertest.Token, "HOME=" + t.TempDir(), "NO_COLOR=1"}
	out := run(t, env, "hcloud", args...)
	if into == nil {
		return
	}
	if err := json.Unmarshal([]byte(out), into); err != nil {
		t.Fatalf("hcloud %q: %v in %s", args, err, out)
	}
}

// TestCommandLineClient: Debian's hcloud-cli moves the address, sees that this product moved it,
// and the other way round.
func TestCommandLineClient(t *testing.T) {
	w := newWorld(t)
	var ip struct{ Server int64 }
	var list []struct{ Name string }
	if w.hcloud(t, &list, "floating-ip", "list", "-o", "json"); len(list) < 50 {
		t.Errorf("%d floating IPs", len(list)) // of 61; version 1.30 asks for one page only
	}
	w.hcloud(t, nil, "floating-ip", "assign", "pg-vip", "pg1")
	if got := w.Assigned(fip); got != us {
		t.Errorf("at %d", got)
	}
	w.hcloud(t, nil, "floating-ip", "assign", "pg-vip", "pg2")
	if s, err := w.floatingIP(t).Take(t.Context(), boot(), leads); err != nil || !s.Ours {
		t.Fatalf("%+v, %v", s, err)
	}
	if w.hcloud(t, &ip, "floating-ip", "describe", "pg-vip", "-o", "json"); ip.Server != us {
		t.Errorf("described as at %d", ip.Server)
	}
	w.hcloud(t, nil, "server", "change-alias-ips", "--network", "pg-net", "--alias-ips", "10.0.1.77,10.0.1.100", "pg2")
	if s, err := w.aliasIP(t).Take(t.Context(), boot(), leads); err != nil || !s.Ours {
		t.Fatalf("%+v, %v", s, err)
	}
	wantAlias(t, w, "pg1", "10.0.1.100")
	wantAlias(t, w, "pg2", "10.0.1.77")
}

func wantAlias(t *testing.T, w world, server, want string) {
	t.Helper()
	var s struct {
		PrivateNet []struct {
			AliasIPs []string `json:"alias_ips"`
		} `json:"private_net"`
	}
	w.hcloud(t, &s, "server", "describe", server, "-o", "json")
	if len(s.PrivateNet) != 1 || len(s.PrivateNet[0].AliasIPs) != 1 || s.PrivateNet[0].AliasIPs[0] != want {
		t.Errorf("%s: %+v, want the alias %s", server, s, want)
	}
}

// TestPythonClient: python3-hcloud fails on any field that the specification has and the fake has
// not.
func TestPythonClient(t *testing.T) {
	w := newWorld(t)
	run(t, []string{"PYTHONPATH=", "NO_PROXY=127.0.0.1"}, "/usr/bin/python3", "testdata/scenario.py", w.cloud, hetznertest.Token)
}
