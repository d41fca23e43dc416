package hetzner

import (
	"time"

	"github.com/vipctl/vipctl/reconcile"
)

// checkPatience bounds a whole check.
const checkPatience = 15 * time.Second

// latency finds that the API answered, and how fast.
func latency(found *reconcile.Findings, took time.Duration) {
	level := reconcile.OK
	if took > time.Second {
		level = reconcile.Warning
	}
	found.Add(level, "the API answered within %v", took.Round(time.Millisecond))
}

// quota finds how many calls are left.
func quota(found *reconcile.Findings, q *reconcile.Quota) {
	if q == nil {
		return
	}
	level := reconcile.OK
	if q.Remaining < q.Limit/4 {
		level = reconcile.Warning
	}
	found.Add(level, "%d of %d calls are left to this project", q.Remaining, q.Limit)
}
