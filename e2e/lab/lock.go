package lab

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// LockChange says that from a moment on a node had Patroni's leader lock, or nobody had.
type LockChange struct {
	At   time.Time // when the first etcd told of it, some milliseconds late
	Node string    // "" for nobody
	// Over is who still had the lock when it was overwritten. Patroni before 3.0.3 does that with etcd3, after it was
	// frozen; a lock changes hands by being free in between.
	Over string
}

// Lock returns every change of the leader lock since the lab is up, as etcd tells it.
func (l *Lab) Lock() []LockChange {
	l.watch.mu.Lock()
	defer l.watch.mu.Unlock()
	revisions := make([]int64, 0, len(l.watch.lock))
	for r := range l.watch.lock {
		revisions = append(revisions, r)
	}
	slices.Sort(revisions)
	var log []LockChange
	holder := ""
	for _, r := range revisions {
		c := l.watch.lock[r]
		if c.Node == holder {
			continue // written again by the one that has it
		}
		if c.Node != "" {
			c.Over = holder
		}
		log, holder = append(log, c), c.Node
	}
	return log
}

// watchLock asks every etcd, each of which may be down at any time, to tell of the leader lock.
func (l *Lab) watchLock() {
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		<-l.watch.stop
		cancel()
	}()
	follow := (*Node).followLock
	if l.opts.EtcdV2 {
		follow = (*Node).followLockV2
	}
	for _, n := range l.Nodes {
		go func() {
			next := int64(1)
			for ctx.Err() == nil {
				next = follow(n, ctx, next)
				time.Sleep(100 * time.Millisecond) // it is down, or the lab is going away
			}
		}()
	}
}

// followLock writes down what the node's etcd tells, from a revision on, until it stops telling. It returns the
// revision to go on with.
func (n *Node) followLock(ctx context.Context, next int64) int64 {
	key := base64.StdEncoding.EncodeToString([]byte("/service/" + scope + "/leader"))
	body := fmt.Sprintf(`{"create_request": {"key": %q, "start_revision": "%d"}}`, key, next)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://127.0.0.1:2379/v3/watch", strings.NewReader(body))
	if err != nil {
		return next
	}
	resp, err := n.NS.httpClient().Do(req)
	if err != nil {
		return next
	}
	defer resp.Body.Close()
	for told := json.NewDecoder(resp.Body); ; {
		var answer lockEvents
		if err := told.Decode(&answer); err != nil {
			return next
		}
		for _, e := range answer.Result.Events {
			next = max(next, n.lab.watch.noteLock(e, time.Now())+1)
		}
	}
}

// lockEvents is one answer of etcd's watch, as its JSON gateway words it.
type lockEvents struct {
	Result struct {
		Events []lockEvent `json:"events"`
	} `json:"result"`
}

type lockEvent struct {
	Type string `json:"type"` // "DELETE"; a PUT goes without saying
	KV   struct {
		Value    []byte `json:"value"`
		Revision string `json:"mod_revision"`
	} `json:"kv"`
}

// noteLock keeps an event that no other etcd has told of before, and returns its revision.
func (w *watch) noteLock(e lockEvent, at time.Time) int64 {
	revision, err := strconv.ParseInt(e.KV.Revision, 10, 64)
	if err != nil {
		return 0
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, known := w.lock[revision]; !known {
		w.lock[revision] = LockChange{At: at, Node: string(e.KV.Value)}
	}
	return revision
}
