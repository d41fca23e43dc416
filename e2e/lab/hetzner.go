package lab

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/vipctl/vipctl/hetzner/hetznertest"
)

// What the fake's world consists of, besides a server for each node.
const (
	networkID, networkRange = 4711, "10.77.0.0/16"
	floatingID              = 7
	firstServer             = 41
)

// How long things take there. The real webservice of the Robot needs 40 to 110 s for a switch.
const (
	apiLatency = 200 * time.Millisecond
	actionTime = time.Second
	switchTime = 5 * time.Second
)

const metadataAddress = "169.254.169.254"

// Hetzner is the fake provider of a lab. Every node reaches its API and its metadata service, each
// at an address in its own namespace. At the moment when the API's answer to who has the VIP
// changes, the lab's router sends the VIP there. Its methods must not be called concurrently.
type Hetzner struct {
	World *hetznertest.World // for scripts of faults

	router   *Router
	hosts    []*Host
	vip      string
	product  Product
	api      []*endpoint
	metadata []*endpoint
	stop     chan struct{}
	done     chan struct{}

	mu      sync.Mutex
	moves   []Move
	problem error // of the router
}

// Move says that from a moment on the router sent the VIP to a node, or to nobody.
type Move struct {
	At   time.Time
	Node string // "" for nobody
}

// newHetzner makes the provider, with a server for each host and the VIP. Where it returns a
// provider and an error, the caller closes the provider.
func newHetzner(p Product, router *Router, hosts []*Host) (*Hetzner, error) {
	h := &Hetzner{
		World: hetznertest.New(), router: router, hosts: hosts, vip: p.address(), product: p,
		stop: make(chan struct{}), done: make(chan struct{}),
	}
	h.furnish()
	api := h.World.Cloud()
	if h.product == FailoverIP {
		api = h.World.Robot()
	}
	for i, host := range hosts {
		if err := ip("-n", host.NS.Name, "addr", "add", metadataAddress+"/32", "dev", "lo"); err != nil {
			return nil, err
		}
		h.api = append(h.api, &endpoint{ns: host.NS, address: apiAddress, handler: as(host.Name, api)})
		h.metadata = append(h.metadata,
			&endpoint{ns: host.NS, address: metadataAddress + ":80", handler: as(host.Name, h.World.Metadata(serverID(i)))})
	}
	go h.settle()
	return h, errors.Join(h.Up(), each(h.metadata, (*endpoint).up))
}

func each(all []*endpoint, do func(*endpoint) error) error {
	var problems []error
	for _, e := range all {
		problems = append(problems, do(e))
	}
	return errors.Join(problems...)
}

func serverID(node int) int64 { return firstServer + int64(node) }

// furnish fills the world: nobody has the VIP, but for a failover IP, which begins at the server
// that it was ordered for.
func (h *Hetzner) furnish() {
	w := h.World
	w.Pace(apiLatency, actionTime, switchTime)
	w.OnMove(h.moved)
	w.AddNetwork(networkID, networkName, networkRange)
	var mains []string
	for i, n := range h.hosts {
		w.AddServer(serverID(i), n.Name, n.Addr, networkID, n.Addr)
		mains = append(mains, n.Addr)
	}
	switch h.product {
	case FloatingIP:
		w.AddFloatingIP(floatingID, floatingName, h.vip)
	case FailoverIP:
		w.AddFailover(h.vip, "255.255.255.255", mains...)
		w.Route(h.vip, mains[0])
	}
}

// as tells the world which node calls, by the user agent: every vipctl sends the same one.
func as(node string, api http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		r = r.Clone(r.Context())
		r.Header.Set("User-Agent", node)
		api.ServeHTTP(rw, r)
	})
}

// moved is called by the world, which is locked meanwhile.
func (h *Hetzner) moved(address, server string) {
	if address != h.vip {
		return
	}
	var to *Host
	move := Move{At: time.Now()}
	for i, n := range h.hosts {
		if server == fmt.Sprint(serverID(i)) || server == n.Addr {
			to, move.Node = n, n.Name
		}
	}
	err := h.router.send(to)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.moves = append(h.moves, move)
	if err != nil {
		h.problem = fmt.Errorf("route the VIP to %q: %w", move.Node, err)
	}
}

// settle asks the world again and again who has the VIP: an action that has ended takes effect in
// it when somebody asks.
func (h *Hetzner) settle() {
	defer close(h.done)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-h.stop:
			return
		case <-tick.C:
			switch h.product {
			case FloatingIP:
				h.World.Assigned(floatingID)
			case AliasIP:
				h.World.Aliases(serverID(0))
			case FailoverIP:
				h.World.Routed(h.vip)
			}
		}
	}
}

// Moves returns every change of where the router sends the VIP, since the lab is up.
func (h *Hetzner) Moves() []Move {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.moves)
}

// routesTo returns nil when the router sends the VIP to the node.
func (h *Hetzner) routesTo(node string) error {
	to, err := h.router.Routed()
	if err != nil || to == node {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return errors.Join(fmt.Errorf("the VIP is not routed to %s", node), h.problem)
}

// Up makes the API reply to every node.
func (h *Hetzner) Up() error { return each(h.api, (*endpoint).up) }

// Down cuts every connection to the API; new ones are refused.
func (h *Hetzner) Down() {
	for _, e := range h.api {
		e.down()
	}
}

// Hang makes the API accept calls and reply to none, until the returned function is called. A call
// hangs that begins with one of the given texts, "POST /floating_ips" for example; without any text
// every call hangs.
func (h *Hetzner) Hang(calls ...string) (end func()) {
	if len(calls) == 0 { // what metadata services are asked is something else
		calls = []string{"POST ", "DELETE ", "GET /floating_ips", "GET /servers", "GET /networks", "GET /actions", "GET /failover"}
	}
	var ends []func()
	for _, call := range calls {
		ends = append(ends, h.World.Script(call, 0, hetznertest.Hang()))
	}
	return func() {
		for _, end := range ends {
			end()
		}
	}
}

func (h *Hetzner) close() {
	close(h.stop)
	<-h.done
	for _, e := range slices.Concat(h.api, h.metadata) {
		e.down()
	}
}
