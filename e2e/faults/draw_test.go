package faults_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vipctl/vipctl/e2e/lab"
)

// plan is what a campaign's number stands for: one fault, or two of which the second begins within
// the first.
type plan struct {
	number uint64
	phase  float64 // how far into Patroni's loop it begins, from 0 to 1
	hits   []hit
}

// hit is a fault, where and when.
type hit struct {
	*fault
	behind int           // the leader, by so many nodes: 0 is the leader
	at     time.Duration // since the first one's begin
	length time.Duration
}

// draw makes the plan of a seed's number. It depends on nothing else.
func draw(seed, number uint64) plan {
	r := randomOf(seed, number)
	p := plan{number: number, phase: r.Float64()}
	first := r.IntN(len(faults))
	p.hits = []hit{drawHit(r, first)}
	if r.IntN(3) == 0 {
		return p
	}
	second := drawHit(r, (first+1+r.IntN(len(faults)-1))%len(faults))
	second.at = drawn(r, span{0, p.hits[0].length})
	p.hits = append(p.hits, second)
	return p
}

func randomOf(seed, number uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, number)) }

func drawHit(r *rand.Rand, index int) hit {
	h := hit{fault: &faults[index]}
	if h.on == atReplica || h.on == anywhere && r.IntN(3) == 0 {
		h.behind = 1 + r.IntN(2)
	}
	h.length = drawn(r, h.lasts[r.IntN(len(h.lasts))])
	return h
}

func drawn(r *rand.Rand, s span) time.Duration {
	return s.least + time.Duration(r.Int64N(int64(s.most-s.least)))
}

// killAfter is how long a callback may live.
func killAfter(r *rand.Rand) time.Duration {
	longest := 15 * time.Millisecond // a claim
	if r.IntN(2) == 0 {
		longest = 300 * time.Millisecond // a hand-over
	}
	return drawn(r, span{0, longest})
}

// in says what happens, where and when, in the words for each hit.
func (p plan) in(words func(h hit) string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d: %s", p.number, words(p.hits[0]))
	for _, h := range p.hits[1:] {
		fmt.Fprintf(&b, "; %.1f s later %s", h.at.Seconds(), words(h))
	}
	return b.String()
}

// words name the hit, where the leader is the node given.
func (tr *trial) words(h hit) string {
	role := "leader"
	if h.behind > 0 {
		role = "replica"
	}
	text := h.name
	if strings.Contains(text, "%s") {
		text = fmt.Sprintf(text, fmt.Sprintf("%s (%s)", tr.behind(tr.leader, h.behind).Name, role))
	}
	if h.end != nil {
		text += fmt.Sprintf(" for %.1f s", h.length.Seconds())
	}
	return text
}

// behind returns the node that comes so many behind another.
func (tr *trial) behind(n *lab.Node, by int) *lab.Node {
	return tr.lab.Nodes[(slices.Index(tr.lab.Nodes, n)+by)%len(tr.lab.Nodes)]
}

// any reports whether that is so of a hit.
func (p plan) any(is func(hit) bool) bool { return slices.ContainsFunc(p.hits, is) }

// paired reports whether there are two.
func (p plan) paired() bool { return len(p.hits) > 1 }

// over is when all has ended.
func (p plan) over() (end time.Duration) {
	for _, h := range p.hits {
		end = max(end, h.at+h.length)
	}
	return end
}

// stays reports whether the VIP has to stay where it is, unless Patroni moves the lock.
func (p plan) stays() bool {
	return !p.any(func(h hit) bool {
		return h.behind == 0 && p.over() > h.stays || h.behind > 0 && h.on == atReplica // a switchover
	})
}

func TestDraw(t *testing.T) {
	times := map[string]int{}
	pairs := 0
	const many = 1000
	for number := range uint64(many) {
		p := draw(1, number)
		if !reflect.DeepEqual(p, draw(1, number)) {
			t.Fatalf("number %d is not always the same", number)
		}
		for _, h := range p.hits {
			times[h.name]++
			if !slices.ContainsFunc(h.lasts, func(s span) bool { return s.least <= h.length && h.length < s.most }) {
				t.Errorf("%s lasts %v", h.name, h.length)
			}
			if h.on == everywhere && strings.Contains(h.name, "%s") {
				t.Errorf("%s happens to no node", h.name)
			}
		}
		if p.paired() {
			pairs++
			if p.hits[1].at >= p.hits[0].length {
				t.Errorf("the second of %d begins at %v, the first lasts %v", number, p.hits[1].at, p.hits[0].length)
			}
			if p.hits[0].fault == p.hits[1].fault {
				t.Errorf("%d is the same fault twice", number)
			}
		}
	}
	for _, f := range faults {
		if times[f.name] == 0 {
			t.Errorf("%s was not drawn in %d", f.name, many)
		}
	}
	if pairs < many/2 || pairs > many*4/5 {
		t.Errorf("%d of %d are pairs", pairs, many)
	}
	if reflect.DeepEqual(draw(1, 1), draw(2, 1)) {
		t.Error("two seeds draw the same")
	}
}

func TestStays(t *testing.T) {
	named := func(name string) *fault {
		i := slices.IndexFunc(faults, func(f fault) bool { return f.name == name })
		if i < 0 {
			t.Fatalf("no fault %q", name)
		}
		return &faults[i]
	}
	killed, full, to := named("Patroni killed on %s"), named("/run full on %s"), named("switchover to %s")
	for _, c := range []struct {
		what string
		hits []hit
		want bool
	}{
		{"within the lease", []hit{{fault: killed, length: 5 * time.Second}}, true},
		{"beyond the lease", []hit{{fault: killed, length: 20 * time.Second}}, false},
		{"on a replica", []hit{{fault: killed, behind: 1, length: 20 * time.Second}}, true},
		{"one of two goes on beyond the lease", []hit{{fault: killed, length: 5 * time.Second}, {fault: full, at: 4 * time.Second, length: 9 * time.Second}}, false},
		{"a switchover", []hit{{fault: to, behind: 1, length: time.Second}}, false},
	} {
		if got := (plan{hits: c.hits}).stays(); got != c.want {
			t.Errorf("%s: got %t, want %t", c.what, got, c.want)
		}
	}
}
