package hetznertest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// rateLimit is a project's, in calls an hour; the bucket refills by one a second.
const rateLimit = 3600

// cloudAPI is the Cloud API of a world, at the paths below the version.
type cloudAPI struct{ *World }

func (w cloudAPI) handler() http.Handler {
	mux := http.NewServeMux()
	locked := func(f func(http.ResponseWriter, *http.Request)) http.HandlerFunc {
		return w.observe(func(rw http.ResponseWriter, r *http.Request) {
			w.mu.Lock()
			defer w.mu.Unlock()
			if w.admit(rw, r) {
				w.actions.settle()
				f(rw, r)
			}
		})
	}
	mux.HandleFunc("GET /floating_ips", locked(w.listFloatingIPs))
	mux.HandleFunc("GET /floating_ips/{id}", locked(w.getFloatingIP))
	mux.HandleFunc("POST /floating_ips/{id}/actions/assign", locked(w.assignFloatingIP))
	mux.HandleFunc("POST /floating_ips/{id}/actions/unassign", locked(w.unassignFloatingIP))
	mux.HandleFunc("GET /servers", locked(w.listServers))
	mux.HandleFunc("GET /servers/{id}", locked(w.getServer))
	mux.HandleFunc("POST /servers/{id}/actions/change_alias_ips", locked(w.changeAliasIPs))
	mux.HandleFunc("GET /networks", locked(w.listNetworks))
	mux.HandleFunc("GET /networks/{id}", locked(w.getNetwork))
	mux.HandleFunc("GET /actions", locked(w.listActions))
	mux.HandleFunc("GET /actions/{id}", locked(w.getAction))
	mux.HandleFunc("/", locked(func(rw http.ResponseWriter, _ *http.Request) { refuse(rw, 404, "not_found") }))
	return mux
}

// admit checks the token and the rate limit, which counts calls without a token too.
func (w cloudAPI) admit(rw http.ResponseWriter, r *http.Request) bool {
	now := time.Now()
	w.tokens = min(rateLimit, w.tokens+now.Sub(w.filled).Seconds())
	w.filled = now
	enough := w.tokens >= 1
	if enough {
		w.tokens--
	}
	h := rw.Header()
	h.Set("RateLimit-Limit", strconv.Itoa(rateLimit))
	h.Set("RateLimit-Remaining", strconv.Itoa(int(w.tokens)))
	h.Set("RateLimit-Reset", strconv.FormatInt(now.Add(time.Duration(rateLimit-w.tokens)*time.Second).Unix(), 10))
	h.Set("X-Correlation-Id", fmt.Sprintf("%016x", w.count()))
	switch {
	case !enough:
		refuse(rw, 429, "rate_limit_exceeded")
	case r.Header.Get("Authorization") != "Bearer "+Token:
		refuse(rw, 401, "unauthorized")
	default:
		return true
	}
	return false
}

func id(r *http.Request) int64 {
	n, _ := strconv.ParseInt(r.PathValue("id"), 10, 64)
	return n
}

func (w cloudAPI) listFloatingIPs(rw http.ResponseWriter, r *http.Request) {
	list(rw, r, "floating_ips", w.floating, func(f *floatingIP) string { return f.name }, w.floatingIPShape)
}

func (w cloudAPI) getFloatingIP(rw http.ResponseWriter, r *http.Request) {
	f, ok := w.floating[id(r)]
	if !ok {
		refuse(rw, 404, "not_found")
		return
	}
	answer(rw, 200, map[string]any{"floating_ip": w.floatingIPShape(f)})
}

func (w cloudAPI) assignFloatingIP(rw http.ResponseWriter, r *http.Request) {
	var body struct{ Server *int64 }
	f, ok := w.floating[id(r)]
	switch {
	case !ok:
		refuse(rw, 404, "not_found")
	case json.NewDecoder(r.Body).Decode(&body) != nil:
		refuse(rw, 400, "json_error")
	case body.Server == nil:
		refuse(rw, 422, "invalid_input")
	case w.servers[*body.Server] == nil:
		refuse(rw, 404, "not_found")
	case w.actions.busy(resource{"floating_ip", f.id}):
		refuse(rw, 423, "locked")
	case f.server == *body.Server:
		refuse(rw, 422, "floating_ip_assigned")
	default:
		to := *body.Server
		a := w.actions.begin("assign_floating_ip", resource{"floating_ip", f.id}, func() { w.assign(f, to) })
		answer(rw, 201, map[string]any{"action": a.shape()})
	}
}

