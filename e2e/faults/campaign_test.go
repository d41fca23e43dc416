package faults_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vipctl/vipctl/e2e/lab"
)

var (
	campaign = flag.Uint64("campaign", 2, "how many faults a campaign has")
	seed     = flag.Uint64("seed", 1, "what a campaign draws its faults from")
	only     = flag.Uint64("only", 0, "the number of the one fault of the campaign that happens")
)

// TestCampaign lets random faults happen to one cluster, one or two at a time. Seed and number say
// which they are, and each number can be had alone.
func TestCampaign(t *testing.T) {
	if err := lab.Lacks(); err != nil {
		t.Skip(err)
	}
	numbers := []uint64{*only}
	if *only == 0 {
		numbers = nil
		for n := range *campaign {
			numbers = append(numbers, n+1)
		}
	}
	s := summary{seed: *seed}
	c := campaignCluster()
	for _, n := range numbers {
		p := draw(*seed, n)
		var tr *trial
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			tr = c.take(t, fmt.Sprint(n), 8*time.Minute)
			tr.carryOut(p)
		})
		if tr == nil {
			break // there is no cluster
		}
		s.add(p, tr)
		if !tr.settled {
			_ = c.down()
			c = campaignCluster()
		}
	}
	t.Log(s)
}

func campaignCluster() *cluster {
	return &cluster{settings: "20/2/3", opts: lab.Options{TTL: 20, LoopWait: 2, RetryTimeout: 3, StopHook: true}}
}

// summary is what a campaign came to.
type summary struct {
	seed   uint64
	faults int
	bad    []uint64
	worst  int64 // outage beyond that of clients that know every node, in ms
	at     uint64
	two    int64 // ms
}

func (s *summary) add(p plan, tr *trial) {
	s.faults++
	if !tr.Holds {
		s.bad = append(s.bad, p.number)
	}
	if tr.Outage != nil && *tr.Outage > s.worst && !p.any(func(h hit) bool { return h.lures }) {
		s.worst, s.at = *tr.Outage, p.number
	}
	if tr.Two != nil {
		s.two += *tr.Two
	}
}

func (s summary) String() string {
	text := fmt.Sprintf("seed %d, %d faults: %d bad", s.seed, s.faults, len(s.bad))
	if len(s.bad) > 0 {
		text += fmt.Sprintf(" (%s)", strings.Trim(fmt.Sprint(s.bad), "[]"))
	}
	text += fmt.Sprintf(", worst outage beyond direct clients %d ms", s.worst)
	if s.at > 0 {
		text += fmt.Sprintf(" (%d)", s.at)
	}
	return text + fmt.Sprintf(", two holders for %d ms in all", s.two)
}

// carryOut lets the plan happen to the trial's cluster, puts all right, and checks what came of it.
func (tr *trial) carryOut(p plan) {
	tr.Helper()
	tr.Cleanup(func() {
		if tr.Failed() {
			tr.Logf("again: make campaign SEED=%d ONLY=%d", *seed, p.number)
		}
	})
	tr.settle()
	tr.started = time.Now()
	tr.Fault = p.in(tr.words)
	tr.window = p.paired() && p.any(func(h hit) bool { return h.pauses })
	w := newWatch(tr.lab)
	tr.while(func() {
		tr.settled = false
		defer w.look(tr.ctx)()
		tr.happen(p, w)
		tr.settleAnyhow()
		tr.noticed()
		tr.settleAnyhow()
		tr.settled = true
	})
	tr.judge(p, w)
}

// happen begins and ends the plan's faults in time, and ends them again where that was in vain.
func (tr *trial) happen(p plan, w *watch) {
	tr.Helper()
	beside := newAside(tr.ctx)
	var scenes []*scene
	for _, h := range p.hits {
		scenes = append(scenes, &scene{hit: h, tr: tr, node: tr.behind(tr.leader, h.behind), beside: beside, random: randomOf(*seed, p.number)})
	}
	defer tr.undo(scenes, w)
	tr.nextLoop()
	time.Sleep(time.Duration(p.phase * float64(tr.lab.Settings.LoopWait)))
	tr.began = time.Now()
	for _, a := range acts(scenes, w) {
		time.Sleep(time.Until(tr.began.Add(a.at)))
		ctx, cancel := context.WithTimeout(tr.ctx, 2*time.Second)
		if err := a.do(ctx, a.scene); err != nil {
			tr.note("%s: %v", a.what, err)
		}
		cancel()
	}
}

