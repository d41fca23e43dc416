package patroni

import "strconv"

// Taken is one setting that was taken from Patroni's configuration, or from vipctl.yml in its place.
type Taken struct {
	Name   string // Patroni's name for it: "scope", "postgresql.data_dir"; of what was made of several, a word
	Value  string // empty where nothing says it; never a secret
	Source string // where it stands, "FILE:LINE: SETTING"; "default" where nothing says it
}

// Taken returns what the configuration says now, as far as it could be read: settings of a better day do not count. A mistake
// in it is the error of [Client.Check].
func (c *Client) Taken() []Taken {
	w, _ := c.file()
	s, required := w.settings, ""
	if s.certRequired {
		required = "required"
	}
	all := []Taken{
		{"scope", s.scope, s.from.scope.String()},
		{"name", s.name, s.from.name.String()},
		{"postgresql.data_dir", s.dataDir, s.from.dataDir.String()},
		{"REST API", s.url, s.from.url.String()},
		{"its name in TLS", s.serverName, s.from.serverName.String()},
		{"CA", s.caFile, s.from.ca.String()},
		{"certificate", s.certFile, s.from.cert.String()},
		{"key", s.keyFile, s.from.key.String()},
		{"restapi.verify_client", required, s.from.verify.String()},
		{"ctl.insecure", strconv.FormatBool(s.insecure), s.from.insecure.String()},
	}
	for i, t := range all {
		if t.Value == "" || t.Value == "false" {
			all[i].Source = "default"
		}
	}
	return all
}
