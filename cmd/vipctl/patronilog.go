package main

import (
	"bytes"

	"github.com/sirupsen/logrus"

	"github.com/vipctl/vipctl/patroni"
	"github.com/vipctl/vipctl/state"
)

// patroniLog logs what is wrong with patroni.yml and with certificates although vipctl goes on:
// each of it once a process.
type patroniLog struct {
	log    *logrus.Logger
	client *patroni.Client

	saidAhead        bool
	saidCertificates bool
}

// fallback says that patroni.yml cannot be used, and that vipctl goes on as if nobody had broken
// it. Nothing else would: Patroni itself does not mind until it is started again.
func (p *patroniLog) fallback() {
	if err := p.client.Fallback(); err != nil {
		p.log.Errorf("%v; the last good settings are in use", err)
	}
}

// ahead says that patroni.yml is ahead of Patroni. Before Patroni was asked nobody can know.
func (p *patroniLog) ahead() {
	if err := p.client.Ahead(); err != nil && !p.saidAhead {
		p.log.Error(err)
		p.saidAhead = true
	}
}

// certificates says what is wrong with certificates although the answers that came with them count.
// In `config check` and `status` it is among the findings.
func (p *patroniLog) certificates() {
	if p.saidCertificates {
		return
	}
	for _, warning := range p.client.Warnings() {
		p.log.Error(warning)
		p.saidCertificates = true
	}
}

// saveEndpoint saves what patroni.yml says, where Patroni replied under it, for the runs that find
// it broken or ahead of Patroni.
func saveEndpoint(log *logrus.Logger, client *patroni.Client, store *state.Store) {
	endpoint := client.EndpointToSave()
	if endpoint == nil {
		return
	}
	if saved, err := store.PatroniSettings(); err == nil && bytes.Equal(saved, endpoint) {
		return
	}
	if err := store.SavePatroniSettings(endpoint); err != nil {
		log.Warnf("keep the settings of patroni.yml: %v", err)
	}
}
