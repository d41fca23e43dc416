package state

import (
	"testing"
	"time"

	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/state/statetest"
)

func BenchmarkSave(b *testing.B) {
	s := OpenStore(StoreOptions{Now: statetest.BootTime, Dir: onTmpfs(b)})
	saved := reconcile.Note{Generation: 3, Claimed: time.Hour, LeaseEnd: 2 * time.Hour}
	for b.Loop() {
		check(b, s.SaveNote("192.0.2.10", saved))
	}
}

func BenchmarkLoad(b *testing.B) {
	s := OpenStore(StoreOptions{Now: statetest.BootTime, Dir: onTmpfs(b)})
	check(b, s.SaveNote("192.0.2.10", reconcile.Note{Generation: 3, Claimed: time.Hour, LeaseEnd: 2 * time.Hour}))
	for b.Loop() {
		_, err := s.Note("192.0.2.10")
		check(b, err)
	}
}

func BenchmarkLockUnlock(b *testing.B) {
	s := OpenStore(StoreOptions{Now: statetest.BootTime, Dir: onTmpfs(b)})
	for b.Loop() {
		unlock, err := s.Lock("192.0.2.10", 0)
		check(b, err)
		unlock()
	}
}

func BenchmarkUpdateCluster(b *testing.B) {
	s := OpenStore(StoreOptions{Now: statetest.BootTime, Dir: onTmpfs(b)})
	for b.Loop() {
		check(b, s.UpdateMemory(func(m *reconcile.Memory) { m.LastTick++ }))
	}
}
