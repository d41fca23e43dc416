package main

import (
	"errors"
	"fmt"

	"github.com/sirupsen/logrus"

	"github.com/vipctl/vipctl/hetzner"
	"github.com/vipctl/vipctl/trust"
)

// secret reads one. Where the file's mode is in the way, the error has the command that mends it.
func (r *routes) secret(what, file, credential, env string) (hetzner.Secret, error) {
	s, err := hetzner.SecretSource{File: file, Credential: credential, Env: env, Getenv: r.getenv}.Load()
	if err != nil {
		err = fmt.Errorf("read the %s: %w", what, trust.ExplainUnreadable(err, file))
	}
	return s, err
}

// checkSecrets reads the routes' secrets and returns what is in the way of that, once for each of
// them.
func checkSecrets(h *host) error {
	var problems []error
	told := map[string]bool{}
	for _, v := range h.vips {
		if v.route == nil {
			continue
		}
		if err := v.route.load(); err != nil && !told[err.Error()] {
			told[err.Error()] = true
			problems = append(problems, err)
		}
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
		switch r := v.Route; {
		case r == nil:
		case r.HetznerCloud != nil:
			files[r.HetznerCloud.TokenFile] = true
		case r.HetznerRobot != nil:
			files[r.HetznerRobot.PasswordFile] = true
		}
	}
	delete(files, "")
	return files
}
