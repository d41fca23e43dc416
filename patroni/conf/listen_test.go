package conf

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
)

func TestListen(t *testing.T) {
	names := map[string][]netip.Addr{"node1": {netip.MustParseAddr("192.0.2.1")}, "vip": {netip.MustParseAddr("192.0.2.10")}}
	resolve := func(host string) []netip.Addr { return names[host] }
	for listen, want := range map[string]string{ // the port, and how IPv4's and IPv6's VIP are served
		"'*:5432'":                       "5432 all all",
		"'*'":                            "5432 all all",
		"0.0.0.0:6432":                   "6432 all no",
		"'[::]:5432'":                    "5432 no all",
		":::5432":                        "5432 no all",
		"0.0.0.0,::1:5432":               "5432 all no",
		"'0.0.0.0,[::]:5432'":            "5432 all all",
		"192.0.2.1:5432":                 "5432 no no",
		"'127.0.0.1, 192.0.2.10 : 5433'": "5433 named no",
		"192.0.2.1,2001:db8::10:5432":    "5432 no named",
		"node1:5432":                     "5432 no no",
		"node1,vip:5432":                 "5432 named no",
	} {
		l := ReadListen(member(t, "*:8008", "postgresql:\n  listen: "+listen+"\n"))
		got := []string{}
		for _, a := range []string{"192.0.2.10", "2001:db8::10"} {
			served, named := l.Serves(netip.MustParseAddr(a), resolve)
			got = append(got, map[[2]bool]string{{true, false}: "all", {true, true}: "named", {}: "no"}[[2]bool{served, named}])
		}
		if got := fmt.Sprint(l.Port, " ", strings.Join(got, " ")); got != want {
			t.Errorf("listen %s: %s, want %s", listen, got, want)
		}
		if !strings.HasSuffix(l.Where, "patroni.yml:6") {
			t.Errorf("listen %s: stands at %s", listen, l.Where)
		}
	}
	for _, yml := range []string{"", "postgresql: {listen: '*:x'}\n"} {
		if l := ReadListen(member(t, "*:8008", yml)); len(l.Hosts) > 0 {
			t.Errorf("%q: %v", yml, l)
		}
	}
}

// TestListenOfTheEnvironment: PATRONI_POSTGRESQL_LISTEN wins.
func TestListenOfTheEnvironment(t *testing.T) {
	env := write(t, "env", "PATRONI_POSTGRESQL_LISTEN=192.0.2.1:5433\n")
	from := member(t, "*:8008", "postgresql: {listen: '*:5432'}\n")
	from.EnvironmentFile = env
	l := ReadListen(from)
	if len(l.Hosts) != 1 || l.Hosts[0] != "192.0.2.1" || l.Port != 5433 || l.Where != env {
		t.Errorf("%+v", l)
	}
}