func (w cloudAPI) unassignFloatingIP(rw http.ResponseWriter, r *http.Request) {
	f, ok := w.floating[id(r)]
	switch {
	case !ok:
		refuse(rw, 404, "not_found")
	case w.actions.busy(resource{"floating_ip", f.id}):
		refuse(rw, 423, "locked")
	default:
		a := w.actions.begin("unassign_floating_ip", resource{"floating_ip", f.id}, func() { w.assign(f, 0) })
		answer(rw, 201, map[string]any{"action": a.shape()})
	}
}

func (w cloudAPI) listServers(rw http.ResponseWriter, r *http.Request) {
	list(rw, r, "servers", w.servers, func(s *server) string { return s.name }, w.serverShape)
}

func (w cloudAPI) getServer(rw http.ResponseWriter, r *http.Request) {
	s, ok := w.servers[id(r)]
	if !ok {
		refuse(rw, 404, "not_found")
		return
	}
	answer(rw, 200, map[string]any{"server": w.serverShape(s)})
}

func (w cloudAPI) changeAliasIPs(rw http.ResponseWriter, r *http.Request) {
	var body struct {
		Network  int64
		AliasIPs []string `json:"alias_ips"`
	}
	s, ok := w.servers[id(r)]
	switch {
	case !ok:
		refuse(rw, 404, "not_found")
	case json.NewDecoder(r.Body).Decode(&body) != nil:
		refuse(rw, 400, "json_error")
	case body.AliasIPs == nil || s.network == 0 || s.network != body.Network || !w.inNetwork(body.Network, body.AliasIPs):
		refuse(rw, 422, "invalid_input")
	case w.actions.busy(resource{"server", s.id}):
		refuse(rw, 423, "locked")
	case w.taken(s, body.AliasIPs):
		refuse(rw, 422, "ip_not_available")
	default:
		a := w.actions.begin("change_alias_ips", resource{"server", s.id}, func() { w.setAliases(s, body.AliasIPs) })
		answer(rw, 201, map[string]any{"action": a.shape()})
	}
}

// inNetwork reports whether all addresses may be aliases in the network.
func (w cloudAPI) inNetwork(network int64, aliases []string) bool {
	p := netip.MustParsePrefix(w.networks[network].ipRange)
	return !slices.ContainsFunc(aliases, func(s string) bool {
		a, err := netip.ParseAddr(s)
		return err != nil || !p.Contains(a)
	})
}

// taken reports whether another server has one of the addresses.
func (w cloudAPI) taken(by *server, aliases []string) bool {
	for _, s := range w.servers {
		if s == by || s.network != by.network {
			continue
		}
		if slices.ContainsFunc(aliases, func(a string) bool { return a == s.private || slices.Contains(s.aliases, a) }) {
			return true
		}
	}
	return false
}

func (w cloudAPI) listNetworks(rw http.ResponseWriter, r *http.Request) {
	list(rw, r, "networks", w.networks, func(n *network) string { return n.name }, w.networkShape)
}

func (w cloudAPI) getNetwork(rw http.ResponseWriter, r *http.Request) {
	n, ok := w.networks[id(r)]
	if !ok {
		refuse(rw, 404, "not_found")
		return
	}
	answer(rw, 200, map[string]any{"network": w.networkShape(n)})
}

func (w cloudAPI) getAction(rw http.ResponseWriter, r *http.Request) {
	a, ok := w.actions.all[id(r)]
	if !ok {
		refuse(rw, 404, "not_found")
		return
	}
	answer(rw, 200, map[string]any{"action": a.shape()})
}

// listActions wants ids: a list of all was withdrawn in 2025.
func (w cloudAPI) listActions(rw http.ResponseWriter, r *http.Request) {
	ids := r.URL.Query()["id"]
	if len(ids) == 0 {
		refuse(rw, 422, "invalid_input")
		return
	}
	asked := map[int64]*action{}
	for _, s := range strings.Split(strings.Join(ids, ","), ",") {
		if n, err := strconv.ParseInt(s, 10, 64); err == nil && w.actions.all[n] != nil {
			asked[n] = w.actions.all[n]
		}
	}
	list(rw, r, "actions", asked, func(*action) string { return "" }, (*action).shape)
}
