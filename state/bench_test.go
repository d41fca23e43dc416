package state

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/vipctl/vipctl/reconcile/policy"
)

func BenchmarkSaveNote(b *testing.B) {
	n := OpenNotes(NotesOptions{Now: bootTime, Dir: onTmpfs(b)})
	note := policy.VIPState{Generation: 3, Claimed: time.Hour, LeaseEnd: 2 * time.Hour}
	for b.Loop() {
		check(b, n.SaveVIPState("192.0.2.10", note))
	}
}

func BenchmarkNote(b *testing.B) {
	n := OpenNotes(NotesOptions{Now: bootTime, Dir: onTmpfs(b)})
	check(b, n.SaveVIPState("192.0.2.10", policy.VIPState{Generation: 3, Claimed: time.Hour, LeaseEnd: 2 * time.Hour}))
	for b.Loop() {
		_, err := n.VIPState("192.0.2.10")
		check(b, err)
	}
}

func BenchmarkLockUnlock(b *testing.B) {
	n := OpenNotes(NotesOptions{Now: bootTime, Dir: onTmpfs(b)})
	for b.Loop() {
		unlock, err := n.Lock("192.0.2.10", 0)
		check(b, err)
		unlock()
	}
}

func BenchmarkUpdateMemory(b *testing.B) {
	n := OpenNotes(NotesOptions{Now: bootTime, Dir: onTmpfs(b)})
	for b.Loop() {
		check(b, n.UpdateClusterState(func(m *policy.ClusterState) { m.LastTick++ }))
	}
}

func BenchmarkAppend(b *testing.B) {
	for name, records := range map[string]int{"empty": 0, "full": 10_000} {
		b.Run(name, func(b *testing.B) {
			h := slowly(openHistory(b))
			if records > 0 {
				h = withDatabase(b, filled(b, records))
			}
			i := records
			for b.Loop() {
				check(b, h.Append(record(i)))
				i++
			}
		})
	}
}

func BenchmarkCheckFile(b *testing.B) {
	h := withDatabase(b, filled(b, 10_000))
	for b.Loop() {
		f, err := h.db.open(filepath.Base(databaseFile), 0)
		check(b, err)
		check(b, checkFile(f))
		f.Close()
	}
}

func BenchmarkRead20(b *testing.B) {
	h := withDatabase(b, filled(b, 10_000))
	for b.Loop() {
		_, err := h.Read(Query{Limit: 20})
		check(b, err)
	}
}
