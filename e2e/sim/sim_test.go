package sim

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var (
	seeds   = flag.Uint64("seeds", 200, "how many seeds to simulate")
	first   = flag.Uint64("first", 1, "the first of them")
	minutes = flag.Duration("within", 0, "begin no other seed after this time; 0 for no limit")
	most    = flag.Uint64("bad", 10, "stop when so many seeds were bad")
	shrinks = flag.Bool("shrink", true, "tell a bad seed by the fewest faults that show it")
	story   = flag.Bool("story", false, "tell the story of each seed")
)

// TestSeeds lets every seed's cluster live. What does not hold is told with its story, by the fewest
// faults that show it.
func TestSeeds(t *testing.T) {
	var next atomic.Uint64
	var lived atomic.Int64
	var done, bad atomic.Uint64
	began := time.Now()
	next.Store(*first)
	var all sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		all.Go(func() {
			for seed := next.Add(1) - 1; seed < *first+*seeds && bad.Load() < *most; seed = next.Add(1) - 1 {
				if *minutes > 0 && time.Since(began) > *minutes {
					return
				}
				r := simulate(t, draw(seed))
				lived.Add(int64(r.lived))
				done.Add(1)
				if *story {
					t.Logf("%v\n%s", r.scenario, r.story)
				}
				if len(r.bad) > 0 {
					bad.Add(1)
					if *shrinks {
						r = shrink(t, r)
					}
					t.Errorf("%v\n%s\nas a file:\n%s", r.scenario, r.story, r.scenario.text())
				}
			}
		})
	}
	all.Wait()
	fmt.Printf("%d seeds, %.1f simulated hours in %.0f s, %d of them bad\n",
		done.Load(), time.Duration(lived.Load()).Hours(), time.Since(began).Seconds(), bad.Load())
}

// TestFound lets the scenarios live that showed a fault once.
func TestFound(t *testing.T) {
	files, err := filepath.Glob("testdata/found/*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var s Scenario
			if err := json.Unmarshal(data, &s); err != nil {
				t.Fatal(err)
			}
			if r := simulate(t, s); len(r.bad) > 0 {
				t.Errorf("%v\n%s", r.scenario, r.story)
			}
		})
	}
}
