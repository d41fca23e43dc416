package hetzner_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vipctl/vipctl/hetzner"
	"github.com/vipctl/vipctl/hetzner/hetznertest"
	"github.com/vipctl/vipctl/reconcile/routetest"
)

// TestAliasIPKeepsOthers: a list of aliases is replaced as a whole, and not all of it is ours.
func TestAliasIPKeepsOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		l.SetAliases(ourID, "10.0.1.88")
		r := l.aliasIP(t, ourID)
		if _, err := r.Take(t.Context(), routetest.Now(), leads); err != nil {
			t.Fatal(err)
		}
		wantAliases(t, l, ourID, "10.0.1.88", aliasAddress)
		wantAliases(t, l, rivalID, "10.0.1.77")
		if n := len(l.Mutations()); n != 2 {
			t.Errorf("%d mutating calls, want two", n)
		}
		if _, err := r.GiveUp(t.Context()); err != nil {
			t.Fatal(err)
		}
		wantAliases(t, l, ourID, "10.0.1.88")
	})
}

func wantAliases(t *testing.T, l *lab, server int64, want ...string) {
	t.Helper()
	if got := l.Aliases(server); !slices.Equal(got, want) {
		t.Errorf("server %d has %v, want %v", server, got, want)
	}
}

func TestAliasIPFaults(t *testing.T) {
	const (
		clear = "POST /servers/42/actions"
		set   = "POST /servers/41/actions"
	)
	refuse := hetznertest.Refuse
	for _, row := range []struct {
		name  string
		on    string
		times int
		fault hetznertest.Fault
		posts int
		err   string
	}{
		{"good", "none", 0, nil, 2, ""},
		{"old holder locked", clear, 3, refuse(423, "locked"), 5, ""},
		{"old holder's conflict", clear, 3, refuse(409, "conflict"), 5, ""},
		{"ours locked", set, 3, refuse(423, "locked"), 5, ""},
		{"ours down", set, 3, refuse(503, "unavailable"), 5, ""},
		{"taken in between", set, 1, refuse(422, "ip_not_available"), 3, ""},
		{"taken for good", set, 0, refuse(422, "ip_not_available"), 3, "ip_not_available"},
		{"old holder deleted", clear, 1, refuse(404, "not_found"), 3, ""},
		{"token may only read", clear, 0, refuse(401, "token_readonly"), 1, "read and write"},
		{"list is garbage", "GET /servers", 2, hetznertest.Raw(200, `{"servers":[{}]}`), 2, ""},
		{"answer of the first lost", clear, 1, hetznertest.Unheard(), 3, ""},
		{"answer of the second lost", set, 1, hetznertest.Unheard(), 3, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLab(t)
				l.Script(row.on, row.times, row.fault)
				r := l.aliasIP(t, ourID)
				s, err := r.Take(t.Context(), routetest.Now(), leads)
				checkFault(t, s, err, row.err)
				if n := len(l.Mutations()); n != row.posts {
					t.Errorf("%d mutating calls, want %d", n, row.posts)
				}
				if pending(t, r) == (err == nil) {
					t.Errorf("pending %v after %v", pending(t, r), err)
				}
				if !slices.Contains(l.Aliases(rivalID), "10.0.1.77") {
					t.Error("a foreign alias is gone")
				}
			})
		})
	}
}

// TestAliasIPWaits: the second change begins after the first has ended, and not when it was
// accepted.
func TestAliasIPWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		l.Pace(0, 3*time.Second, 0)
		if _, err := l.aliasIP(t, ourID).Take(t.Context(), routetest.Now(), leads); err != nil {
			t.Fatal(err)
		}
		m := l.Mutations()
		if len(m) != 2 || m[1].At.Sub(m[0].At) < 3*time.Second {
			t.Errorf("mutating calls %+v", m)
		}
	})
}

func TestAliasIPConfigurationErrors(t *testing.T) {
	for _, row := range []struct {
		vip, network string
		server       int64
		err          string
	}{
		{aliasAddress, "4711", 0, ""},
		{aliasAddress, "pg-ne", 0, "none of this name"},
		{"10.0.9.9", "pg-net", 0, "in no subnet"},
		{"10.0.1.3", "pg-net", 0, "own address of server 42"},
		{aliasAddress, "pg-net", 43, "is not in the network"},
	} {
		t.Run(fmt.Sprint(row), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLab(t)
				l.AddServer(43, "alone", "192.0.2.43", 0, "")
				r := hetzner.NewAliasIP(l.cloud(t, ourID), l.metadata(ourID),
					hetzner.AliasIPOptions{Address: netip.MustParseAddr(row.vip), Network: row.network, Server: row.server})
				s, err := r.Take(t.Context(), routetest.Now(), leads)
				checkFault(t, s, err, row.err)
				if row.err != "" && len(l.Mutations()) > 0 {
					t.Error("changed something")
				}
				if row.err != "" && s.Due.Before(fromNow(20*time.Second)) {
					t.Error("due again at once, though only a person can help")
				}
			})
		})
	}
}

// TestAliasIPOnManyServers: the list has pages, and addresses may be written in more than one way.
func TestAliasIPOnManyServers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		for id := range int64(120) {
			l.AddServer(1000+id, fmt.Sprintf("node%d", id), "192.0.2.77", netID, fmt.Sprintf("10.0.1.%d", 120+id))
		}
		l.SetAliases(rivalID)
		l.SetAliases(1119, aliasAddress)
		r := l.aliasIP(t, ourID)
		s, err := r.Holder(t.Context())
		if err != nil || !strings.Contains(s.Holder, "1119") {
			t.Errorf("holder %+v, %v", s, err)
		}
		if _, err := r.Take(t.Context(), routetest.Now(), leads); err != nil {
			t.Fatal(err)
		}
		wantAliases(t, l, 1119)
		wantAliases(t, l, ourID, aliasAddress)
	})
}
