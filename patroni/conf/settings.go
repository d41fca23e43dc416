package conf

import (
	"fmt"
	"strconv"

	"github.com/vipctl/vipctl/reconcile"
)

// Settings are what vipctl takes from Patroni's configuration and from vipctl.yml. They are filled
// as far as they could be read, also beside an error: a data directory is known even where
// restapi.listen is wrong. They are comparable.
type Settings struct {
	Scope   string // the cluster's name
	Name    string // this member's
	DataDir string // PostgreSQL's, "" where nothing says it
	URL     string // of the local REST API, without a path: "http://127.0.0.1:8008"
	Own     OwnAddresses
	TLS     TLS
	From    Origins
}

// TLS is how the local Patroni and its peers are spoken to over TLS.
type TLS struct {
	ServerName   string // the host that the local Patroni's certificate must be for; "" for the one in the URL
	CAFile       string // "" for the system's CAs
	CertFile     string // the client certificate, "" for none
	KeyFile      string // its key; never empty where CertFile is set
	KeyPassword  Secret // "" for none
	Insecure     bool   // certificates are not verified
	CertRequired bool   // restapi.verify_client: required
	From         TLSOrigins
}

// Origins are where the settings stand. An origin is zero where nothing says the setting, or where
// it was saved by an earlier run.
type Origins struct{ Scope, Name, DataDir, URL Origin }

// TLSOrigins are where the settings of [TLS] stand, as [Origins] are.
type TLSOrigins struct{ ServerName, CA, Cert, Key, Insecure, CertRequired Origin }

// Secret is a text that is printed as [redacted], whatever the format. Its field must be exported:
// fmt asks no unexported field how it prints.
type Secret string

// Format implements [fmt.Formatter].
func (Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[redacted]")) }

// Taken is one setting that was taken from Patroni's configuration, or from vipctl.yml in its
// place.
type Taken struct {
	Name   string // Patroni's name for it: "scope", "postgresql.data_dir"; of what was made of several, a word
	Value  string // printable; empty where nothing says it; never a secret
	Source string // where it stands, "FILE:LINE: SETTING"; "default" where nothing says it
}

// Taken lists the settings for people.
func (s Settings) Taken() []Taken {
	required := ""
	if s.TLS.CertRequired {
		required = "required"
	}
	all := []Taken{
		{"scope", s.Scope, s.From.Scope.String()},
		{"name", s.Name, s.From.Name.String()},
		{"postgresql.data_dir", s.DataDir, s.From.DataDir.String()},
		{"REST API", s.URL, s.From.URL.String()},
		{"its name in TLS", s.TLS.ServerName, s.TLS.From.ServerName.String()},
		{"CA", s.TLS.CAFile, s.TLS.From.CA.String()},
		{"certificate", s.TLS.CertFile, s.TLS.From.Cert.String()},
		{"key", s.TLS.KeyFile, s.TLS.From.Key.String()},
		{"restapi.verify_client", required, s.TLS.From.CertRequired.String()},
		{"ctl.insecure", strconv.FormatBool(s.TLS.Insecure), s.TLS.From.Insecure.String()},
	}
	for i, t := range all {
		if t.Value == "" || t.Value == "false" {
			all[i].Source = "default"
		}
		all[i].Value = reconcile.Printable(t.Value)
	}
	return all
}
