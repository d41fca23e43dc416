package main

import (
	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/reconcile/policy"
)

// askPatroni asks the local Patroni, for what [app.findPatroni] finds. That it does not answer is no mistake.
func (a *app) askPatroni(h *host) {
	said := h.patroni.Reply(a.ctx)
	a.warnOfAhead(h)
	if said.Kind == policy.Silent {
		url, _ := h.patroni.URL() // an error is Check's
		a.log.Warnf("%s: Patroni does not answer, so that its answers and its certificate were not checked: %s", url, said.Why)
	}
}

// findPatroni looks at the local Patroni's last answer, and at certificates.
func (a *app) findPatroni(found *reconcile.Findings, h *host) {
	*found = append(*found, h.patroni.Findings(a.ctx)...)
}

// warnOfCertificates says what is wrong with certificates although the answers that came with them count. In `config check`
// and `status` it is among the findings.
func (a *app) warnOfCertificates(h *host) {
	if h.saidCertificates {
		return
	}
	for _, odd := range h.patroni.Oddities() {
		a.log.Error(odd)
		h.saidCertificates = true
	}
}
