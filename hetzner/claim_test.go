package hetzner_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vipctl/vipctl/hetzner/hetznertest"
	"github.com/vipctl/vipctl/reconcile/policy"
)

// steady is a cluster whose first node leads and has the address.
func steady(t *testing.T, kind string) *cluster {
	t.Helper()
	c := newCluster(t, kind, 0)
	c.Pace(50*time.Millisecond, time.Second, time.Minute)
	t.Cleanup(c.run())
	time.Sleep(1234 * time.Millisecond) // never at the very moment of a tick
	c.promote(ourID)
	c.arrives(t, ourID, 2*time.Minute)
	time.Sleep(time.Minute)
	return c
}

// arrives waits until the address is at a node, by the provider's own knowledge.
func (c *cluster) arrives(t *testing.T, id int64, within time.Duration) {
	t.Helper()
	for began := time.Now(); c.holder() != id; time.Sleep(50 * time.Millisecond) {
		if time.Since(began) > within {
			t.Fatalf("after %v the address is at %d, not at %d", within, c.holder(), id)
		}
	}
}

// wantMutations checks how many calls for a change a node has made since the given time.
func (c *cluster) wantMutations(t *testing.T, id int64, since time.Time, want int) {
	t.Helper()
	n := 0
	for _, call := range c.Mutations() {
		if call.Agent == fmt.Sprint(id) && !call.At.Before(since) {
			n++
		}
	}
	if n != want {
		t.Errorf("node %d made %d calls for a change, want %d", id, n, want)
	}
}

// TestAClaimMakesOneCall: a switchover costs one call for a change, and of an alias IP a second one
// to take it from its holder. The node that gave it up makes none.
func TestAClaimMakesOneCall(t *testing.T) {
	for _, row := range []struct {
		kind   string
		nobody bool // has the address
		calls  int
	}{
		{"floating IP", false, 1}, {"floating IP", true, 1}, {"alias IP", false, 2}, {"alias IP", true, 1}, {"failover IP", false, 1}, {"failover IP", true, 1},
	} {
		t.Run(fmt.Sprint(row.kind, ", nobody's: ", row.nobody), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := steady(t, row.kind)
				if row.nobody {
					c.Assign(fipID, 0)
					c.SetAliases(ourID)
					c.Route(failoverIP, "")
				}
				began := time.Now()
				c.switchOver(rivalID)
				time.Sleep(5 * time.Minute)
				c.arrives(t, rivalID, 0)
				c.wantMutations(t, rivalID, began, row.calls)
				c.wantMutations(t, ourID, began, 0)
				c.wantNoUsurper(t, policy.EvidenceAge)
				if told := c.hosts[rivalID].routeRecords(); len(told) != 1 {
					t.Errorf("history %q", told)
				}
			})
		})
	}
}

// TestASilentPatroniEndsNoSwitch: Patroni does not confirm a promotion in time, which is no reason
// to begin anew.
func TestASilentPatroniEndsNoSwitch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := steady(t, "failover IP")
		began := time.Now()
		c.silence(rivalID, 5*time.Second)
		c.switchOver(rivalID)
		c.arrives(t, rivalID, 62*time.Second)
		time.Sleep(5 * time.Minute)
		c.wantMutations(t, rivalID, began, 1)
		if told := c.hosts[rivalID].routeRecords(); len(told) != 1 {
			t.Errorf("history %q", told)
		}
	})
}

// TestTicksFinishASwitch: a failover IP takes longer than a tick may. Whoever began, a callback
// that was killed or a tick, the ticks wait for its end, and none of them asks for it a second
// time.
func TestTicksFinishASwitch(t *testing.T) {
	for name, begin := range map[string]func(c *cluster){
		"a callback that was killed": func(c *cluster) {
			c.promote(rivalID)
			time.Sleep(10 * time.Second)
			c.hosts[rivalID].callback(policy.Event("on_reload"), policy.Role("primary"))
		},
		"a tick": func(c *cluster) { c.crown(rivalID) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := steady(t, "failover IP")
				c.Pace(50*time.Millisecond, 0, 110*time.Second)
				began := time.Now()
				c.demote(0)
				begin(c)
				c.arrives(t, rivalID, 115*time.Second)
				calls := len(c.Calls())
				time.Sleep(10 * time.Second)
				c.wantMutations(t, rivalID, began, 1)
				if told := c.hosts[rivalID].routeRecords(); len(told) == 0 || told[len(told)-1] != "the route points here: 192.0.2.2" {
					t.Errorf("history %q", told)
				}
				if calls > 40 {
					t.Errorf("%d calls, of 100 in an hour", calls)
				}
			})
		})
	}
}

