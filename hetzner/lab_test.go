package hetzner_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/vipctl/vipctl/hetzner"
	"github.com/vipctl/vipctl/hetzner/hetznertest"
	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/reconcile/routetest"
)

const (
	cloudHost = "127.0.0.1:1001"
	robotHost = "127.0.0.1:1002"
	metaHost  = "169.254.169.254:80" // of node n: port 80+n

	ourID, rivalID = 41, 42
	fipID, netID   = 7, 4711
	fipAddress     = "203.0.113.5"
	aliasAddress   = "10.0.1.100"
	failoverIP     = "198.51.100.7"
	ourMain        = "192.0.2.1"
	rivalMain      = "192.0.2.2"
)

// dialer connects, like a net.Dialer.
type dialer func(ctx context.Context, network, address string) (net.Conn, error)

// lab is a world with two servers in it, and the network to reach it.
type lab struct {
	*hetznertest.World
	net  *hetznertest.Net
	dial dialer

	mu    sync.Mutex
	trace []hetzner.Attempt
}

func newLab(t *testing.T) *lab {
	l := &lab{World: hetznertest.New(), net: hetznertest.NewNet()}
	l.dial = l.net.Dial
	l.AddNetwork(netID, "pg-net", "10.0.1.0/24")
	l.AddServer(ourID, "pg1", ourMain, netID, "10.0.1.2")
	l.AddServer(rivalID, "pg2", rivalMain, netID, "10.0.1.3")
	l.AddFloatingIP(fipID, "pg-vip", fipAddress)
	l.AddFailover(failoverIP, "255.255.255.255", rivalMain, ourMain)
	l.Assign(fipID, rivalID)
	l.SetAliases(rivalID, "10.0.1.77", aliasAddress)
	l.net.Serve(cloudHost, l.Cloud())
	l.net.Serve(robotHost, l.Robot())
	for _, id := range []int64{ourID, rivalID} {
		l.net.Serve(metadataHost(id), l.Metadata(id))
	}
	t.Cleanup(l.net.Close)
	return l
}

// through is the same world, reached in another way.
func (l *lab) through(d dialer) *lab { return &lab{World: l.World, net: l.net, dial: d} }

func metadataHost(id int64) string { return fmt.Sprintf("169.254.169.254:%d", id) }

// access is how node id reaches a host of the lab. Its id is the User-Agent, so that calls can be
// told apart.
func (l *lab) access(id int64, endpoint string) hetzner.Access {
	return hetzner.Access{
		Endpoint: endpoint, UserAgent: fmt.Sprint(id), Dial: l.dial, Now: routetest.Now,
		Trace: func(a hetzner.Attempt) {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.trace = append(l.trace, a)
		},
	}
}

func (l *lab) metadata(id int64) *hetzner.Metadata {
	return hetzner.NewMetadata(l.access(id, "http://"+metadataHost(id)+"/hetzner/v1/metadata"))
}

func (l *lab) cloud(t *testing.T, id int64) *hetzner.Cloud {
	t.Helper()
	c, err := hetzner.NewCloud(l.access(id, "http://"+cloudHost), hetzner.NewSecret(hetznertest.Token))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (l *lab) floatingIP(t *testing.T, id int64) *hetzner.FloatingIP {
	t.Helper()
	return hetzner.NewFloatingIP(l.cloud(t, id), l.metadata(id),
		hetzner.FloatingIPOptions{Address: netip.MustParseAddr(fipAddress), FloatingIP: "pg-vip"})
}

func (l *lab) aliasIP(t *testing.T, id int64) *hetzner.AliasIP {
	t.Helper()
	return hetzner.NewAliasIP(l.cloud(t, id), l.metadata(id),
		hetzner.AliasIPOptions{Address: netip.MustParseAddr(aliasAddress), Network: "pg-net"})
}

func (l *lab) robot(t *testing.T, id int64) *hetzner.Robot {
	t.Helper()
	r, err := hetzner.NewRobot(l.access(id, "http://"+robotHost), hetznertest.User, hetzner.NewSecret(hetznertest.Password))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (l *lab) failover(t *testing.T, id int64) *hetzner.Failover {
	t.Helper()
	main := map[int64]string{ourID: ourMain, rivalID: rivalMain}[id]
	f, err := hetzner.NewFailover(l.robot(t, id), hetzner.FailoverOptions{
		Address: netip.MustParseAddr(failoverIP), Server: netip.MustParseAddr(main),
	})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// fixture is what all three routes have in common.
func (l *lab) fixture() routetest.Fixture {
	return routetest.Fixture{
		Mutations: func() int { return len(l.Mutations()) },
		Down:      l.net.Down,
		Up:        l.net.Up,
		Foreign:   json.RawMessage(`{"config":"another","target":99,"server":98,"switch":{"since":1,"action":97}}`),
	}
}

// recall gives a route a memo.
func recall(t *testing.T, r reconcile.Route, memo json.RawMessage) {
	t.Helper()
	if err := r.Recall(memo, nil); err != nil {
		t.Fatal(err)
	}
}

// pending reports whether a route's memo has a switch that was begun.
func pending(t *testing.T, r reconcile.Route) bool {
	t.Helper()
	var m struct{ Switch json.RawMessage }
	if err := json.Unmarshal(r.Memo(), &m); err != nil {
		t.Fatal(err)
	}
	return m.Switch != nil
}

func who(holder, us, rival string) string {
	switch holder {
	case us:
		return "us"
	case rival:
		return "rival"
	}
	return "nobody"
}

func TestFloatingIPContract(t *testing.T) {
	routetest.Run(t, func(t *testing.T) routetest.Fixture {
		l := newLab(t)
		f := l.fixture()
		f.New = func() reconcile.Route { return l.floatingIP(t, ourID) }
		f.Rival = l.floatingIP(t, rivalID)
		f.Holder = func() string { return who(fmt.Sprint(l.Assigned(fipID)), "41", "42") }
		f.Refuse = func() { l.Script("", 0, hetznertest.Refuse(401, "unauthorized")) }
		f.Slow = func(d time.Duration) { l.Pace(20*time.Millisecond, d, 0) }
		f.Calls, f.CanLeave = 1, true
		return f
	})
}

func TestAliasIPContract(t *testing.T) {
	routetest.Run(t, func(t *testing.T) routetest.Fixture {
		l := newLab(t)
		f := l.fixture()
		f.New = func() reconcile.Route { return l.aliasIP(t, ourID) }
		f.Rival = l.aliasIP(t, rivalID)
		f.Holder = func() string {
			for id, name := range map[int64]string{ourID: "us", rivalID: "rival"} {
				if slices.Contains(l.Aliases(id), aliasAddress) {
					return name
				}
			}
			return "nobody"
		}
		f.Refuse = func() { l.Script("", 0, hetznertest.Refuse(401, "unauthorized")) }
		f.Slow = func(d time.Duration) { l.Pace(20*time.Millisecond, d/2, 0) }
		f.Calls, f.CanLeave = 2, true
		return f
	})
}

func TestFailoverContract(t *testing.T) {
	routetest.Run(t, func(t *testing.T) routetest.Fixture {
		l := newLab(t)
		f := l.fixture()
		f.New = func() reconcile.Route { return l.failover(t, ourID) }
		f.Rival = l.failover(t, rivalID)
		f.Holder = func() string { return who(l.Routed(failoverIP), ourMain, rivalMain) }
		f.Refuse = func() { l.Script("", 0, hetznertest.Refuse(401, "UNAUTHORIZED")) }
		f.Slow = func(d time.Duration) { l.Pace(20*time.Millisecond, 0, d) }
		f.Calls = 1
		return f
	})
}
