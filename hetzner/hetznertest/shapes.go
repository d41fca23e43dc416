package hetznertest

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

type object = map[string]any

// list answers one page of what has the asked name, in the order of the ids.
func list[T any](rw http.ResponseWriter, r *http.Request, key string, all map[int64]T, name func(T) string, shape func(T) object) {
	q := r.URL.Query()
	found := []object{}
	for _, id := range slices.Sorted(maps.Keys(all)) {
		if want := q.Get("name"); want == "" || want == name(all[id]) {
			found = append(found, shape(all[id]))
		}
	}
	page, per := number(q.Get("page"), 1), min(number(q.Get("per_page"), 25), 50)
	last := max(1, (len(found)+per-1)/per)
	paging := object{"page": page, "per_page": per, "previous_page": nil, "next_page": nil, "last_page": last, "total_entries": len(found)}
	if page > 1 {
		paging["previous_page"] = page - 1
	}
	if page < last {
		paging["next_page"] = page + 1
	}
	from := min((page-1)*per, len(found))
	answer(rw, 200, object{key: found[from:min(from+per, len(found))], "meta": object{"pagination": paging}})
}

func number(s string, otherwise int) int {
	if n, err := strconv.Atoi(s); err == nil && n > 0 {
		return n
	}
	return otherwise
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func idText(id int64) string {
	if id == 0 {
		return ""
	}
	return strconv.FormatInt(id, 10)
}

func (a *action) shape() object {
	s := object{
		"id": a.id, "command": a.command, "status": "running", "progress": 0, "started": stamp(a.begin), "finished": nil,
		"resources": []object{{"id": a.resource.id, "type": a.resource.kind}}, "error": nil,
	}
	if a.settled {
		s["status"], s["progress"], s["finished"] = "success", 100, stamp(a.end)
	}
	if a.settled && a.fails {
		s["status"], s["error"] = "error", object{"code": "action_failed", "message": "Action failed"}
	}
	return s
}

func location() object {
	return object{
		"id": 1, "name": "fsn1", "description": "Falkenstein DC Park 1", "country": "DE", "city": "Falkenstein",
		"latitude": 50.47612, "longitude": 12.370071, "network_zone": "eu-central",
	}
}

func (w cloudAPI) floatingIPShape(f *floatingIP) object {
	kind := "ipv4"
	if strings.Contains(f.ip, ":") {
		kind = "ipv6"
	}
	s := object{
		"id": f.id, "name": f.name, "description": f.name, "ip": f.ip, "type": kind, "server": nil,
		"dns_ptr": []object{}, "home_location": location(), "blocked": f.blocked, "protection": object{"delete": false},
		"labels": object{}, "created": stamp(w.began),
	}
	if kind == "ipv4" {
		s["dns_ptr"] = []object{{"ip": f.ip, "dns_ptr": "static." + f.ip + ".clients.example"}}
	}
	if f.server != 0 {
		s["server"] = f.server
	}
	return s
}

func (w cloudAPI) networkShape(n *network) object {
	members := []int64{}
	for _, id := range slices.Sorted(maps.Keys(w.servers)) {
		if w.servers[id].network == n.id {
			members = append(members, id)
		}
	}
	gateway := netip.MustParsePrefix(n.ipRange).Masked().Addr().Next().String()
	return object{
		"id": n.id, "name": n.name, "ip_range": n.ipRange, "routes": []object{}, "servers": members, "load_balancers": []int64{},
		"subnets":    []object{{"type": "cloud", "ip_range": n.ipRange, "network_zone": "eu-central", "gateway": gateway, "vswitch_id": nil}},
		"protection": object{"delete": false}, "labels": object{}, "created": stamp(w.began), "expose_routes_to_vswitch": false,
	}
}

func (w cloudAPI) serverShape(s *server) object {
	private := []object{}
	if s.network != 0 {
		private = append(private, object{
			"network": s.network, "ip": s.private, "alias_ips": append([]string{}, s.aliases...), "mac_address": mac(s.id),
		})
	}
	return object{
		"id": s.id, "name": s.name, "status": "running", "created": stamp(s.since), "public_net": w.publicNet(s),
		"private_net": private, "server_type": serverType(), "datacenter": datacenter(), "location": location(), "image": image(s.since),
		"iso": nil, "rescue_enabled": false, "locked": w.actions.busy(resource{"server", s.id}), "backup_window": nil,
		"outgoing_traffic": 0, "ingoing_traffic": 0, "included_traffic": 20 << 40, "primary_disk_size": 40,
		"protection": object{"delete": false, "rebuild": false}, "labels": object{}, "volumes": []int64{},
		"load_balancers": []int64{}, "placement_group": nil,
	}
}

func mac(id int64) string { return fmt.Sprintf("86:00:00:00:%02x:%02x", id>>8&0xff, id&0xff) }

func (w cloudAPI) publicNet(s *server) object {
	floating := []int64{}
	for _, f := range w.floating {
		if f.server == s.id {
			floating = append(floating, f.id)
		}
	}
	slices.SortFunc(floating, cmp.Compare)
	return object{
		"ipv4":         object{"id": s.id + 100_000, "ip": s.ip, "blocked": false, "dns_ptr": "static." + s.ip + ".clients.example"},
		"ipv6":         object{"id": s.id + 200_000, "ip": fmt.Sprintf("2001:db8:%x::/64", s.id), "blocked": false, "dns_ptr": []object{}},
		"floating_ips": floating, "firewalls": []object{},
	}
}

func serverType() object {
	return object{
		"id": 22, "name": "cpx11", "description": "CPX 11", "cores": 2, "memory": 2.0, "disk": 40, "storage_type": "local",
		"cpu_type": "shared", "category": "Shared vCPU", "architecture": "x86", "deprecated": false, "deprecation": nil,
		"included_traffic": nil, "locations": []object{}, "prices": []object{{
			"location": "fsn1", "price_hourly": price(), "price_monthly": price(),
			"included_traffic": 20 << 40, "price_per_tb_traffic": price(),
		}},
	}
}

func price() object { return object{"net": "1.0000000000", "gross": "1.1900000000000000"} }

func datacenter() object {
	return object{
		"id": 4, "name": "fsn1-dc14", "description": "Falkenstein 1 virtual DC 14", "location": location(),
		"server_types": object{"supported": []int64{22}, "available": []int64{22}, "available_for_migration": []int64{22}},
	}
}

func image(since time.Time) object {
	return object{
		"id": 42, "type": "system", "status": "available", "name": "debian-13", "description": "Debian 13", "image_size": nil,
		"disk_size": 5, "created": stamp(since), "created_from": nil, "bound_to": nil, "os_flavor": "debian", "os_version": "13",
		"rapid_deploy": true, "protection": object{"delete": false}, "deprecated": nil, "deleted": nil, "labels": object{}, "architecture": "x86",
	}
}
