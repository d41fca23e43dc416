package main

import (
	"bytes"

	"github.com/vipctl/vipctl/patroni/conf"
	"github.com/vipctl/vipctl/reconcile"
)

// findUnstartable looks for what would keep Patroni from starting with a patroni.yml that vipctl
// can read.
func (a *app) findUnstartable(found *reconcile.Findings, h *host) {
	*found = append(*found, conf.FindUnstartable(patroniSource(h.config))...)
}

// warnOfFallback says that patroni.yml cannot be used, and that vipctl goes on as if nobody had
// broken it. Nothing else would: Patroni itself does not mind until it is started again.
func (a *app) warnOfFallback(h *host) {
	if err := h.patroni.Fallback(); err != nil {
		a.log.Errorf("%v; the last good settings are in use", err)
	}
}

// warnOfAhead says that patroni.yml is ahead of Patroni. Before Patroni was asked nobody can know.
func (a *app) warnOfAhead(h *host) {
	if err := h.patroni.Ahead(); err != nil && !h.saidAhead {
		a.log.Error(err)
		h.saidAhead = true
	}
}

// saveEndpoint saves what patroni.yml says, where Patroni was heard by it, for the runs that find
// it broken or ahead of Patroni.
func (a *app) saveEndpoint(h *host) {
	endpoint := h.patroni.EndpointToSave()
	if endpoint == nil {
		return
	}
	if saved, err := h.notes.PatroniSettings(); err == nil && bytes.Equal(saved, endpoint) {
		return
	}
	if err := h.notes.SavePatroniSettings(endpoint); err != nil {
		a.log.Warnf("keep the settings of patroni.yml: %v", err)
	}
}
