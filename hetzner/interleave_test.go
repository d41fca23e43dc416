package hetzner_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vipctl/vipctl/hetzner/hetznertest"
	"github.com/vipctl/vipctl/hetzner/routetest"
	"github.com/vipctl/vipctl/reconcile"
)

// reign is who led from a moment on.
type reign struct {
	leader int64
	from   time.Time
}

// cluster is two nodes of which one leads at a time, and the history of it.
type cluster struct {
	*lab
	mu     sync.Mutex
	reigns []reign
	routes map[int64]func() reconcile.Route
	holder func() int64
}

func (c *cluster) crown(id int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reigns = append(c.reigns, reign{id, time.Now()})
}

func (c *cluster) leads(id int64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.reigns[len(c.reigns)-1].leader == id
}

// ledWithin reports whether id led at any time from age before at until at.
func (c *cluster) ledWithin(id int64, at time.Time, age time.Duration) bool {
	for i, r := range c.reigns {
		ended := i+1 < len(c.reigns) && c.reigns[i+1].from.Before(at.Add(-age))
		if r.leader == id && !r.from.After(at) && !ended {
			return true
		}
	}
	return false
}

// node is what a host does: a tick every two seconds or so, and processes that may be killed at any time.
func (c *cluster) node(ctx context.Context, id int64, random *rand.Rand) {
	var memo reconcile.RouteMemo
	for ctx.Err() == nil {
		if !c.leads(id) {
			memo = memo.Abandon()
		} else if memo.Due <= routetest.Now() {
			r := c.routes[id]()
			r.Recall(memo, nil)
			life, kill := context.WithTimeout(ctx, time.Duration(random.IntN(40_000))*time.Millisecond)
			s, err := r.Holder(life)
			if err == nil && !s.Ours && c.leads(id) {
				_, _ = r.Take(life, func(context.Context) bool { return c.leads(id) })
			}
			kill()
			memo = r.Memo()
		}
		time.Sleep(time.Duration(random.IntN(3000)) * time.Millisecond)
	}
}

// trouble is what happens to an API in a minute and a half.
func (c *cluster) trouble(random *rand.Rand) {
	faults := []hetznertest.Fault{
		hetznertest.Refuse(503, "unavailable"), hetznertest.Refuse(423, "locked"), hetznertest.Refuse(409, "FAILOVER_LOCKED"),
		hetznertest.Hang(), hetznertest.Reset(), hetznertest.Unheard(), hetznertest.Raw(200, "{"),
		hetznertest.Late(5 * time.Second), hetznertest.Refuse(429, "rate_limit_exceeded"), hetznertest.Refuse(500, "FAILOVER_FAILED"),
	}
	for range 60 {
		switch random.IntN(6) {
		case 0, 5:
			c.crown([]int64{ourID, rivalID}[random.IntN(2)])
		case 1:
			c.net.Down()
		case 2:
			c.net.Up()
		case 3:
			c.Script("", 1+random.IntN(4), faults[random.IntN(len(faults))])
		case 4:
			c.FailActions(random.IntN(2))
		}
		time.Sleep(time.Duration(random.IntN(3000)) * time.Millisecond)
	}
	c.net.Up()
	c.Honest()
}

// TestADemotedNodeChangesNothing: 100 random lives of two nodes. No call for a change leaves a node later than evidence
// of its leadership counts, and in the end the address is at who leads.
func TestADemotedNodeChangesNothing(t *testing.T) {
	for seed := range uint64(100) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCluster(t, seed%3)
				random := rand.New(rand.NewPCG(seed, 1))
				c.Pace(time.Duration(random.IntN(300))*time.Millisecond, time.Duration(random.IntN(3000))*time.Millisecond, 30*time.Second)
				c.crown(ourID)
				ctx, stop := context.WithCancel(t.Context())
				var nodes sync.WaitGroup
				for i, id := range []int64{ourID, rivalID} {
					nodes.Go(func() { c.node(ctx, id, rand.New(rand.NewPCG(seed, uint64(2+i)))) })
				}
				c.trouble(random)
				time.Sleep(12 * time.Minute) // Robot is asked every five
				stop()
				nodes.Wait()
				if holder := c.holder(); !c.leads(holder) {
					t.Errorf("in the end the address is at %d", holder)
				}
				c.wantNoUsurper(t)
			})
		})
	}
}

func (c *cluster) wantNoUsurper(t *testing.T) {
	t.Helper()
	const evidence = 2*time.Second + 100*time.Millisecond
	for _, call := range c.Mutations() {
		id, err := strconv.ParseInt(call.Agent, 10, 64)
		if err != nil || !c.ledWithin(id, call.At, evidence) {
			t.Errorf("node %s did not lead, and called %s %s", call.Agent, call.Method, call.Path)
		}
	}
}

func newCluster(t *testing.T, kind uint64) *cluster {
	c := &cluster{lab: newLab(t), routes: map[int64]func() reconcile.Route{}}
	for _, id := range []int64{ourID, rivalID} {
		c.routes[id] = []func() reconcile.Route{
			func() reconcile.Route { return c.floatingIP(t, id) },
			func() reconcile.Route { return c.aliasIP(t, id) },
			func() reconcile.Route { return c.failover(t, id) },
		}[kind]
	}
	c.holder = []func() int64{
		func() int64 { return c.Assigned(fipID) },
		func() int64 {
			for _, id := range []int64{ourID, rivalID} {
				if slices.Contains(c.Aliases(id), aliasAddress) {
					return id
				}
			}
			return 0
		},
		func() int64 { return map[string]int64{ourMain: ourID, rivalMain: rivalID}[c.Routed(failoverIP)] },
	}[kind]
	return c
}

func TestLedWithin(t *testing.T) {
	at := func(s int) time.Time { return time.Unix(int64(s), 0) }
	c := cluster{reigns: []reign{{1, at(0)}, {2, at(10)}, {1, at(20)}}}
	for _, row := range []struct {
		id   int64
		at   int
		want bool
	}{{1, 0, true}, {1, 12, true}, {1, 13, false}, {2, 9, false}, {2, 10, true}, {2, 22, true}, {2, 23, false}, {1, 99, true}} {
		if got := c.ledWithin(row.id, at(row.at), 2*time.Second); got != row.want {
			t.Error(fmt.Sprint(row), got)
		}
	}
}
