package main

import "github.com/vipctl/vipctl/reconcile"

// askPatroni asks the local Patroni, for what [app.findPatroni] finds. That it does not answer is no mistake.
func (a *app) askPatroni(h *host) {
	said := h.patroni.Word(a.ctx)
	a.warnOfAhead(h)
	if said.Answer == reconcile.Silent {
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
	for _, warning := range h.patroni.Warnings() {
		a.log.Error(warning)
		h.saidCertificates = true
	}
}
