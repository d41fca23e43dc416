package faults_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/vipctl/vipctl/e2e/lab"
)

// placeLimit is how long the VIP may be where it does not belong while Patroni says so: the tick
// that is under way, whose questions a frozen peer leaves without a reply, and the next one.
const placeLimit = 2*interval + time.Second

// watch looks for as long as a trial lasts whether the VIP is on whoever leads, and on nobody who
// follows.
type watch struct {
	lab *lab.Lab

	mu       sync.Mutex
	silent   map[string]bool      // nodes without ticks
	wrong    map[string]time.Time // since when the VIP is missing, or too much, on a node
	told     map[string]bool
	last     time.Time
	problems []string
}

func newWatch(l *lab.Lab) *watch {
	return &watch{lab: l, silent: map[string]bool{}, wrong: map[string]time.Time{}, told: map[string]bool{}}
}

// standing is what a node's Patroni says of itself.
type standing int

const (
	unclear standing = iota
	leads
	follows
)

// sight is what is seen of a node.
type sight struct {
	standing
	has bool // the VIP
}

// ticks takes note that there are ticks on the scene's node, or none.
func (w *watch) ticks(s *scene, on bool) {
	if s.silent {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.silent[s.node.Name] = !on
	}
}

// look looks four times a second until it is stopped.
func (w *watch) look(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for every := time.NewTicker(250 * time.Millisecond); ctx.Err() == nil; {
			if seen, err := w.see(ctx); err == nil && ctx.Err() == nil {
				w.note(time.Now(), seen)
			}
			select {
			case <-every.C:
			case <-ctx.Done():
			}
		}
	}()
	return func() { cancel(); <-done }
}

// see asks every Patroni, and every kernel.
func (w *watch) see(ctx context.Context) (map[string]sight, error) {
	says := make([]standing, len(w.lab.Nodes))
	var asking sync.WaitGroup
	for i, n := range w.lab.Nodes {
		asking.Go(func() {
			if m, err := n.REST.Member(ctx); err == nil {
				says[i] = standingOf(m)
			}
		})
	}
	asking.Wait()
	holders, err := w.lab.Holders.Now()
	seen := make(map[string]sight)
	for i, n := range w.lab.Nodes {
		seen[n.Name] = sight{says[i], slices.Contains(holders, n.Name)}
	}
	return seen, err
}

// standingOf is unclear where nobody has the lock: Patroni says in a pause that every primary leads.
func standingOf(m lab.Member) standing {
	switch {
	case m.State != "running":
		return unclear
	case m.Leads && m.Role != "replica" && !m.Unlocked:
		return leads
	case !m.Leads && m.Role == "replica":
		return follows
	}
	return unclear
}

// note takes note of what was seen, and of what has been wrong for too long. Where two lead, nobody
// knows what is right.
func (w *watch) note(at time.Time, seen map[string]sight) {
	w.mu.Lock()
	defer w.mu.Unlock()
	leaders := 0
	for _, s := range seen {
		if s.standing == leads {
			leaders++
		}
	}
	stalled := at.Sub(w.last) > 2*time.Second // so did everybody else, perhaps
	w.last = at
	for node, s := range seen {
		wrong := s.standing == leads && !s.has || s.standing == follows && s.has
		if !wrong || leaders > 1 || w.silent[node] || stalled {
			delete(w.wrong, node)
			delete(w.told, node)
			continue
		}
		since, before := w.wrong[node]
		if !before {
			w.wrong[node] = at
		} else if at.Sub(since) > placeLimit && !w.told[node] {
			w.told[node] = true
			words := map[standing]string{leads: "leads without the VIP", follows: "follows and has the VIP"}[s.standing]
			w.problems = append(w.problems, fmt.Sprintf("%s %s since %s, for more than %v", node, words, since.Format("15:04:05.000"), placeLimit))
		}
	}
}

func TestWatch(t *testing.T) {
	right := sight{leads, true}
	for _, c := range []struct {
		what  string
		looks func(second int) map[string]sight
		want  int
	}{
		{"all is right", func(int) map[string]sight { return map[string]sight{"n1": right, "n2": {follows, false}} }, 0},
		{"a leader without it", func(int) map[string]sight { return map[string]sight{"n1": {leads, false}} }, 1},
		{"a replica with it", func(int) map[string]sight { return map[string]sight{"n1": right, "n2": {follows, true}} }, 1},
		{"for a moment", func(s int) map[string]sight { return map[string]sight{"n1": {leads, s%4 == 0}} }, 0},
		{"nobody knows", func(int) map[string]sight { return map[string]sight{"n1": {unclear, true}, "n2": {unclear, false}} }, 0},
		{"two lead", func(int) map[string]sight { return map[string]sight{"n1": right, "n2": {leads, false}} }, 0},
		{"no ticks", func(int) map[string]sight { return map[string]sight{"n3": {leads, false}} }, 0},
	} {
		w := newWatch(nil)
		w.silent["n3"] = true
		for second := range 12 {
			w.note(time.Unix(int64(1000+second), 0), c.looks(second))
		}
		if len(w.problems) != c.want {
			t.Errorf("%s: got %q, want %d", c.what, w.problems, c.want)
		}
	}
}
