package main

import "bytes"

// warnOfFallback says that patroni.yml cannot be used, and that vipctl goes on as if nobody had broken it. Nothing else
// would: Patroni itself does not mind until it is started again.
func (a *app) warnOfFallback(h *host) {
	if err := h.patroni.Fallback(); err != nil {
		a.log.Errorf("%v; the last good settings are in use", err)
	}
}

// keepSettings keeps what patroni.yml says, where it can be used, for the runs that find it broken.
func (a *app) keepSettings(h *host) {
	settings := h.patroni.Settings()
	if settings == nil {
		return
	}
	if kept, err := h.notes.PatroniSettings(); err == nil && bytes.Equal(kept, settings) {
		return
	}
	if err := h.notes.SavePatroniSettings(settings); err != nil {
		a.log.Warnf("keep the settings of patroni.yml: %v", err)
	}
}
