package surroundings

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"

	"github.com/vipctl/vipctl/patroni/conf"
	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/reconcile/policy"
	"github.com/vipctl/vipctl/vip"
)

// poolers take clients' connections to PostgreSQL on a VIP, while that may listen elsewhere alone.
var poolers = []string{"pgbouncer", "haproxy", "odyssey", "pgcat", "pgpool", "pgagroal", "supavisor"}

// findListener finds VIPs at which no PostgreSQL takes connections: by the kernel where it runs,
// else by patroni.yml.
func findListener(found *reconcile.Findings, s *inspection) {
	ctx, cancel := s.question()
	defer cancel()
	alive := s.Patroni.Postmaster(ctx) == policy.PGAlive
	listen := conf.ReadListen(s.Source)
	if port := s.Patroni.Port(); alive && port != 0 {
		listen.Port = port
	}
	level, unless := reconcile.Problem, ""
	if running := runningNamed(func(name string) bool { return slices.Contains(poolers, name) }); len(running) > 0 {
		level, unless = reconcile.Warning, ", unless they come through "+running[0].String()
	}
	for _, v := range s.VIPs {
		if why := refuses(s, listen, v.Addr, alive, s.addresses[v.Name]); why != "" {
			found.Add(level, "%s: %s: clients of the VIP are refused%s; want listen: '*:%d' under postgresql: in patroni.yml, then restart PostgreSQL (patronictl restart)",
				v.Name, why, unless, listen.Port)
		}
	}
}

// refuses says why PostgreSQL does not serve a VIP here; "" where it does, or nothing is known.
func refuses(s *inspection, listen conf.Listen, addr netip.Addr, alive bool, address policy.AddressState) string {
	anybody, named := listen.Serves(addr, s.resolve)
	byFile := fmt.Sprintf("%s: postgresql.listen is %s", listen.Where, strings.Join(listen.Hosts, ","))
	nonlocal := nonlocalBind(addr)
	late := named && !freelyBound(nonlocal) && address.Presence == policy.PresenceNo
	if late {
		byFile += fmt.Sprintf(", and %s is 0, so that PostgreSQL cannot listen at a VIP before it is here, and does not begin later (or set %[1]s=1)", nonlocal)
	}
	if alive {
		at := netip.AddrPortFrom(addr, listen.Port)
		switch served, err := vip.Listened(at); {
		case err != nil: // then by the file
		case served:
			return ""
		case len(listen.Hosts) > 0 && (!anybody || late):
			return byFile
		default:
			return fmt.Sprintf("PostgreSQL runs, and nobody listens at %s", at)
		}
	}
	if len(listen.Hosts) == 0 || anybody && !late {
		return ""
	}
	return byFile
}

// nonlocalBind is the setting that lets a server listen at an address that is not here.
func nonlocalBind(a netip.Addr) string {
	if a.Is4() {
		return "net.ipv4.ip_nonlocal_bind"
	}
	return "net.ipv6.ip_nonlocal_bind"
}

// freelyBound reports whether that setting is on. It is the network namespace's own.
func freelyBound(setting string) bool {
	value, err := os.ReadFile("/proc/sys/" + strings.ReplaceAll(setting, ".", "/"))
	return err == nil && bytes.Equal(bytes.TrimSpace(value), []byte("1"))
}
