package patroni

import (
	"encoding/json"
	"errors"
	"fmt"
)

// kept is what another process needs of [settings], should it find Patroni's configuration broken, or ahead of Patroni. No
// secret is in it.
type kept struct {
	From source `json:"from"`
	asking
	DataDir string `json:"data_dir,omitempty"`
	Own     []Own  `json:"own,omitempty"`
}

// asking is whom the settings have us ask, where and in which manner.
type asking struct {
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
func (a asking) String() string { return fmt.Sprintf("%s, scope %q, name %q", a.URL, a.Scope, a.Name) }

func (s settings) asks() asking {
	return asking{
		Scope: s.scope, Name: s.name, URL: s.url, ServerName: s.serverName,
		CAFile: s.caFile, CertFile: s.certFile, KeyFile: s.keyFile, KeyLocked: s.KeyPassword != "",
		Insecure: s.insecure, CertRequired: s.certRequired,
	}
}

// source is what the settings came from, as [Options] have it. Those of another are not ours.
type source struct {
	Config          string `json:"config,omitempty"`
	EnvironmentFile string `json:"environment_file,omitempty"`
	Scope           string `json:"scope,omitempty"`
	Name            string `json:"name,omitempty"`
	URL             string `json:"url,omitempty"`
	CAFile          string `json:"ca_file,omitempty"`
	CertFile        string `json:"cert_file,omitempty"`
	KeyFile         string `json:"key_file,omitempty"`
}

func (o Options) source() source {
	return source{o.Config, o.EnvironmentFile, o.Scope, o.Name, o.URL, o.CAFile, o.CertFile, o.KeyFile}
}

// Settings returns what [Options.Kept] wants to have back: the same bytes for the same settings, without any secret. It
// is nil until the local Patroni was heard by what the configuration says now: a file that is ahead of it must not
// overwrite the settings that it answers to.
func (c *Client) Settings() json.RawMessage {
	h := c.heard.Load()
	if h == nil || !c.isFile(h.by) {
		return nil
	}
	return h.by.keep(c.opts.source())
}

// keep returns the settings for [Options.Kept].
func (w *way) keep(from source) json.RawMessage {
	data, err := json.Marshal(kept{From: from, asking: w.asks, DataDir: w.dataDir, Own: w.addresses()})
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
	_, err := c.file()
	return err
}

// LastScope returns the cluster's name in the last settings that Patroni answered to, "" where none were kept.
func (c *Client) LastScope() string {
	if last, err := c.last(); err == nil && last != nil {
		return last.scope
	}
	return ""
}

// lastWay is the way that was kept, nil where none was.
func (c *Client) lastWay() (*way, error) {
	if c.opts.Kept == nil {
		return nil, nil
	}
	data, err := c.opts.Kept()
	if err != nil || data == nil {
		return nil, err
	}
	var k kept
	if err := json.Unmarshal(data, &k); err != nil {
		return nil, err
	}
	if !k.usable(c.opts.source()) {
		return nil, errors.New("not of this configuration")
	}
	file, _ := c.file()
	return newWay(k.settings(file.settings), k.asking), nil
}

// usable reports whether the settings are of that source and say whom to ask.
func (k kept) usable(from source) bool {
	return k.From == from && k.Scope != "" && k.Name != "" && k.URL != ""
}

// settings are those that were kept, with the password that now has of the same key. A certificate whose key needs one that
// is not there stays away where Patroni wants none.
func (k kept) settings(now settings) settings {
	s := settings{
		scope: k.Scope, name: k.Name, dataDir: k.DataDir, url: k.URL, serverName: k.ServerName,
		caFile: k.CAFile, certFile: k.CertFile, keyFile: k.KeyFile, insecure: k.Insecure, certRequired: k.CertRequired,
	}
	copy(s.own[:], k.Own)
	if k.KeyLocked && k.KeyFile == now.keyFile {
		s.KeyPassword = now.KeyPassword
	}
	if k.KeyLocked && s.KeyPassword == "" && !k.CertRequired {
		s.certFile, s.keyFile = "", ""
	}
	return s
}
