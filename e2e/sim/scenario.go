package sim

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// Scenario is all that a simulation begins with. The same scenario gives the same story.
type Scenario struct {
	Seed         uint64  `json:"seed"`
	Nodes        int     `json:"nodes"`
	VIPs         int     `json:"vips"`
	Patroni      string  `json:"patroni"` // a version, see versions
	DCS          string  `json:"dcs"`     // "etcd3", or "etcd" for etcd's old API
	TTL          int     `json:"ttl"`     // seconds, as the next two
	LoopWait     int     `json:"loop_wait"`
	RetryTimeout int     `json:"retry_timeout"`
	Failsafe     bool    `json:"failsafe,omitempty"`
	Faults       []Fault `json:"faults"`
}

// Fault is something that happens to the cluster.
type Fault struct {
	What string        `json:"what"` // one of the names in faults.go
	Node int           `json:"node"` // which; theLeader is the one that leads then
	At   time.Duration `json:"at"`   // since the cluster had settled
	For  time.Duration `json:"for"`  // until it is healed
	By   time.Duration `json:"by,omitempty"`
}

// theLeader stands for the node that has the lock when the fault begins.
const theLeader = -1

// back is how long a clock that was set back shows times that it has shown already.
func (f Fault) back() time.Duration {
	switch f.What {
	case "set the clock", "set the clock a bit":
		return max(0, -f.By)
	case "set the clock far back":
		return 250*time.Second - f.By
	}
	return 0
}

func (f Fault) String() string {
	where := "leader"
	if f.Node != theLeader {
		where = fmt.Sprintf("n%d", f.Node+1)
	}
	by := ""
	if f.By != 0 {
		by = fmt.Sprintf(" by %v", f.By)
	}
	return fmt.Sprintf("%s on %s%s at %v for %v", f.What, where, by, f.At, f.For)
}

func (s Scenario) String() string {
	var faults []string
	for _, f := range s.Faults {
		faults = append(faults, f.String())
	}
	failsafe := ""
	if s.Failsafe {
		failsafe = ", failsafe_mode"
	}
	return fmt.Sprintf("seed %d: Patroni %s, %s, %d/%d/%d%s, %d VIP(s): %s", s.Seed, s.Patroni, s.DCS, s.TTL, s.LoopWait, s.RetryTimeout,
		failsafe, s.VIPs, strings.Join(faults, "; "))
}

// text is the scenario as a file has it.
func (s Scenario) text() string {
	data, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		panic(err)
	}
	return string(data) + "\n"
}

// recovers is what a cluster needs after the last fault, at the most: locks and leases end, a
// stopped PostgreSQL is back, Patroni has elected, its loops have come round.
func (s Scenario) recovers() time.Duration {
	return seconds(s.TTL + 3*s.LoopWait + 2*s.RetryTimeout + 20)
}

// length is how long the simulation goes on after the cluster has settled.
func (s Scenario) length() time.Duration {
	last, back := time.Duration(0), time.Duration(0)
	for _, f := range s.Faults {
		last = max(last, f.At+f.For)
		back += f.back()
	}
	return last + back + s.recovers()
}

// rand is what a scenario's own choices are drawn from.
func (s Scenario) rand() *rand.Rand { return rand.New(rand.NewPCG(s.Seed, 11)) }

// draw makes a scenario of a seed.
func draw(seed uint64) Scenario {
	r := Scenario{Seed: seed}.rand()
	s := Scenario{Seed: seed, Nodes: 3, VIPs: 1, DCS: "etcd3", Failsafe: r.IntN(6) == 0}
	s.Patroni = pick(r, "2.1", "3.0", "3.2", "4.0", "4.0")
	if r.IntN(4) == 0 {
		s.DCS = "etcd"
	}
	if r.IntN(8) == 0 {
		s.VIPs = 2
	}
	timing := pick(r, [3]int{20, 2, 3}, [3]int{20, 2, 3}, [3]int{30, 10, 10}, [3]int{20, 10, 5}, [3]int{60, 10, 10})
	s.TTL, s.LoopWait, s.RetryTimeout = timing[0], timing[1], timing[2]
	more := 1 + r.IntN(4)
	if r.IntN(2) == 0 {
		together(r, &s)
		more = r.IntN(2)
	}
	for range more {
		s.Faults = append(s.Faults, drawFault(r, s))
	}
	slices.SortFunc(s.Faults, func(a, b Fault) int { return cmp.Compare(a.At, b.At) })
	return s
}

func pick[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }

func drawFault(r *rand.Rand, s Scenario) Fault {
	what := pick(r, faultNames...)
	f := Fault{What: what, Node: theLeader, At: between(r, 0, 45*time.Second).Round(time.Microsecond)}
	if r.IntN(3) == 0 {
		f.Node = r.IntN(s.Nodes)
	}
	longest := min(faults[what].longest, 50*time.Second)
	if longest > 0 {
		f.For = between(r, 10*time.Millisecond, longest)
		if r.IntN(3) == 0 {
			f.For = between(r, 10*time.Millisecond, min(longest, 4*time.Second))
		}
		f.For = f.For.Round(time.Microsecond)
	}
	if d := faults[what].by; d > 0 {
		f.By = between(r, -d, d).Round(time.Millisecond)
	}
	return f
}
