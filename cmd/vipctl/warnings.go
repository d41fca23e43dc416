package main

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/sirupsen/logrus"

	"github.com/vipctl/vipctl/reconcile/policy"
	"github.com/vipctl/vipctl/state"
	"github.com/vipctl/vipctl/vip"
)

// warnings are what went wrong in the kernel without keeping an address from where it should be.
// They wait here until the addresses have been moved.
type warnings struct {
	mu   sync.Mutex
	errs []error
}

// of returns the function that a VIP's address tells its warnings to.
func (w *warnings) of(vip string) func(error) {
	return func(err error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.errs = append(w.errs, fmt.Errorf("%s: %w", vip, err))
	}
}

// take returns the warnings, and forgets them.
func (w *warnings) take() []error {
	w.mu.Lock()
	defer w.mu.Unlock()
	errs := w.errs
	w.errs = nil
	return errs
}

// The warnings that are given once a boot, by the names under which that is kept.
const (
	noSessionReset = "no_session_reset" // the kernel cannot reset sessions
	historyWaits   = "history_waits"    // records wait in the spool, and the history cannot take them
)

// given knows which warnings earlier runs have given.
type given struct{ store *state.Store }

// worthSaying leaves out what ticks warn of again and again: it is said once, and then by its
// number.
func (g given) worthSaying(warnings []string, t policy.Trigger) (said []string) {
	if t.Event != policy.EventTick || len(warnings) == 0 {
		return warnings
	}
	err := g.store.UpdateClusterState(func(m *policy.ClusterState) {
		said = nil
		for _, w := range warnings {
			var tell bool
			var times string
			if m.Said, tell, times = m.Said.Count(w, hostClock{}.Now(), hostClock{}.Wall()); !tell {
				continue
			}
			if times != "" {
				w += "; " + times
			}
			said = append(said, w)
		}
	})
	if err != nil {
		return warnings
	}
	return said
}

// firstTime reports whether a warning was not given since the boot. Where that cannot be told it is
// given.
func (g given) firstTime(warning string) bool {
	first := true
	err := g.store.UpdateClusterState(func(m *policy.ClusterState) {
		first = !slices.Contains(m.Warned, warning)
		if first {
			m.Warned = append(m.Warned, warning)
		}
	})
	return first || err != nil
}

// logWarnings logs what has waited. A kernel that cannot reset sessions will not learn to: that is
// said once a boot.
func logWarnings(log *logrus.Logger, w *warnings, g given, t policy.Trigger) {
	for _, err := range w.take() {
		if errors.Is(err, vip.ErrNoSessionReset) && !g.firstTime(noSessionReset) {
			continue
		}
		for _, warning := range g.worthSaying([]string{err.Error()}, t) {
			log.Warn(warning)
		}
	}
}
