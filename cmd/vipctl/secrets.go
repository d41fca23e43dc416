package main

import (
	"errors"

	"github.com/sirupsen/logrus"

	"github.com/vipctl/vipctl/trust"
)

// checkSecrets reads the routes' secrets and returns what is in the way of that, once for each of
// them.
func checkSecrets(h *host) error {
	var problems []error
	for _, p := range h.routes.providers {
		problems = append(problems, p.ReadSecrets())
	}
	return errors.Join(problems...)
}

// warnOfOwner warns root of files with secrets that the callbacks may not be able to read.
func warnOfOwner(log *logrus.Logger, h *host) {
	for file := range secretFiles(h) {
		if err := trust.CheckSecret(file, h.patroni.DataDir()); err != nil {
			log.Warn(err)
		}
	}
}

// secretFiles are those that the configuration names.
func secretFiles(h *host) map[string]bool {
	files := map[string]bool{}
	for _, v := range h.config.VIPs {
		files[v.Route.SecretFile()] = true
	}
	delete(files, "")
	return files
}
