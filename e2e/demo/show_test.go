package main

import (
	"slices"
	"testing"
	"time"

	"github.com/vipctl/vipctl/e2e/lab"
)

// at is a moment so long after the clients began.
func at(d time.Duration) time.Time { return time.Unix(1000, 0).Add(d) }

const milli = time.Millisecond

func TestTimeline(t *testing.T) {
	for name, tt := range map[string]struct {
		changes []lab.Held
		want    []string
	}{
		"nothing moves": {[]lab.Held{{At: at(-milli), Node: "n1", Has: true}}, []string{"  0.000  n1"}},
		"nobody for less than a millisecond": {[]lab.Held{
			{At: at(-milli), Node: "n1", Has: true}, {At: at(3545 * milli), Node: "n1"}, {At: at(3545*milli + 300*time.Microsecond), Node: "n2", Has: true},
		}, []string{"  0.000  n1", "  3.545  n2"}},
		"gone for less than a millisecond": {[]lab.Held{
			{At: at(-milli), Node: "n1", Has: true}, {At: at(3545 * milli), Node: "n1"}, {At: at(3545 * milli), Node: "n1", Has: true},
			{At: at(3545 * milli), Node: "n1"}, {At: at(3545 * milli), Node: "n1", Has: true}, {At: at(4000 * milli), Node: "n1"},
		}, []string{"  0.000  n1", "  4.000  nobody"}},
		"on two nodes": {[]lab.Held{
			{At: at(-milli), Node: "n2", Has: true}, {At: at(500 * milli), Node: "n1", Has: true}, {At: at(509 * milli), Node: "n2"},
			{At: at(time.Hour), Node: "n3", Has: true}, // after the clients
		}, []string{"  0.000  n2", "  0.500  n1 and n2", "  0.509  n1"}},
	} {
		r := &lab.Recording{From: at(0), To: at(7 * time.Second), Holders: tt.changes}
		if got := timeline(r); !slices.Equal(got, tt.want) {
			t.Errorf("%s: got %q, want %q", name, got, tt.want)
		}
	}
}

func TestFindings(t *testing.T) {
	gap := func(d time.Duration) lab.Gap { return lab.Gap{From: at(0), To: at(d)} }
	for name, tt := range map[string]struct {
		f    lab.Figures
		want []string
	}{
		"a switchover": {lab.Figures{
			VIPGap: gap(1398 * milli), DirectGap: gap(1387 * milli), FlushGap: gap(1382 * milli), NoHolder: 300 * time.Microsecond, Writes: 719,
			Changes: []lab.Change{{Node: "n2", Direct: at(4 * milli), VIP: at(3 * milli)}},
		}, []string{
			"longest time without a write: 1398 ms through the VIP, 1387 ms for clients that know every node",
			"the VIP cost its clients 11 ms",
			"clients of the VIP were back on n2 1 ms before clients that know every node",
			"a client of the VIP that forgets its neighbours every second: longest time without a write 1382 ms",
			"the VIP was without a holder for less than 1 ms, and never on two nodes",
			"no write through the VIP went to a primary that another had succeeded (719 writes)",
		}},
		"all goes wrong": {lab.Figures{
			VIPGap: gap(20 * milli), DirectGap: gap(30 * milli), FlushGap: gap(40 * milli), Two: 8 * milli, Writes: 9, Deposed: make([]lab.Ack, 2),
			Changes: []lab.Change{
				{Node: "n2", Direct: at(0), VIP: at(4 * milli)}, {Node: "n3", Direct: at(0), VIP: at(1)}, {Node: "n1", Direct: at(0)},
			},
		}, []string{
			"longest time without a write: 20 ms through the VIP, 30 ms for clients that know every node",
			"the VIP cost its clients nothing",
			"clients of the VIP were back on n2 4 ms after clients that know every node",
			"clients of the VIP were back on n3 at the same time as clients that know every node",
			"a client of the VIP that forgets its neighbours every second: longest time without a write 40 ms",
			"the VIP was never without a holder, and on two nodes for 8 ms",
			"2 of 9 writes through the VIP went to a primary that another had succeeded",
		}},
	} {
		if got := findings(tt.f); !slices.Equal(got, tt.want) {
			t.Errorf("%s: got\n%q\nwant\n%q", name, got, tt.want)
		}
	}
}
