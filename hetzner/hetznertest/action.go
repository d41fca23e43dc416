package hetznertest

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// actions are a project's. They are guarded by the lock of the world.
type actions struct {
	all     map[int64]*action
	takes   time.Duration // from the answer to the end
	failing int           // how many of the next ones end in an error
}

type action struct {
	id          int64
	command     string
	resource    resource
	begin, end  time.Time
	fails       bool
	settled     bool
	consequence func()
}

type resource struct {
	kind string
	id   int64
}

// settle lets every action that has ended by now take effect, in the order of their ends.
func (a *actions) settle() {
	now := time.Now()
	byEnd := slices.SortedFunc(maps.Values(a.all), func(x, y *action) int {
		return cmp.Or(x.end.Compare(y.end), cmp.Compare(x.id, y.id))
	})
	for _, one := range byEnd {
		if one.settled || one.end.After(now) {
			continue
		}
		one.settled = true
		if !one.fails {
			one.consequence()
		}
	}
}

// busy reports whether an action on the resource is under way.
func (a *actions) busy(r resource) bool {
	for _, one := range a.all {
		if one.resource == r && !one.settled {
			return true
		}
	}
	return false
}

// begin starts an action.
func (a *actions) begin(command string, r resource, consequence func()) *action {
	now := time.Now()
	one := &action{id: int64(1000 + len(a.all)), command: command, resource: r, begin: now, end: now.Add(a.takes), consequence: consequence}
	if a.failing > 0 {
		a.failing--
		one.fails = true
	}
	a.all[one.id] = one
	a.settle()
	return one
}