// noticed waits until every Patroni has been through a loop since: it may have found out only then
// what has happened, and demote its leader because of it.
func (tr *trial) noticed() {
	tr.Helper()
	since := time.Now().Add(tr.lab.Settings.LoopWait).Unix()
	tr.eventually(time.Minute, "every Patroni has been through a loop", func() bool {
		return !slices.ContainsFunc(tr.lab.Nodes, func(n *lab.Node) bool {
			m, err := n.REST.Member(tr.ctx)
			return err != nil || m.LastSeen <= since
		})
	})
}

// undo ends all, whatever has begun.
func (tr *trial) undo(scenes []*scene, w *watch) {
	ctx, cancel := context.WithTimeout(tr.ctx, time.Minute)
	defer cancel()
	for _, s := range scenes {
		if err := finish(ctx, s); err != nil {
			tr.Errorf("end of %s: %v", tr.words(s.hit), err)
		}
		w.ticks(s, true)
	}
	for _, problem := range scenes[0].beside.join(20 * time.Second) {
		tr.note("%s", problem)
	}
}

// scene is a hit as it happens.
type scene struct {
	hit
	tr     *trial
	node   *lab.Node
	random *rand.Rand
	undo   func() error // what only its begin knows how to end
	beside *aside
}

// elsewhere is the same on another node.
func (s *scene) elsewhere(n *lab.Node) *scene {
	there := *s
	there.node = n
	return &there
}

// finish ends the scene, where it is not over by itself.
func finish(ctx context.Context, s *scene) error {
	if s.end == nil {
		return nil
	}
	return s.end(ctx, s)
}

// undone ends what its begin knows how to end, once.
func (s *scene) undone() error {
	undo := s.undo
	s.undo = nil
	if undo == nil {
		return nil
	}
	return undo()
}

// aside does it beside the rest.
func (s *scene) aside(do func(context.Context) error) { s.beside.do(s.tr.words(s.hit), do) }

// act is a begin or an end.
type act struct {
	at    time.Duration
	scene *scene
	what  string
	do    deed
}

// acts are the begins and ends of the scenes, in the order of their times.
func acts(scenes []*scene, w *watch) (all []act) {
	for _, s := range scenes {
		words := s.tr.words(s.hit)
		begin := s.begin
		quiet := func(ctx context.Context, s *scene) error {
			w.ticks(s, false)
			return begin(ctx, s)
		}
		all = append(all, act{s.hit.at, s, words, quiet}, act{s.hit.at + s.length, s, "end of " + words, finish})
	}
	slices.SortStableFunc(all, func(a, b act) int { return int(a.at - b.at) })
	return all
}

// aside is what goes on beside the rest.
type aside struct {
	ctx  context.Context
	stop context.CancelFunc
	busy sync.WaitGroup

	mu       sync.Mutex
	problems []string
}

func newAside(ctx context.Context) *aside {
	a := new(aside)
	a.ctx, a.stop = context.WithCancel(ctx)
	return a
}

func (a *aside) do(what string, do func(context.Context) error) {
	a.busy.Go(func() {
		if err := do(a.ctx); err != nil {
			a.mu.Lock()
			defer a.mu.Unlock()
			a.problems = append(a.problems, fmt.Sprintf("%s: %v", what, err))
		}
	})
}

// join waits until all has come to its end, for so long at most, and returns what went wrong.
func (a *aside) join(limit time.Duration) []string {
	defer time.AfterFunc(limit, a.stop).Stop()
	a.busy.Wait()
	a.stop()
	return a.problems
}

func TestSummary(t *testing.T) {
	ms := func(n int64) *int64 { return &n }
	s := summary{seed: 7}
	s.add(draw(7, 1), &trial{Holds: true, Outage: ms(12), Two: ms(30)})
	lures := plan{number: 2, hits: []hit{{fault: &fault{lures: true}}}}
	s.add(lures, &trial{Holds: true, Outage: ms(4000), Two: ms(0)})
	s.add(draw(7, 3), &trial{Outage: ms(5), Two: ms(40)})
	const want = "seed 7, 3 faults: 1 bad (3), worst outage beyond direct clients 12 ms (1), two holders for 70 ms in all"
	if got := s.String(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
