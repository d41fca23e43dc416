package conf

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// Read reads Patroni's configuration and returns the settings, with those of vipctl.yml in the
// place of Patroni's. where may be nil. The error is [Problems], or why a file cannot be read; the
// settings are filled as far as possible beside it. Certificates and keys are not read: see
// [TLS.Authorities] and [TLS.ClientCertificate].
func Read(from Source, where Where) (Settings, error) {
	t, err := readTree(from)
	if err != nil {
		return Settings{}, nameSetting(from, err)
	}
	a := assembly{reader: reader{tree: t}, source: from, where: where}
	a.DataDir, a.From.DataDir = a.text("postgresql.data_dir"), a.entry("postgresql.data_dir").Origin
	a.TLS.Insecure, a.TLS.From.Insecure = a.flag("ctl.insecure"), a.entry("ctl.insecure").Origin
	a.Own = readOwn(t)
	a.TLS.CAFile, a.TLS.From.CA = a.first("ctl.cacert", "restapi.cafile")
	a.identify()
	a.clientCertificate()
	a.override()
	a.restAPI()
	if len(a.problems) > 0 {
		return a.Settings, a.problems
	}
	return a.Settings, nil
}

// nameSetting says which setting of vipctl.yml a file that cannot be read is from.
func nameSetting(from Source, err error) error {
	var file *fs.PathError
	switch {
	case !errors.As(err, &file):
		return err
	case file.Path == from.EnvironmentFile:
		return fmt.Errorf("patroni.environment_file: got %s: %w, want a file with PATRONI_* settings that vipctl can read", file.Path, file.Err)
	}
	return fmt.Errorf("patroni.config: got %s: %w, want Patroni's own configuration, which vipctl can read", file.Path, file.Err)
}

// assembly is the making of settings from what Patroni's configuration and vipctl.yml say.
type assembly struct {
	reader
	Settings
	source Source
	where  Where
}

// identify sets which cluster and member this is, from patroni.yml or, where that does not say,
// from vipctl.yml. Both may say the same.
func (a *assembly) identify() {
	a.Scope, a.From.Scope = a.text("scope"), a.entry("scope").Origin
	a.Name, a.From.Name = a.text("name"), a.entry("name").Origin
	if a.entry("name").node == nil && a.entry("postgresql.name").node != nil {
		a.Name, a.From.Name = a.text("postgresql.name"), a.entry("postgresql.name").Origin
	}
	a.agree(&a.Scope, &a.From.Scope, a.source.Scope, a.where.origin("patroni.scope"), "the cluster's name")
	a.agree(&a.Name, &a.From.Name, a.source.Name, a.where.origin("patroni.name"), "this member's name")
}

// agree takes the value of vipctl.yml where patroni.yml has none. It is a problem where neither has
// one, or they differ.
func (a *assembly) agree(value *string, from *Origin, ours string, setting Origin, what string) {
	key := strings.TrimPrefix(setting.setting, "patroni.")
	switch {
	case *value == "" && (ours == "" || a.entry(key).node != nil):
		a.demand(key, what+" (perhaps "+variableOf(key)+" stands in an environment file: set patroni.environment_file, or "+setting.setting+")")
	case *value == "":
		*value, *from = ours, setting
	case ours != "" && ours != *value:
		a.problems = append(a.problems, Problem{File: setting.file, Line: setting.line, Setting: setting.setting, Got: strconv.Quote(ours),
			Want: strconv.Quote(*value) + " as " + from.String() + " says, or nothing"})
	}
}

