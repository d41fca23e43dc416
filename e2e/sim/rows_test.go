package sim

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A rowOf tells how a row of docs/failure-modes.md, which the real cluster has measured, happens
// here. The faults begin at a random moment of Patroni's loop, as they do there.
type rowOf struct {
	fault    string // as the page has it
	settings string
	faults   []Fault
	change   func(*Scenario)
}

// on and of make the faults of a row.
func on(what string, node int, at, lasts time.Duration) Fault {
	return Fault{What: what, Node: node, At: at, For: lasts}
}

func leaders(what string, at, lasts time.Duration) Fault { return on(what, theLeader, at, lasts) }

const s = time.Second

func failsafe(sc *Scenario) { sc.Failsafe = true }

// rows are those rows whose outcome is a matter of time and not of the machine.
var rows = []rowOf{
	{"switchover", "20/2/3", []Fault{leaders("switchover", 0, 0)}, nil},
	{"patronictl restart of the leader", "20/2/3", []Fault{leaders("restart PostgreSQL", 0, 0)}, nil},
	{"Patroni stopped (SIGTERM)", "20/2/3", []Fault{leaders("stop Patroni", 0, 8*s)}, nil},
	{"postmaster killed, recovered by Patroni", "20/2/3", []Fault{leaders("kill the postmaster", 0, 0)}, nil},
	{"Patroni killed and started again within the lease", "20/2/3", []Fault{leaders("kill Patroni", 0, 3*s)}, nil},
	{"Patroni killed, PostgreSQL runs on", "20/2/3", []Fault{leaders("kill Patroni", 0, 30*s)}, nil},
	{"Patroni killed, PostgreSQL runs on", "30/10/10", []Fault{leaders("kill Patroni", 0, 40*s)}, nil},
	{"cable pulled, plugged back after the failover", "20/2/3", []Fault{leaders("pull the cable", 0, 27*s)}, nil},
	{"node frozen, thawed after the failover", "20/2/3", []Fault{leaders("freeze the node", 0, 27*s)}, nil},
	{"Patroni frozen, PostgreSQL runs on, thawed after the failover", "20/2/3", []Fault{leaders("freeze Patroni", 0, 27*s)}, nil},
	{"etcd's packets dropped for 12 s", "30/10/10", []Fault{leaders("drop etcd everywhere", 0, 12*s)}, nil},
	{"etcd without quorum, failsafe_mode off", "20/2/3", []Fault{on("kill etcd", 1, 0, 9*s), on("kill etcd", 2, 0, 9*s)}, nil},
	{"etcd without quorum, failsafe_mode on; etcd back", "20/2/3", []Fault{on("kill etcd", 1, 0, 25*s), on("kill etcd", 2, 0, 25*s)}, failsafe},
	{"timer stopped on the leader", "20/2/3", []Fault{leaders("stop the timer", 0, 30*s)}, nil},
	{"/run full on the leader, then a switchover", "20/2/3", []Fault{leaders("/run full", 0, 20*s), leaders("switchover", 2*s, 0)}, nil},
	{"switchover, a lease without room", "20/10/5", []Fault{leaders("switchover", 0, 0)}, nil},
	{"switchover, archive_command takes 6 s", "20/2/3", []Fault{leaders("slow archiver", 0, 20*s), leaders("switchover", 2*s, 0)}, nil},
	{"leader cut off, its before_stop hook ends 5 s after the successor leads", "20/2/3",
		[]Fault{{What: "slow before_stop", Node: theLeader, For: 40 * s, By: 21 * s}, leaders("cut off from members", 0, 30*s)}, nil},
	{"ttl lowered from 60 s to 20 s, Patroni killed 5 s later", "20/2/3", []Fault{leaders("lower ttl", 0, 60*s), leaders("kill Patroni", 5*s, 35*s)},
		func(sc *Scenario) { sc.TTL = 40 }},
	{"paused, Patroni killed on the leader and started again, resumed", "20/2/3", []Fault{leaders("pause", 0, 12*s), leaders("kill Patroni", 4*s, 4*s)}, nil},
	{"VIP also on a host that is no member", "20/2/3", []Fault{leaders("a stranger has it", 0, 20*s)}, nil},
}

