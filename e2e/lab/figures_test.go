package lab

import (
	"testing"
	"time"
)

// at is a moment so many milliseconds into a recording.
func at(ms int) time.Time { return time.Unix(1000, 0).Add(time.Duration(ms) * time.Millisecond) }

func ack(target, node string, timeline, ms int) Ack {
	return Ack{Target: target, Node: node, Timeline: timeline, Start: at(ms - 2), End: at(ms)}
}

func TestFigures(t *testing.T) {
	r := Recording{
		From: at(0), To: at(1000),
		Acks: []Ack{
			ack("n1", "n1", 1, 10), ack(ViaVIP, "n1", 1, 12), ack(ViaFlush, "n1", 1, 14),
			ack("n2", "n2", 2, 400), ack(ViaVIP, "n2", 2, 430), ack(ViaFlush, "n2", 2, 950),
			ack("n2", "n2", 2, 980), ack(ViaVIP, "n2", 2, 990),
		},
		Holders: []Held{
			{At: at(-500), Node: "n1", Has: true}, {At: at(390), Node: "n2", Has: true}, {At: at(405), Node: "n1"},
			{At: at(1200), Node: "n3", Has: true},
		},
	}
	f := r.Figures()
	for _, c := range []struct {
		what      string
		got, want time.Duration
	}{
		{"gap through the VIP", f.VIPGap.Length(), 560 * time.Millisecond},
		{"gap of the union", f.DirectGap.Length(), 580 * time.Millisecond},
		{"gap of the forgetful client", f.FlushGap.Length(), 936 * time.Millisecond},
		{"outage", f.Outage(), -20 * time.Millisecond},
		{"nobody", f.NoHolder, 0},
		{"two", f.Two, 15 * time.Millisecond},
	} {
		if c.got != c.want {
			t.Errorf("%s: got %v, want %v", c.what, c.got, c.want)
		}
	}
	if len(f.Changes) != 1 || f.Changes[0].Node != "n2" || f.Changes[0].Lag() != 30*time.Millisecond {
		t.Errorf("changes: got %+v, want n2, 30 ms through the VIP after its own address", f.Changes)
	}
	if len(f.Deposed) != 0 || f.Writes != 5 {
		t.Errorf("got %d deposed of %d writes, want 0 of 5", len(f.Deposed), f.Writes)
	}
}

func TestFiguresDeposed(t *testing.T) {
	r := Recording{From: at(0), To: at(100), Acks: []Ack{
		ack(ViaVIP, "n1", 1, 50), // the latest that a deposed primary may acknowledge
		ack("n2", "n2", 2, 60),
		ack("n1", "n1", 1, 65), // not through the VIP
		ack(ViaVIP, "n1", 1, 70),
		ack(ViaFlush, "n1", 1, 80),
		ack(ViaVIP, "n2", 2, 90),
	}}
	if f := r.Figures(); len(f.Deposed) != 2 || !f.Deposed[0].End.Equal(at(70)) {
		t.Errorf("got %+v, want the two at 70 and 80 ms", f.Deposed)
	}
}

func TestFiguresWithoutAnything(t *testing.T) {
	r := Recording{From: at(0), To: at(100)}
	f := r.Figures()
	if f.VIPGap.Length() != 100*time.Millisecond || f.NoHolder != 100*time.Millisecond || len(f.Changes) != 0 {
		t.Errorf("got %+v, want a gap that is the whole recording and nobody who holds the VIP", f)
	}
}
