package patroni

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/vipctl/vipctl/patroni/conf"
)

// savedEndpoint is what a later process needs of an endpoint, should it find Patroni's
// configuration broken, or ahead of Patroni. It is saved as JSON, whose keys do not change. No
// secret is in it.
type savedEndpoint struct {
	From conf.Source `json:"from"`
	target
	DataDir string     `json:"data_dir,omitempty"`
	Own     []conf.Own `json:"own,omitempty"`
}

// target is whom an endpoint asks, where and in which manner. Two endpoints with equal targets ask
// the same.
type target struct {
	Scope string `json:"scope"`
	Name  string `json:"name"`

	URL        string `json:"url"`
	ServerName string `json:"server_name,omitempty"`

	CAFile       string `json:"ca_file,omitempty"`
	CertFile     string `json:"cert_file,omitempty"`
	KeyFile      string `json:"key_file,omitempty"`
	KeyLocked    bool   `json:"key_locked,omitempty"` // its password is not here
	Insecure     bool   `json:"insecure,omitempty"`
	CertRequired bool   `json:"cert_required,omitempty"`
}

// String is what people need of it.
func (t target) String() string { return fmt.Sprintf("%s, scope %q, name %q", t.URL, t.Scope, t.Name) }

// targetOf is the target that the settings name.
func targetOf(s conf.Settings) target {
	return target{
		Scope: s.Scope, Name: s.Name, URL: s.URL, ServerName: s.TLS.ServerName,
		CAFile: s.TLS.CAFile, CertFile: s.TLS.CertFile, KeyFile: s.TLS.KeyFile, KeyLocked: s.TLS.KeyPassword != "",
		Insecure: s.TLS.Insecure, CertRequired: s.TLS.CertRequired,
	}
}

// saveEndpoint returns the same bytes for the same endpoint.
func saveEndpoint(e *endpoint, from conf.Source) json.RawMessage {
	data, err := json.Marshal(savedEndpoint{From: from, target: e.target, DataDir: e.DataDir, Own: e.Own.Known()})
	if err != nil {
		return nil
	}
	return data
}

// loadEndpoint returns the endpoint that saveEndpoint saved from the same source. now is the TLS of
// the configuration, as far as it can be read: its password counts where the key is the same.
func loadEndpoint(data json.RawMessage, from conf.Source, now conf.TLS) (*endpoint, error) {
	var saved savedEndpoint
	if err := json.Unmarshal(data, &saved); err != nil {
		return nil, err
	}
	if !saved.usable(from) {
		return nil, errors.New("not of this configuration")
	}
	return newEndpoint(saved.settings(now), saved.target), nil
}

// usable reports whether the endpoint is of that source and says whom to ask.
func (s savedEndpoint) usable(from conf.Source) bool {
	return s.From == from && s.Scope != "" && s.Name != "" && s.URL != ""
}

// settings are those that were saved, with the password that the configuration has now for the same
// key. A certificate whose key needs a password that is not there is left out where Patroni wants
// none.
func (s savedEndpoint) settings(now conf.TLS) conf.Settings {
	all := conf.Settings{
		Scope: s.Scope, Name: s.Name, DataDir: s.DataDir, URL: s.URL,
		TLS: conf.TLS{
			ServerName: s.ServerName, CAFile: s.CAFile, CertFile: s.CertFile, KeyFile: s.KeyFile,
			Insecure: s.Insecure, CertRequired: s.CertRequired,
		},
	}
	copy(all.Own[:], s.Own)
	if s.KeyLocked && s.KeyFile == now.KeyFile {
		all.TLS.KeyPassword = now.KeyPassword
	}
	if s.KeyLocked && all.TLS.KeyPassword == "" && !s.CertRequired {
		all.TLS.CertFile, all.TLS.KeyFile = "", ""
	}
	return all
}
