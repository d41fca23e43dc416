package sim

import (
	"math/rand/v2"
	"time"
)

// A theme is faults that are dangerous together: what once showed a fault of vipctl, or is a window
// of docs/failure-modes.md. Half of all scenarios have one, because chance alone would seldom put
// four of them into the same half minute.
type theme struct {
	change func(*Scenario)
	faults [][]string // one of each, one after the other within seconds
}

var themes = []theme{
	{oldAPI, [][]string{{"set the clock far back"}, {"a monitor asks", "slow REST API"}, {"switchover", "drop the REST API's", "cut off from members"}}},
	{nil, [][]string{{"a monitor asks"}, {"kill Patroni", "freeze Patroni", "freeze the node", "drop etcd's packets"}}},
	{longTTL, [][]string{{"lower ttl"}, {"kill Patroni", "freeze Patroni", "freeze the node", "pull the cable"}}},
	{nil, [][]string{{"pause"}, {"freeze the node", "cut off from members", "kill Patroni", "drop etcd's packets"}}},
	{nil, [][]string{{"pause"}, {"drop the REST API's"}, {"kill Patroni", "drop etcd's packets"}}},
	{nil, [][]string{{"switchover"}, {"freeze the node for a moment", "kill vipctl at times", "kill the postmaster", "switchover"}, {"switchover"}}},
	{nil, [][]string{{"slow archiver", "slow before_stop"}, {"switchover", "stop Patroni", "cut off from members", "drop etcd's packets"}, {"freeze the node for a moment", "slow disk"}}},
	{nil, [][]string{{"/run full", "/run wiped", "kill vipctl at times"}, {"switchover", "freeze the node", "kill Patroni", "restart PostgreSQL"}}},
	{nil, [][]string{{"hold"}, {"freeze the node", "cut off from members", "switchover", "power cut"}}},
	{nil, [][]string{{"REST API too slow", "slow REST API"}, {"switchover", "freeze the node", "drop etcd's packets", "kill the postmaster"}}},
	{nil, [][]string{{"freeze the node for a moment"}, {"freeze the node for a moment"}, {"kill Patroni", "pull the cable", "switchover"}}},
}

func oldAPI(s *Scenario) { s.DCS = "etcd" }

func longTTL(s *Scenario) { s.TTL, s.LoopWait, s.RetryTimeout = 60, 10, 10 }

// together draws the faults of a theme.
func together(r *rand.Rand, s *Scenario) {
	th := pick(r, themes...)
	if th.change != nil {
		th.change(s)
	}
	at := between(r, 0, 20*time.Second)
	for _, names := range th.faults {
		what := pick(r, names...)
		f := Fault{What: what, Node: theLeader, At: at.Round(time.Microsecond)}
		if longest := faults[what].longest; longest > 0 {
			f.For = between(r, min(longest/2, 15*time.Second), min(longest, 50*time.Second)).Round(time.Microsecond)
		}
		if d := faults[what].by; d > 0 {
			f.By = between(r, -d, d).Round(time.Millisecond)
		}
		s.Faults = append(s.Faults, f)
		at += between(r, 0, 7*time.Second)
	}
}
