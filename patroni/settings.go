package patroni

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unicode"
)

// Problem is one setting that cannot be used.
type Problem struct {
	File    string // empty for a setting that is not in any file
	Line    int    // 0 where there is none
	Setting string
	Got     string // what was given, quoted where it is text; "nothing" when it is missing
	Want    string
}

// Error names the file, the setting, what was given and what is wanted.
func (p Problem) Error() string {
	where := p.File
	if where != "" && p.Line > 0 {
		where += ":" + strconv.Itoa(p.Line)
	}
	return strings.TrimPrefix(fmt.Sprintf("%s: got %s, want %s", strings.TrimSuffix(where+": "+p.Setting, ": "), p.Got, p.Want), ": ")
}

// Problems are all that is wrong with a configuration, on one line.
type Problems []Problem

// Error joins the problems with semicolons.
func (ps Problems) Error() string {
	texts := make([]string, len(ps))
	for i, p := range ps {
		texts[i] = p.Error()
	}
	return strings.Join(texts, "; ")
}

// settings are what this package takes from Patroni's configuration and from [Options]. They are filled as far as they
// could be read, also beside an error: a data directory is known even where restapi.listen is wrong.
type settings struct {
	scope, name, dataDir string
	own                  [len(ownSettings)]Own // the zero Own where a setting is no address

	url        string // of the local REST API, without a path
	serverName string // the host its certificate must be for; "" for the one in url

	caFile, certFile, keyFile string
	KeyPassword               secret // exported, or fmt would not ask secret how it prints
	insecure                  bool
	certRequired              bool // restapi.verify_client: required

	from origins
}

// origins are where the settings stand; the zero origin where nothing says one, or it was kept.
type origins struct{ scope, name, dataDir, url, serverName, ca, insecure, verify, cert, key origin }

// secret is a text that is printed as [redacted], whatever the format.
type secret string

func (secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[redacted]")) }

// readSettings reads Patroni's configuration and lets the options win.
func readSettings(o Options) (settings, error) {
	t, err := readTree(o)
	if err != nil {
		return settings{}, o.named(err)
	}
	s := settings{dataDir: t.text("postgresql.data_dir"), insecure: t.flag("ctl.insecure"), own: t.own()}
	s.from.dataDir, s.from.insecure = t.entry("postgresql.data_dir").origin, t.entry("ctl.insecure").origin
	s.caFile, s.from.ca = t.first("ctl.cacert", "restapi.cafile")
	t.identify(&s, o)
	t.certificate(&s)
	s.override(o)
	if o.URL != "" {
		s.from.url = o.origin("patroni.url")
		s.url = t.explicitURL(o.URL, s.from.url)
		s.certRequired = false // it may be a proxy that is asked
	} else {
		s.url, s.serverName = t.localURL()
		s.from.url, s.from.serverName = t.entry("restapi.listen").origin, t.entry("restapi.connect_address").origin
	}
	if len(t.problems) > 0 {
		return s, t.problems
	}
	return s, nil
}

// named says which setting of vipctl.yml a file that cannot be used is from.
func (o Options) named(err error) error {
	var file *fs.PathError
	switch {
	case !errors.As(err, &file):
		return err
	case file.Path == o.EnvironmentFile:
		return fmt.Errorf("patroni.environment_file: got %s: %w, want a file with PATRONI_* settings that vipctl can read", file.Path, file.Err)
	}
	return fmt.Errorf("patroni.config: got %s: %w, want Patroni's own configuration, which vipctl can read", file.Path, file.Err)
}

// override puts vipctl.yml's files in the place of Patroni's.
func (s *settings) override(o Options) {
	if o.CAFile != "" {
		s.caFile, s.from.ca = o.CAFile, o.origin("patroni.ca_file")
		s.insecure, s.from.insecure = false, origin{}
	}
	if o.CertFile != "" {
		s.certFile, s.from.cert = o.CertFile, o.origin("patroni.cert_file")
		s.keyFile, s.KeyPassword, s.from.key = "", "", origin{}
	}
	if o.KeyFile != "" {
		s.keyFile, s.from.key = o.KeyFile, o.origin("patroni.key_file")
	}
	if s.keyFile == "" {
		s.keyFile, s.from.key = s.certFile, s.from.cert // as Python's load_cert_chain does
	}
}

// explicitURL checks patroni.url of vipctl.yml.
func (t *tree) explicitURL(text string, from origin) string {
	u, err := baseURL(text)
	if err != nil || strings.TrimRight(text, "/") != u.String() {
		t.problems = append(t.problems, Problem{File: from.file, Line: from.line, Setting: from.setting, Got: strconv.Quote(text),
			Want: "http:// or https://, a host and a port, for example http://127.0.0.1:8008"})
		return ""
	}
	return u.String()
}

// localURL makes the URL to ask on this host from restapi.listen, and the name to verify from restapi.connect_address.
func (t *tree) localURL() (base, serverName string) {
	const want = "HOST:PORT, where Patroni's REST API listens"
	listen := t.text("restapi.listen")
	host, port, err := splitHostPort(listen)
	if err != nil || port == "" {
		t.demand("restapi.listen", want)
		return "", ""
	}
	if wildcard(host) {
		host = "127.0.0.1"
	}
	u := url.URL{Scheme: "http", Host: net.JoinHostPort(host, port)}
	if t.optional("restapi.certfile") == "" {
		return u.String(), ""
	}
	u.Scheme = "https"
	connect, _, err := splitHostPort(t.optional("restapi.connect_address"))
	if err != nil {
		t.wrong("restapi.connect_address", "HOST:PORT, where the other members reach Patroni's REST API")
	}
	if wildcard(connect) {
		return u.String(), ""
	}
	return u.String(), connect
}

// splitHostPort takes an address apart as Patroni's split_host_port does: the port is what follows the last colon, spaces
// around it do not count, and an IPv6 address may do without brackets. The port is empty where there is none. Spaces around
// a host are ignored, as resolvers did before glibc 2.29.
func splitHostPort(text string) (host, port string, err error) {
	host, port = text, ""
	if i := strings.LastIndexByte(text, ':'); i >= 0 {
		host, port = text[:i], strings.TrimSpace(text[i+1:])
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return "", "", fmt.Errorf("port %q", port)
		}
	}
	host = strings.TrimSpace(host)
	if strings.Contains(host, ":") {
		host = strings.Trim(host, "[]")
		if _, err := netip.ParseAddr(host); err != nil {
			return "", "", err
		}
		return host, port, nil
	}
	if strings.ContainsFunc(host, func(r rune) bool { return !inHost(r) }) {
		return "", "", fmt.Errorf("host %q", host)
	}
	return host, port, nil
}

// inHost reports whether a host's name or an IPv4 address can have this character. Names in other scripts can.
func inHost(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("*-._", r)
}

// wildcard reports whether a server that listens at host listens at every address.
func wildcard(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "" || host == "*" || err == nil && ip.IsUnspecified()
}
