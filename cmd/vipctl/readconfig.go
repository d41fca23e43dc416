package main

import (
	"errors"

	"github.com/vipctl/vipctl/config"
	"github.com/vipctl/vipctl/trust"
)

// readConfig reads the configuration. A process that may do more than its user, or that root
// started, takes it from nobody but root: it says which addresses are moved, on which links.
func readConfig(file string) (*config.Config, error) {
	if trust.Privilege() == "" {
		return config.Load(file)
	}
	f, err := trust.Open(file)
	var untrusted *trust.UntrustedError
	switch {
	case errors.As(err, &untrusted):
		return nil, err
	case err != nil:
		return nil, config.Unreadable(file, err)
	}
	defer f.Close()
	return config.Read(file, f)
}
