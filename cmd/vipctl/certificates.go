package main

import "github.com/vipctl/vipctl/reconcile"

// findPatroni looks at the local Patroni's last answer, and at certificates.
func (a *app) findPatroni(found *reconcile.Findings, h *host) {
	*found = append(*found, h.patroni.Findings(a.ctx)...)
}

// warnOfCertificates says what is wrong with certificates although the answers that came with them count. In `config check`
// and `status` it is among the findings.
func (a *app) warnOfCertificates(h *host) {
	for _, odd := range h.patroni.Oddities() {
		a.log.Error(odd)
	}
}
