package lab

import (
	"context"
	"slices"
	"sync"
	"time"
)

// LeaderLock says who has Patroni's leader lock, as the nodes' etcds tell it. Its methods may be
// called concurrently.
type LeaderLock struct {
	mu      sync.Mutex
	written map[int64]LockChange // by etcd's revision
}

// LockChange says that from a moment on a node had Patroni's leader lock, or nobody had.
type LockChange struct {
	At   time.Time // when the first etcd told of it, some milliseconds late
	Node string    // "" for nobody
	// Over is who still had the lock when it was overwritten. Patroni before 3.0.3 does that with
	// etcd3, after it was frozen; a lock changes hands by being free in between.
	Over string
}

// watch has every etcd, each of which may be down at any time, tell of the leader lock until stop
// is closed.
func (l *LeaderLock) watch(hosts []*Host, v2 bool, stop <-chan struct{}) {
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		<-stop
		cancel()
	}()
	watch := watchEtcd
	if v2 {
		watch = watchEtcdV2
	}
	for _, h := range hosts {
		go func() {
			next := int64(1)
			for ctx.Err() == nil {
				next = watch(ctx, h, next, l.record)
				time.Sleep(100 * time.Millisecond) // it is down, or the lab is going away
			}
		}()
	}
}

// record keeps an event that no other etcd has told of before.
func (l *LeaderLock) record(e lockEvent, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.written == nil {
		l.written = make(map[int64]LockChange)
	}
	if _, known := l.written[e.revision]; !known {
		l.written[e.revision] = LockChange{At: at, Node: e.node}
	}
}

// Changes returns every change of the leader lock since the lab is up.
func (l *LeaderLock) Changes() []LockChange {
	l.mu.Lock()
	defer l.mu.Unlock()
	revisions := make([]int64, 0, len(l.written))
	for r := range l.written {
		revisions = append(revisions, r)
	}
	slices.Sort(revisions)
	var changes []LockChange
	holder := ""
	for _, r := range revisions {
		c := l.written[r]
		if c.Node == holder {
			continue // written again by the one that has it
		}
		if c.Node != "" {
			c.Over = holder
		}
		changes, holder = append(changes, c), c.Node
	}
	return changes
}
