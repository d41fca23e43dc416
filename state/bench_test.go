package state

import (
	"testing"
	"time"

	"github.com/vipctl/vipctl/reconcile/policy"
	"github.com/vipctl/vipctl/state/statetest"
)

func BenchmarkSave(b *testing.B) {
	s := OpenStore(StoreOptions{Now: statetest.BootTime, Dir: onTmpfs(b)})
	saved := policy.VIPState{Generation: 3, Phase: policy.Claimed, Claimed: policy.SinceBoot(time.Hour), LeaseEnd: policy.SinceBoot(2 * time.Hour)}
	for b.Loop() {
		check(b, s.SaveVIPState("192.0.2.10", saved))
	}
}

func BenchmarkLoad(b *testing.B) {
	s := OpenStore(StoreOptions{Now: statetest.BootTime, Dir: onTmpfs(b)})
	check(b, s.SaveVIPState("192.0.2.10", policy.VIPState{Generation: 3, Phase: policy.Claimed, Claimed: policy.SinceBoot(time.Hour), LeaseEnd: policy.SinceBoot(2 * time.Hour)}))
	for b.Loop() {
		_, err := s.VIPState("192.0.2.10")
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
		check(b, s.UpdateClusterState(func(m *policy.ClusterState) { m.LastTick = m.LastTick.Add(1) }))
	}
}