// TestAnOutageAroundAFailover: the API is away for a minute. Patroni's callback, which is killed or
// not, and the ticks bring the floating IP within five seconds of its return.
func TestAnOutageAroundAFailover(t *testing.T) {
	for name, away := range map[string]func(c *cluster) (back func()){
		"connections are refused":  func(c *cluster) func() { c.net.Down(); return c.net.Up },
		"connections hang":         func(c *cluster) func() { c.net.Lose(); return c.net.Up },
		"answers hang":             func(c *cluster) func() { return c.Script("", 0, hetznertest.Hang()) },
		"503":                      func(c *cluster) func() { return c.Script("", 0, hetznertest.Refuse(503, "unavailable")) },
		"503, metadata works":      func(c *cluster) func() { return c.Script("POST ", 0, hetznertest.Refuse(503, "unavailable")) },
		"looks work, answers hang": func(c *cluster) func() { return c.Script("POST ", 0, hetznertest.Hang()) },
	} {
		for _, early := range []time.Duration{0, 25 * time.Second, 57 * time.Second} {
			for _, killed := range []bool{false, true} {
				t.Run(fmt.Sprint(name, ", for ", early, ", killed ", killed), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						c := steady(t, "floating IP")
						back := away(c)
						time.AfterFunc(time.Minute, back)
						time.Sleep(early)
						c.switchOver(rivalID)
						if killed {
							time.Sleep(1700 * time.Millisecond)
							c.hosts[rivalID].callback(policy.Event("on_reload"), policy.Role("primary"))
						}
						time.Sleep(time.Until(c.reigns[len(c.reigns)-1].from.Add(time.Minute - early - 500*time.Millisecond)))
						c.arrives(t, rivalID, 5*time.Second)
						c.wantNoUsurper(t, policy.EvidenceAge)
					})
				})
			}
		}
	}
}

// TestALookThatOutlastsTheLeader: the answer to a tick's look says that another has the address,
// because this node was demoted meanwhile. Nothing is taken back.
func TestALookThatOutlastsTheLeader(t *testing.T) {
	for _, kind := range kinds {
		t.Run(kind, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := steady(t, kind)
				c.Script("GET ", 1, hetznertest.Late(2900*time.Millisecond))
				calls := len(c.Calls())
				for len(c.Calls()) == calls { // a look is due
					time.Sleep(10 * time.Millisecond)
				}
				began := time.Now()
				c.silence(ourID, 10*time.Second)
				c.crown(rivalID)
				c.assignTo(rivalID)
				time.Sleep(20 * time.Second)
				c.wantMutations(t, ourID, began, 0)
			})
		})
	}
}

// assignTo points the address at a node, by another's hand.
func (c *cluster) assignTo(id int64) {
	c.Assign(fipID, id)
	c.SetAliases(ourID)
	c.SetAliases(rivalID)
	c.SetAliases(id, aliasAddress)
	c.Route(failoverIP, map[int64]string{ourID: ourMain, rivalID: rivalMain}[id])
}

// TestADemotionEndsALook: who does not lead any more asks nobody, not even how an earlier call
// ended.
func TestADemotionEndsALook(t *testing.T) {
	for _, kind := range kinds {
		t.Run(kind, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := steady(t, kind)
				calls := len(c.Calls())
				c.Script("", 0, hetznertest.Refuse(503, "unavailable"))
				for len(c.Calls()) == calls { // a look is due
					time.Sleep(10 * time.Millisecond)
				}
				c.demote(0)
				time.Sleep(time.Minute)
				c.wantNoUsurper(t, policy.EvidenceAge)
				if told := c.hosts[ourID].routeRecords(); len(told) != 1 {
					t.Errorf("history %q", told)
				}
			})
		})
	}
}

// TestAnOldSwitchIsNoBurden: a switch that was begun by an earlier claim, and cut short, is over.
// The next claim is as eager as any.
func TestAnOldSwitchIsNoBurden(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := steady(t, "floating IP")
		c.net.Down()
		c.switchOver(rivalID)
		time.Sleep(30 * time.Second)
		c.switchOver(ourID)
		time.Sleep(10 * time.Minute)
		c.switchOver(rivalID)
		time.Sleep(12 * time.Second)
		c.net.Up()
		c.arrives(t, rivalID, 5*time.Second)
	})
}
