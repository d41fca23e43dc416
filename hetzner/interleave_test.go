package hetzner_test

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vipctl/vipctl/hetzner/hetznertest"
	"github.com/vipctl/vipctl/reconcile"
)

// trouble is what happens to nodes and API in a minute and a half. The random source is its own.
func (c *cluster) trouble(random *rand.Rand) {
	faults := []hetznertest.Fault{
		hetznertest.Refuse(503, "unavailable"), hetznertest.Refuse(423, "locked"), hetznertest.Refuse(409, "FAILOVER_LOCKED"),
		hetznertest.Hang(), hetznertest.Reset(), hetznertest.Unheard(), hetznertest.Raw(200, "{"),
		hetznertest.Late(5 * time.Second), hetznertest.Refuse(429, "rate_limit_exceeded"), hetznertest.Refuse(500, "FAILOVER_FAILED"),
	}
	nodes := []int64{ourID, rivalID}
	within := func(most time.Duration) time.Duration { return time.Duration(random.Int64N(int64(most))) }
	c.harden(true)
	for range 60 {
		switch random.IntN(9) {
		case 0:
			c.demote(within(3*time.Second) * time.Duration(random.IntN(2)))
			time.Sleep(within(3 * time.Second))
			c.promote(nodes[random.IntN(2)])
		case 1, 8:
			c.lose(within(20 * time.Second))
			time.Sleep(within(3 * time.Second))
			c.promote(nodes[random.IntN(2)])
		case 2:
			c.net.Down()
		case 3:
			c.net.Up()
		case 4, 5:
			c.Script("", 1+random.IntN(4), faults[random.IntN(len(faults))])
		case 6:
			c.FailActions(random.IntN(2))
		case 7:
			c.silence(nodes[random.IntN(2)], within(5*time.Second))
		}
		time.Sleep(within(3 * time.Second))
	}
	c.harden(false)
	c.net.Up()
	c.Honest()
}

func (c *cluster) harden(hard bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hard = hard
}

func (c *cluster) silence(id int64, d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.silent[id] = time.Now().Add(d)
}

// TestADemotedNodeChangesNothing: 100 random lives of two nodes, with processes that are killed and
// stopped anywhere. No call for a change leaves a node later than evidence of its leadership
// counts, no other call later than its process notices, and in the end the address is at who leads.
func TestADemotedNodeChangesNothing(t *testing.T) {
	for seed := range uint64(100) {
		kind := kinds[seed%3]
		t.Run(fmt.Sprint(seed, " ", kind), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCluster(t, kind, seed)
				random := rand.New(rand.NewPCG(seed, 2))
				c.Pace(time.Duration(random.IntN(300))*time.Millisecond, time.Duration(random.IntN(3000))*time.Millisecond, 30*time.Second)
				stop := c.run()
				c.promote(ourID)
				c.trouble(random)
				time.Sleep(map[string]time.Duration{"failover IP": 12 * time.Minute}[kind] + 2*time.Minute) // Robot is asked every five
				leader, holder := c.leader(), c.holder()
				stop()
				if holder != leader || holder == 0 {
					t.Errorf("in the end the address is at %d, and %d leads", holder, leader)
				}
				c.wantNoUsurper(t, reconcile.EvidenceAge+tickEvery+longestStall)
			})
		})
	}
}

// wantNoUsurper checks that no node called when it had not led for longer than evidence counts;
// look is how much later than its leadership's end a call that changes nothing may come.
func (c *cluster) wantNoUsurper(t *testing.T, look time.Duration) {
	t.Helper()
	const onTheWay = 100 * time.Millisecond
	for _, call := range c.Calls() {
		age := func(r reign) time.Duration {
			switch {
			case call.Mutating():
				return reconcile.EvidenceAge + onTheWay
			case r.untold: // a callback that nobody kills follows its call to the end
				return reconcile.RouteLockAge
			}
			return look + onTheWay
		}
		id, err := strconv.ParseInt(call.Agent, 10, 64)
		if err != nil || !c.ledWithin(id, call.At, age) {
			t.Errorf("node %s did not lead, and called %s %s", call.Agent, call.Method, call.Path)
		}
	}
}

func TestLedWithin(t *testing.T) {
	at := func(s int) time.Time { return time.Unix(int64(s), 0) }
	c := cluster{reigns: []reign{{leader: 1, from: at(0)}, {leader: 2, from: at(10)}, {leader: 1, from: at(20)}}}
	for _, row := range []struct {
		id   int64
		at   int
		want bool
	}{{1, 0, true}, {1, 12, true}, {1, 13, false}, {2, 9, false}, {2, 10, true}, {2, 22, true}, {2, 23, false}, {1, 99, true}} {
		if got := c.ledWithin(row.id, at(row.at), func(reign) time.Duration { return 2 * time.Second }); got != row.want {
			t.Error(fmt.Sprint(row), got)
		}
	}
}