// columns are the figures that are compared, each with how far the model's median may lie outside
// of what was measured. Clients here write every 50 ms, those of the real cluster every 10.
var columns = map[string]time.Duration{
	"outage": 900 * time.Millisecond, "nobody": 2500 * time.Millisecond, "two": 150 * time.Millisecond,
	"gone": 1500 * time.Millisecond, "lock": 1500 * time.Millisecond, "early": 1500 * time.Millisecond,
	"election": 1500 * time.Millisecond, "ahead": 2500 * time.Millisecond,
}

// byHand are the figures that the trial makes itself, because it heals when it has seen enough.
var byHand = map[string][]string{"timer stopped on the leader": {"outage", "nobody"}}

// TestRows lets each row happen here, and compares what comes of it with what the real cluster has
// measured: the model is as good as that.
func TestRows(t *testing.T) {
	measured := readFigures(t)
	for _, row := range rows {
		t.Run(strings.ReplaceAll(row.fault+" "+row.settings, "/", "-"), func(t *testing.T) {
			page := measured[row.fault+" "+row.settings]
			if page == nil {
				t.Fatalf("docs/failure-modes.md has no figures of %q with %s", row.fault, row.settings)
			}
			here := map[string][]int64{}
			for seed := range uint64(20) {
				r := simulate(t, row.scenario(seed))
				if len(r.bad) > 0 {
					t.Fatalf("%v\n%s", r.scenario, r.story)
				}
				for name, ms := range r.outcome {
					here[name] = append(here[name], ms)
				}
			}
			for name, slack := range columns {
				if slices.Contains(byHand[row.fault], name) {
					continue
				}
				there, got := page[name], here[name]
				if there == nil || len(got) == 0 {
					if (there == nil) != (len(got) == 0) && name != "outage" && name != "nobody" && name != "two" {
						t.Logf("%s: here %v, on the page %v", name, got, there)
					}
					continue
				}
				slices.Sort(got)
				median := got[len(got)/2]
				line := fmt.Sprintf("%s: here %d (%d to %d), on the real cluster %v", name, median, got[0], got[len(got)-1], there)
				if median < there.least-slack.Milliseconds() || median > there.most+slack.Milliseconds() {
					t.Errorf("%s: more than %v apart", line, slack)
				} else {
					t.Log(line)
				}
			}
		})
	}
}

func (row rowOf) scenario(seed uint64) Scenario {
	sc := Scenario{Seed: seed, Nodes: 3, VIPs: 1, Patroni: "3.0", DCS: "etcd3", Faults: row.faults}
	_, _ = fmt.Sscanf(row.settings, "%d/%d/%d", &sc.TTL, &sc.LoopWait, &sc.RetryTimeout)
	r := sc.rand()
	sc.Faults = slices.Clone(sc.Faults)
	later := between(r, 0, seconds(sc.LoopWait))
	for i := range sc.Faults {
		sc.Faults[i].At += later
	}
	if row.change != nil {
		row.change(&sc)
	}
	return sc
}

// figure is what was measured several times.
type figure struct{ median, least, most int64 }

func (f *figure) String() string { return fmt.Sprintf("%d (%d to %d)", f.median, f.least, f.most) }

var cell = regexp.MustCompile(`^(-?\d+)(?: \((-?\d+) to (-?\d+)\))?$`)

// readFigures reads the tables of figures, by fault and settings.
func readFigures(t *testing.T) map[string]map[string]*figure {
	t.Helper()
	page, err := os.ReadFile("../../docs/failure-modes.md")
	if err != nil {
		t.Fatal(err)
	}
	_, tables, _ := strings.Cut(string(page), "<!-- figures: begin -->")
	tables, _, _ = strings.Cut(tables, "<!-- figures: end -->")
	all := map[string]map[string]*figure{}
	var header []string
	for line := range strings.Lines(tables) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "|") {
			header = nil
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if header == nil {
			header = cells
			continue
		}
		name := cells[0] + " " + cells[1]
		if all[name] == nil {
			all[name] = map[string]*figure{}
		}
		for i, text := range cells {
			if m := cell.FindStringSubmatch(text); m != nil && i > 1 && i < len(header) {
				f := figure{number(m[1]), number(m[1]), number(m[1])}
				if m[2] != "" {
					f.least, f.most = number(m[2]), number(m[3])
				}
				all[name][header[i]] = &f
			}
		}
	}
	if len(all) < len(rows) {
		t.Fatalf("docs/failure-modes.md has figures of %d faults", len(all))
	}
	return all
}

func number(text string) int64 {
	n, _ := strconv.ParseInt(text, 10, 64)
	return n
}
