package patroni

import (
	"encoding/json"
	"errors"
	"fmt"
)

// kept is what another process needs of [settings], should it find Patroni's configuration broken. No secret is in it.
type kept struct {
	From source `json:"from"`

	Scope   string `json:"scope"`
	Name    string `json:"name"`
	DataDir string `json:"data_dir,omitempty"`
	Own     []Own  `json:"own,omitempty"`

	URL        string `json:"url"`
	ServerName string `json:"server_name,omitempty"`

	CAFile       string `json:"ca_file,omitempty"`
	CertFile     string `json:"cert_file,omitempty"`
	KeyFile      string `json:"key_file,omitempty"`
	KeyLocked    bool   `json:"key_locked,omitempty"` // its password is not here
	Insecure     bool   `json:"insecure,omitempty"`
	CertRequired bool   `json:"cert_required,omitempty"`
}

// source is what the settings came from, as [Options] have it. Those of another are not ours.
type source struct {
	Config          string `json:"config,omitempty"`
	EnvironmentFile string `json:"environment_file,omitempty"`
	URL             string `json:"url,omitempty"`
	CAFile          string `json:"ca_file,omitempty"`
	CertFile        string `json:"cert_file,omitempty"`
	KeyFile         string `json:"key_file,omitempty"`
}

func (o Options) source() source {
	return source{o.Config, o.EnvironmentFile, o.URL, o.CAFile, o.CertFile, o.KeyFile}
}

// Settings returns what [Options.Kept] wants to have back: the same bytes for the same settings, without any secret. It
// is nil where the configuration cannot be used now.
func (c *Client) Settings() json.RawMessage {
	s, err := c.read()
	if err != nil {
		return nil
	}
	data, err := json.Marshal(kept{
		From: c.opts.source(), Scope: s.scope, Name: s.name, DataDir: s.dataDir, Own: c.Own(), URL: s.url, ServerName: s.serverName,
		CAFile: s.caFile, CertFile: s.certFile, KeyFile: s.keyFile, KeyLocked: s.KeyPassword != "",
		Insecure: s.insecure, CertRequired: s.certRequired,
	})
	if err != nil {
		return nil
	}
	return data
}

// Fallback returns what is wrong with the configuration where its last good settings are in use instead, and else nil.
func (c *Client) Fallback() error {
	if _, err := c.settings(); err != nil {
		return nil
	}
	_, err := c.read()
	return err
}

// effective returns the settings that count: those of the configuration, or its last good ones where it cannot be used. A
// Patroni that runs has read the file before somebody broke it, and goes on leading.
func (c *Client) effective() (settings, error) {
	s, err := c.read()
	if err == nil || c.opts.Kept == nil {
		return s, err
	}
	data, lost := c.opts.Kept()
	if lost == nil && data == nil {
		return s, err
	}
	var k kept
	if lost == nil {
		lost = json.Unmarshal(data, &k)
	}
	if lost == nil && !k.usable(c.opts.source()) {
		lost = errors.New("not of this configuration")
	}
	if lost != nil {
		return s, fmt.Errorf("%w (and its last good settings: %w)", err, lost)
	}
	return k.settings(), nil
}

// usable reports whether the settings are of that source and say whom to ask.
func (k kept) usable(from source) bool {
	return k.From == from && k.Scope != "" && k.Name != "" && k.URL != ""
}

// settings are those that were kept. A certificate whose key needs a password stays away where Patroni wants none.
func (k kept) settings() settings {
	s := settings{
		scope: k.Scope, name: k.Name, dataDir: k.DataDir, url: k.URL, serverName: k.ServerName,
		caFile: k.CAFile, certFile: k.CertFile, keyFile: k.KeyFile, insecure: k.Insecure, certRequired: k.CertRequired,
	}
	copy(s.own[:], k.Own)
	if k.KeyLocked && !k.CertRequired {
		s.certFile, s.keyFile = "", ""
	}
	return s
}
