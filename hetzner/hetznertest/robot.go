package hetznertest

import (
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"time"
)

// failover is one failover IP or subnet of the Robot account.
type failover struct {
	ip, mask string
	owner    string // the main address of the server that it was ordered for
	number   int
	active   string // "" where it is routed nowhere
	target   string // of the switch that is under way
	until    time.Time
	targets  []string
}

const (
	getsAnHour  = 100
	postsAnHour = 50
	// badLogins in blockTime block the caller's address for as long.
	badLogins = 3
	blockTime = 10 * time.Minute
)

// robotAPI is the Robot webservice of a world.
type robotAPI struct{ *World }

func (w robotAPI) handler() http.Handler {
	mux := http.NewServeMux()
	handle := func(pattern string, limit int, f http.HandlerFunc) {
		mux.HandleFunc(pattern, w.observe(func(rw http.ResponseWriter, r *http.Request) {
			if w.letIn(rw, r, limit) {
				f(rw, r)
			}
		}))
	}
	handle("GET /failover", getsAnHour, w.listFailover)
	handle("GET /failover/{ip}", getsAnHour, w.getFailover)
	handle("POST /failover/{ip}", postsAnHour, w.switchFailover)
	handle("DELETE /failover/{ip}", postsAnHour, w.deleteFailover)
	handle("/", getsAnHour, func(rw http.ResponseWriter, _ *http.Request) { refuse(rw, 404, "NOT_FOUND") })
	return mux
}

// letIn checks the login and the rate limit of the method.
func (w robotAPI) letIn(rw http.ResponseWriter, r *http.Request, limit int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.finish()
	now := time.Now()
	user, password, _ := r.BasicAuth()
	if user != User || password != Password {
		w.bad = append(w.bad, now)
		refuse(rw, 401, "UNAUTHORIZED")
		return false
	}
	recent := slices.DeleteFunc(w.counted[r.Method], func(t time.Time) bool { return now.Sub(t) >= time.Hour })
	if len(recent) >= limit {
		refuse(rw, 403, "RATE_LIMIT_EXCEEDED", object{"max_request": limit, "interval": 3600})
		return false
	}
	w.counted[r.Method] = append(recent, now)
	return true
}

func (w robotAPI) listFailover(rw http.ResponseWriter, _ *http.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := []object{}
	for _, ip := range slices.Sorted(maps.Keys(w.failover)) {
		all = append(all, w.failover[ip].shape())
	}
	if len(all) == 0 {
		refuse(rw, 404, "NOT_FOUND")
		return
	}
	answer(rw, 200, all)
}

func (w robotAPI) getFailover(rw http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if f := w.failover[r.PathValue("ip")]; f != nil {
		answer(rw, 200, f.shape())
		return
	}
	refuse(rw, 404, "NOT_FOUND")
}

// switchFailover answers when the switch is done.
func (w robotAPI) switchFailover(rw http.ResponseWriter, r *http.Request) {
	to := r.PostFormValue("active_server_ip")
	f, took := w.beginSwitch(rw, r.PathValue("ip"), to)
	if f == nil {
		return
	}
	time.Sleep(took)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.finish()
	answer(rw, 200, f.shape())
}

func (w robotAPI) beginSwitch(rw http.ResponseWriter, ip, to string) (*failover, time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f := w.failover[ip]
	switch {
	case f == nil:
		refuse(rw, 404, "NOT_FOUND")
	case to == "":
		refuse(rw, 400, "INVALID_INPUT", object{"missing": []string{"active_server_ip"}, "invalid": nil})
	case !slices.Contains(f.targets, to):
		refuse(rw, 404, "FAILOVER_NEW_SERVER_NOT_FOUND")
	case !f.until.IsZero():
		refuse(rw, 409, "FAILOVER_LOCKED")
	case f.active == to:
		refuse(rw, 409, "FAILOVER_ALREADY_ROUTED")
	default:
		f.target, f.until = to, time.Now().Add(w.switchTime)
		return f, w.switchTime
	}
	return nil, 0
}

func (w robotAPI) deleteFailover(rw http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f := w.failover[r.PathValue("ip")]
	if f == nil {
		refuse(rw, 404, "NOT_FOUND")
		return
	}
	f.active = ""
	w.tellMoved(f.ip, "")
	answer(rw, 200, f.shape())
}

func (f *failover) shape() object {
	s := object{
		"ip": f.ip, "netmask": f.mask, "server_ip": nil, "server_ipv6_net": nil, "server_number": f.number,
		"active_server_ip": nil, "status": "ready",
	}
	owner := "server_ip"
	if a, err := netip.ParseAddr(f.owner); err == nil && a.Is6() {
		owner = "server_ipv6_net"
	}
	s[owner] = f.owner
	if f.active != "" {
		s["active_server_ip"] = f.active
	}
	if !f.until.IsZero() {
		s["status"] = "processing"
	}
	return object{"failover": s}
}