// clientCertificate sets the client certificate. Up to 3.0 Patroni's own client and patronictl go
// on to that of the REST API where ctl has none, and to its key and password likewise
// (patroni/request.py, _get_cfg_value; since 3.1.0 they do not). Here that counts where Patroni
// asks everybody for one, and only there: a key that is read for nothing could be one that vipctl
// may not read.
func (a *assembly) clientCertificate() {
	t := &a.TLS
	t.CertRequired = a.optional("restapi.certfile") != "" && a.verifyClient() == "required"
	t.From.CertRequired = a.entry("restapi.verify_client").Origin
	t.CertFile, t.From.Cert = a.first("ctl.certfile")
	if t.CertFile == "" && t.CertRequired {
		t.CertFile, t.From.Cert = a.first("restapi.certfile")
	}
	if t.CertFile == "" {
		return
	}
	t.KeyFile, t.From.Key = a.first("ctl.keyfile", "restapi.keyfile")
	password, _ := a.first("ctl.keyfile_password", "restapi.keyfile_password")
	t.KeyPassword = Secret(password)
}

// verifyClient is restapi.verify_client in lower case. Patroni ignores what is no text
// (patroni/api.py, reload_config).
func (a *assembly) verifyClient() string {
	e := a.entry("restapi.verify_client")
	if e.node == nil || tagOf(e.node) != tagText {
		return ""
	}
	return strings.ToLower(e.node.Value)
}

// override puts vipctl.yml's files in the place of Patroni's.
func (a *assembly) override() {
	t := &a.TLS
	if a.source.CAFile != "" {
		t.CAFile, t.From.CA = a.source.CAFile, a.where.origin("patroni.ca_file")
		t.Insecure, t.From.Insecure = false, Origin{}
	}
	if a.source.CertFile != "" {
		t.CertFile, t.From.Cert = a.source.CertFile, a.where.origin("patroni.cert_file")
		t.KeyFile, t.KeyPassword, t.From.Key = "", "", Origin{}
	}
	if a.source.KeyFile != "" {
		t.KeyFile, t.From.Key = a.source.KeyFile, a.where.origin("patroni.key_file")
	}
	if t.KeyFile == "" {
		t.KeyFile, t.From.Key = t.CertFile, t.From.Cert // as Python's load_cert_chain does
	}
}

// restAPI sets where the local REST API is asked.
func (a *assembly) restAPI() {
	if a.source.URL == "" {
		a.URL, a.TLS.ServerName = a.localURL()
		a.From.URL, a.TLS.From.ServerName = a.entry("restapi.listen").Origin, a.entry("restapi.connect_address").Origin
		return
	}
	a.From.URL = a.where.origin("patroni.url")
	a.URL = a.explicitURL(a.source.URL, a.From.URL)
	a.TLS.CertRequired = false // it may be a proxy that is asked
}

// explicitURL checks patroni.url of vipctl.yml.
func (a *assembly) explicitURL(text string, from Origin) string {
	u, err := BaseURL(text)
	if err != nil || strings.TrimRight(text, "/") != u.String() {
		a.problems = append(a.problems, Problem{File: from.file, Line: from.line, Setting: from.setting, Got: strconv.Quote(text),
			Want: "http:// or https://, a host and a port, for example http://127.0.0.1:8008"})
		return ""
	}
	return u.String()
}

// localURL makes the URL to ask on this host from restapi.listen, and the name to verify from
// restapi.connect_address.
func (a *assembly) localURL() (base, serverName string) {
	const want = "HOST:PORT, where Patroni's REST API listens"
	listen := a.text("restapi.listen")
	host, port, err := splitHostPort(listen)
	if err != nil || port == "" {
		a.demand("restapi.listen", want)
		return "", ""
	}
	if wildcard(host) {
		host = "127.0.0.1"
	}
	u := url.URL{Scheme: "http", Host: net.JoinHostPort(host, port)}
	if a.optional("restapi.certfile") == "" {
		return u.String(), ""
	}
	u.Scheme = "https"
	connect, _, err := splitHostPort(a.optional("restapi.connect_address"))
	if err != nil {
		a.wrong("restapi.connect_address", "HOST:PORT, where the other members reach Patroni's REST API")
	}
	if wildcard(connect) {
		return u.String(), ""
	}
	return u.String(), connect
}
