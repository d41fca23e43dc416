package main

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/vipctl/vipctl/reconcile/policy"
	"github.com/vipctl/vipctl/vip"
)

// oddities are what went wrong in the kernel without keeping an address from where it should be. They are logged when
// the addresses have been moved.
type oddities struct {
	mu   sync.Mutex
	errs []error
}

// add returns the function that a VIP's kernel tells its warnings to.
func (o *oddities) add(vip string) func(error) {
	return func(err error) {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.errs = append(o.errs, fmt.Errorf("%s: %w", vip, err))
	}
}

// What the memory keeps of warnings that were given.
const (
	noSessionReset = "no_session_reset" // the kernel cannot reset sessions
	historyWaits   = "history_waits"    // records wait in the spool, and the history cannot take them
)

// logOddities logs them; a kernel that cannot reset sessions will not learn to, so that this is said once a boot.
func (a *app) logOddities(h *host, t policy.Trigger) {
	h.odd.mu.Lock()
	defer h.odd.mu.Unlock()
	for _, err := range h.odd.errs {
		if errors.Is(err, vip.ErrNoSessionReset) && !h.firstTime(noSessionReset) {
			continue
		}
		for _, warning := range h.worthSaying([]string{err.Error()}, t) {
			a.log.Warn(warning)
		}
	}
	h.odd.errs = nil
}

// worthSaying leaves out what ticks warn of again and again: it is said once, and then by its number.
func (h *host) worthSaying(warnings []string, t policy.Trigger) (said []string) {
	if t.Event != policy.EventTick || len(warnings) == 0 {
		return warnings
	}
	said = slices.Clone(warnings)
	err := h.notes.UpdateClusterState(func(m *policy.ClusterState) {
		said = nil
		for _, w := range warnings {
			var tell bool
			var words string
			if m.Said, tell, words = m.Said.Count(w, hostClock{}.Now(), hostClock{}.Wall()); !tell {
				continue
			}
			if words != "" {
				w += "; " + words
			}
			said = append(said, w)
		}
	})
	if err != nil {
		return warnings
	}
	return said
}

// firstTime reports whether a warning was not given since the boot. Where that cannot be told it is given.
func (h *host) firstTime(warning string) bool {
	first := true
	err := h.notes.UpdateClusterState(func(m *policy.ClusterState) {
		first = !slices.Contains(m.Warned, warning)
		if first {
			m.Warned = append(m.Warned, warning)
		}
	})
	return first || err != nil
}
