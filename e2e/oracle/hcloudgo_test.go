package oracle

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"strings"
	"testing"

	"github.com/hetznercloud/hcloud-go/v2/hcloud"
	"github.com/hetznercloud/hcloud-go/v2/hcloud/schema"

	"github.com/vipctl/vipctl/hetzner/hetznertest"
)

func leads(context.Context) bool { return true }

func (w world) official() *hcloud.Client {
	return hcloud.NewClient(hcloud.WithEndpoint(w.cloud), hcloud.WithToken(hetznertest.Token),
		hcloud.WithRetryOpts(hcloud.RetryOpts{MaxRetries: 0}))
}

// TestOfficialClient moves both kinds of address with Hetzner's own library.
func TestOfficialClient(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	c := w.official()
	ip, _, err := c.FloatingIP.GetByName(ctx, "pg-vip")
	if err != nil || ip == nil || ip.ID != fip || !ip.IP.Equal(net.ParseIP("203.0.113.5")) || ip.Server.ID != them {
		t.Fatalf("%+v, %v", ip, err)
	}
	all, err := c.FloatingIP.All(ctx)
	if err != nil || len(all) != 61 {
		t.Fatalf("%d floating IPs, %v", len(all), err)
	}
	a, resp, err := c.FloatingIP.Assign(ctx, ip, &hcloud.Server{ID: us})
	if err != nil || a.Status != hcloud.ActionStatusRunning || a.Resources[0].ID != fip {
		t.Fatalf("%+v, %v", a, err)
	}
	if resp.Meta.Ratelimit.Limit != 3600 || resp.Meta.Ratelimit.Remaining < 3500 || resp.Meta.Ratelimit.Reset.IsZero() {
		t.Errorf("rate limit %+v", resp.Meta.Ratelimit)
	}
	if err := c.Action.WaitFor(ctx, a); err != nil || w.Assigned(fip) != us {
		t.Fatalf("at %d, %v", w.Assigned(fip), err)
	}
	_, _, err = c.FloatingIP.Assign(ctx, ip, &hcloud.Server{ID: us})
	if !hcloud.IsError(err, "floating_ip_assigned") {
		t.Errorf("a second assign: %v", err)
	}
	moveAlias(t, w, c)
}

func moveAlias(t *testing.T, w world, c *hcloud.Client) {
	t.Helper()
	ctx := t.Context()
	s, _, err := c.Server.GetByName(ctx, "pg1")
	if err != nil || s == nil || len(s.PrivateNet) != 1 || !s.PrivateNet[0].IP.Equal(net.ParseIP("10.0.1.2")) {
		t.Fatalf("%+v, %v", s, err)
	}
	n, _, err := c.Network.GetByName(ctx, "pg-net")
	if err != nil || n == nil || len(n.Servers) != 2 || len(n.Subnets) != 1 {
		t.Fatalf("%+v, %v", n, err)
	}
	a, _, err := c.Server.ChangeAliasIPs(ctx, s, hcloud.ServerChangeAliasIPsOpts{Network: n, AliasIPs: []net.IP{net.ParseIP("10.0.1.100")}})
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = c.Server.ChangeAliasIPs(ctx, s, hcloud.ServerChangeAliasIPsOpts{Network: n})
	if !hcloud.IsError(err, hcloud.ErrorCodeLocked) {
		t.Errorf("while another action runs: %v", err)
	}
	if err := c.Action.WaitFor(ctx, a); err != nil || len(w.Aliases(us)) != 1 {
		t.Errorf("%v, %v", w.Aliases(us), err)
	}
}

func TestOfficialClientSeesFaults(t *testing.T) {
	w := newWorld(t)
	for code, status := range map[hcloud.ErrorCode]int{
		hcloud.ErrorCodeRateLimitExceeded: 429, hcloud.ErrorCodeConflict: 409, hcloud.ErrorCodeUnauthorized: 401,
		hcloud.ErrorCodeTokenReadonly: 401, hcloud.ErrorCodeProtected: 423, hcloud.ErrorCodeMaintenance: 403,
	} {
		w.Script("GET /floating_ips", 1, hetznertest.Refuse(status, string(code)))
		if _, _, err := w.official().FloatingIP.GetByID(t.Context(), fip); !hcloud.IsError(err, code) {
			t.Errorf("%s: %v", code, err)
		}
	}
	w.FailActions(1)
	c := w.official()
	a, _, err := c.FloatingIP.Assign(t.Context(), &hcloud.FloatingIP{ID: fip}, &hcloud.Server{ID: us})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Action.WaitFor(t.Context(), a); err == nil || !strings.Contains(err.Error(), "action_failed") {
		t.Errorf("an action that fails: %v", err)
	}
}

// TestOurRequests: what this product sends is what Hetzner's library calls the request, and does
// the same.
func TestOurRequests(t *testing.T) {
	w := newWorld(t)
	w.SetAliases(them, "10.0.1.77", "10.0.1.100")
	for _, r := range []take{w.floatingIP(t), w.aliasIP(t)} {
		if s, err := r.Take(t.Context(), boot(), leads); err != nil || !s.Ours {
			t.Fatalf("%+v, %v", s, err)
		}
	}
	var assign schema.FloatingIPActionAssignRequest
	var clear, set schema.ServerActionChangeAliasIPsRequest
	sent := w.Mutations()
	if len(sent) != 3 {
		t.Fatalf("sent %+v", sent)
	}
	for i, into := range []any{&assign, &clear, &set} {
		d := json.NewDecoder(bytes.NewReader([]byte(sent[i].Body)))
		d.DisallowUnknownFields()
		if err := d.Decode(into); err != nil {
			t.Errorf("%s: %v", sent[i].Body, err)
		}
	}
	if assign.Server != us || clear.Network != network || len(clear.AliasIPs) != 1 || len(set.AliasIPs) != 1 {
		t.Errorf("sent %+v, %+v, %+v", assign, clear, set)
	}
	ip, _, err := w.official().FloatingIP.GetByID(t.Context(), fip)
	if err != nil || ip.Server.ID != us {
		t.Errorf("%+v, %v", ip, err)
	}
	s, _, err := w.official().Server.GetByID(t.Context(), us)
	if err != nil || s.PrivateNet[0].Aliases[0].String() != "10.0.1.100" {
		t.Errorf("%+v, %v", s, err)
	}
}
