package hetznertest

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// settle lets every action that has ended by now take effect, in the order of their ends.
func (w *World) settle() {
	now := time.Now()
	byEnd := slices.SortedFunc(maps.Values(w.actions), func(a, b *action) int {
		return cmp.Or(a.end.Compare(b.end), cmp.Compare(a.id, b.id))
	})
	for _, a := range byEnd {
		if a.settled || a.end.After(now) {
			continue
		}
		a.settled = true
		if !a.fails {
			a.consequence()
		}
	}
}

// busy reports whether an action on the resource is under way.
func (w *World) busy(r resource) bool {
	for _, a := range w.actions {
		if a.resource == r && !a.settled {
			return true
		}
	}
	return false
}

// begin starts an action.
func (w *World) begin(command string, r resource, consequence func()) *action {
	now := time.Now()
	a := &action{id: int64(1000 + len(w.actions)), command: command, resource: r, begin: now, end: now.Add(w.actionTime), consequence: consequence}
	if w.failing > 0 {
		w.failing--
		a.fails = true
	}
	w.actions[a.id] = a
	w.settle()
	return a
}
