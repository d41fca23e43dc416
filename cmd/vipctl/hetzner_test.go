package main

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/vipctl/vipctl/hetzner/hetznertest"
)

// What a host's Hetzner has: this server, another, and an address of each kind, which the other has
// at first.
const (
	thisServer, otherServer = 41, 42
	thisMain, otherMain     = "198.51.100.1", "198.51.100.2"
	floatingID              = 7
	floatingIP              = "203.0.113.5"
	aliasIP                 = "10.0.1.100"
	failoverIP              = "198.51.100.7"
)

// fakeHetzner answers in the network namespace of the thread that makes it: the Cloud API on
// 127.0.0.1:8101, the Robot webservice on 127.0.0.1:8102, and the metadata service where it always
// is.
type fakeHetzner struct {
	*hetznertest.World
	seen    int // calls that have been counted
	servers []*http.Server
}

func newFakeHetzner() (*fakeHetzner, error) {
	h := &fakeHetzner{World: hetznertest.New()}
	h.AddNetwork(4711, "pg-net", "10.0.1.0/24")
	h.AddServer(thisServer, "pg1", thisMain, 4711, "10.0.1.2")
	h.AddServer(otherServer, "pg2", otherMain, 4711, "10.0.1.3")
	h.AddFloatingIP(floatingID, "pg-vip", floatingIP)
	h.AddFailover(failoverIP, "255.255.255.255", otherMain, thisMain)
	h.Assign(floatingID, otherServer)
	h.SetAliases(otherServer, aliasIP)
	return h, errors.Join(changeAddress("add", "169.254.169.254/32", "lo"), h.serve("127.0.0.1:8101", h.Cloud()),
		h.serve("127.0.0.1:8102", h.Robot()), h.serve("169.254.169.254:80", h.Metadata(thisServer)))
}

func (h *fakeHetzner) serve(address string, handler http.Handler) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	s := &http.Server{Handler: handler}
	h.servers = append(h.servers, s)
	go func() { _ = s.Serve(l) }()
	return nil
}

// stop refuses connections from now on.
func (h *fakeHetzner) stop() {
	for _, s := range h.servers {
		_ = s.Close()
	}
}

// holder is the server that has an address.
func (h *fakeHetzner) holder(address string) string {
	switch address {
	case floatingIP:
		if id := h.Assigned(floatingID); id != 0 {
			return strconv.FormatInt(id, 10)
		}
	case aliasIP:
		for _, id := range []int64{thisServer, otherServer} {
			if slices.Contains(h.Aliases(id), address) {
				return strconv.FormatInt(id, 10)
			}
		}
	case failoverIP:
		if server := h.Routed(address); server != "" {
			return server
		}
	}
	return "nobody"
}

// count returns how many calls there were since it was last asked, those to the metadata service
// aside, and how many of them asked for a change.
func (h *fakeHetzner) count() (calls, mutations int) {
	all := h.Calls()
	for _, c := range all[h.seen:] {
		switch {
		case strings.HasPrefix(c.Path, "/hetzner/"):
			continue
		case c.Mutating():
			mutations++
		}
		calls++
	}
	h.seen = len(all)
	return calls, mutations
}

// await waits for a call that nobody has counted, and counts it. A fault counts all before it.
func (h *fakeHetzner) await(ts *testscript.TestScript, begins string) {
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); <-time.After(time.Millisecond) {
		for i, c := range h.Calls() {
			if i >= h.seen && strings.HasPrefix(c.Method+" "+c.Path, begins) {
				h.seen = i + 1
				return
			}
		}
	}
	ts.Fatalf("hetzner: no call %s", begins)
}

// faults are what can be scripted, by name.
var faults = map[string]hetznertest.Fault{
	"honest": hetznertest.Late(0), "hang": hetznertest.Hang(), "reset": hetznertest.Reset(), "down": hetznertest.Refuse(503, "unavailable"),
	"unauthorized": hetznertest.Refuse(401, "unauthorized"), "readonly": hetznertest.Refuse(401, "token_readonly"),
	"garbage": hetznertest.Raw(200, "<html>\x00{]"), "late": hetznertest.Late(1500 * time.Millisecond), "echo": echo,
}

// echo repeats, in all places of an answer, what nobody should ever repeat.
func echo(rw http.ResponseWriter, r *http.Request, _ http.HandlerFunc) {
	said := r.Header.Get("Authorization")
	_, password, _ := r.BasicAuth()
	for _, name := range []string{"X-Correlation-Id", "RateLimit-Remaining", "Location", "Retry-After"} {
		rw.Header().Set(name, said)
	}
	rw.WriteHeader(http.StatusUnprocessableEntity)
	fmt.Fprintf(rw, `{"error":{"code":%q,"message":%q}}`, said, "you said "+said+" "+strings.TrimPrefix(said, "Bearer ")+" "+password)
}

const hetznerUsage = "hetzner start|stop|honest, hetzner has ADDRESS SERVER, hetzner assign SERVER, hetzner calls N MUTATIONS, " +
	"hetzner pace ACTION, hetzner fault 'METHOD /PATH' NAME, hetzner await 'METHOD /PATH'"

// scriptHetzner is Hetzner's side of a script.
func scriptHetzner(ts *testscript.TestScript, neg bool, args []string) {
	wants(ts, !neg && len(args) > 0, hetznerUsage)
	host := hostOf(ts)
	if args[0] == "start" {
		h, err := newFakeHetzner()
		ts.Check(err)
		host.hetzner = h
		ts.Defer(h.stop)
		ts.Check(os.WriteFile("/etc/vipctl/hcloud.token", []byte(hetznertest.Token+"\n"), 0o640))
		ts.Check(os.WriteFile("/etc/vipctl/robot.password", []byte(hetznertest.Password+"\n"), 0o640))
		return
	}
	wants(ts, host.hetzner != nil, hetznerUsage)
	h := host.hetzner
	switch word, rest := args[0], args[1:]; {
	case word == "stop" && len(rest) == 0:
		h.stop()
	case word == "honest" && len(rest) == 0:
		h.Honest()
	case word == "has" && len(rest) == 2:
		if got := h.holder(rest[0]); got != rest[1] {
			ts.Fatalf("hetzner: %s has %s, want %s", got, rest[0], rest[1])
		}
	case word == "assign" && len(rest) == 1:
		id, err := strconv.ParseInt(rest[0], 10, 64)
		ts.Check(err)
		h.Assign(floatingID, id)
	case word == "calls" && len(rest) == 2:
		calls, mutations := h.count()
		if got, want := fmt.Sprint(calls, mutations), strings.Join(rest, " "); got != want {
			ts.Fatalf("hetzner: got %s calls and mutations, want %s", got, want)
		}
	case word == "pace" && len(rest) == 1:
		action, err := time.ParseDuration(rest[0])
		ts.Check(err)
		h.Pace(0, action, action)
	case word == "await" && len(rest) == 1:
		h.await(ts, rest[0])
	case word == "fault" && len(rest) == 2 && faults[rest[1]] != nil:
		h.count()
		h.Script(rest[0], 0, faults[rest[1]])
	default:
		wants(ts, false, hetznerUsage)
	}
}
