package patroni

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/vipctl/vipctl/patroni/catest"
	"github.com/vipctl/vipctl/reconcile/policy"
)

const (
	hour = time.Hour
	days = 24 * hour
)

// spec is a certificate for hosts that is good between two times, counted from now.
func spec(from, until time.Duration, hosts ...string) catest.Spec {
	s := catest.Between(from, until)
	s.Hosts = hosts
	return s
}

func ca(t *testing.T, by *catest.CA, s catest.Spec, name string) *catest.CA {
	t.Helper()
	s.CommonName = name
	c, err := by.Under(s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// caFile writes the certificates of CAs into one file.
func caFile(t *testing.T, all ...*catest.CA) string {
	t.Helper()
	var data []byte
	for _, c := range all {
		data = append(data, c.PEM()...)
	}
	return write(t, "ca.pem", string(data))
}

func issued(t *testing.T, by *catest.CA, s catest.Spec, through ...*catest.CA) tls.Certificate {
	t.Helper()
	p, err := by.Issue(s, through...)
	if err != nil {
		t.Fatal(err)
	}
	return p.TLS
}

// known is what patroni.yml says of a member that its peers know as node1.example.
func known(cas string) string {
	return "  certfile: x\n  connect_address: node1.example:8008\n  cafile: " + cas + "\n"
}

// TestUntimely: a certificate that is out of date, itself or its CA's, counts, and that is said.
func TestUntimely(t *testing.T) {
	good := ca(t, nil, spec(-hour, hour), "ours")
	old := ca(t, nil, spec(-9*days, -7*days), "old")
	renewed, err := old.Renewed(spec(-2*days, 9*days))
	if err != nil {
		t.Fatal(err)
	}
	between := ca(t, good, spec(-9*days, -days), "between")
	for name, c := range map[string]struct {
		server tls.Certificate
		cas    []*catest.CA
		why    string // "" where nothing is said
	}{
		"good":                 {issued(t, good, spec(-hour, hour, "node1.example")), []*catest.CA{good}, ""},
		"expired":              {issued(t, good, spec(-9*days, -days, "node1.example")), []*catest.CA{good}, "the certificate of the REST API expired at "},
		"not yet valid":        {issued(t, good, spec(days, 9*days, "node1.example")), []*catest.CA{good}, "the certificate of the REST API is not valid before "},
		"expired CA":           {issued(t, old, spec(-hour, hour, "node1.example")), []*catest.CA{old}, `the CA certificate "old" expired at `},
		"CA and its successor": {issued(t, old, spec(-hour, hour, "node1.example")), []*catest.CA{old, renewed}, ""},
		"expired CA beside":    {issued(t, good, spec(-hour, hour, "node1.example")), []*catest.CA{old, good}, ""},
		"never good together":  {issued(t, old, spec(-9*days, -7*days, "node1.example")), []*catest.CA{renewed}, "the certificate of the REST API expired at "},
		"expired intermediate": {issued(t, between, spec(-hour, hour, "node1.example"), between), []*catest.CA{good}, `the CA certificate "between" expired at `},
	} {
		t.Run(name, func(t *testing.T) {
			addr := tlsPatroni(t, c.server, nil)
			client := ask(t, addr, known(caFile(t, c.cas...)))
			if w := client.Reply(t.Context()); w.Kind != policy.Leader {
				t.Fatalf("%+v", w)
			}
			warnings := client.Warnings()
			switch {
			case c.why == "" && warnings != nil, c.why != "" && len(warnings) != 1:
				t.Errorf("%q", warnings)
			case c.why != "" && !strings.HasPrefix(warnings[0], "https://"+addr+": "+c.why):
				t.Errorf("%q", warnings)
			}
		})
	}
}

// TestUntimelyForAnother: nothing but the dates is forgiven.
func TestUntimelyForAnother(t *testing.T) {
	good, twin := ca(t, nil, spec(-hour, hour), "ours"), ca(t, nil, spec(-hour, hour), "ours")
	expired := spec(-9*days, -days, "node1.example")
	for name, c := range map[string]struct {
		server      tls.Certificate
		scope, name string
		why         string
	}{
		"a CA of the same name": {issued(t, twin, expired), "demo", "n1", "x509: certificate signed by unknown authority (possibly because of"},
		"another cluster":       {issued(t, good, expired), "other", "n1", `scope is "demo", patroni.yml says "other"`},
		"another member":        {issued(t, good, expired), "demo", "n2", `name is "n1", patroni.yml says "n2"`},
	} {
		t.Run(name, func(t *testing.T) {
			client := ask(t, tlsPatroni(t, c.server, nil), known(caFile(t, good)), func(o *Options) {
				data, _ := os.ReadFile(o.Config)
				text := strings.Replace(strings.Replace(string(data), "demo", c.scope, 1), "n1", c.name, 1)
				o.Config = write(t, "patroni.yml", text)
			})
			if w := client.Reply(t.Context()); w.Kind != policy.NotOurs || !strings.Contains(w.Why, c.why) {
				t.Errorf("%+v", w)
			}
		})
	}
}

// TestSystemAuthorities: the system's CAs have dates. They count on the certificate's last day
// where this host's clock is wrong.
func TestSystemAuthorities(t *testing.T) {
	old := ca(t, nil, spec(-9*days, -7*days), "old")
	d := &dialer{roots: x509.NewCertPool()}
	d.roots.AddCert(old.Cert)
	leaf := issued(t, old, spec(-9*days, -8*days, "node1.example")).Leaf
	if chains, err := d.chains([]*x509.Certificate{leaf}); err != nil || len(chains) != 1 {
		t.Errorf("%v, %v", chains, err)
	}
}

// TestNames: whom a certificate is for does not matter at this host's own address, and is said; a
// peer's matters.
func TestNames(t *testing.T) {
	good := ca(t, nil, spec(-hour, hour), "ours")
	common := func(name string) catest.Spec {
		s := spec(-hour, hour)
		s.CommonName = name
		return s
	}
	both := spec(-hour, hour, "node2.example")
	both.CommonName = "node1.example"
	for name, c := range map[string]struct {
		server tls.Certificate
		peer   policy.ReplyKind // when a peer presents it at 127.0.0.1
		why    string
	}{
		"another":                {issued(t, good, spec(-hour, hour, "node2.example", "127.0.0.1")), policy.Leader, "is for node2.example, 127.0.0.1 and not for node1.example; "},
		"none":                   {issued(t, good, common("")), policy.NotOurs, "is for nobody and not for node1.example; "},
		"common name":            {issued(t, good, common("node1.example")), policy.NotOurs, ""},
		"wild common name":       {issued(t, good, common("*.example")), policy.NotOurs, ""},
		"another common name":    {issued(t, good, common("127.0.0.1")), policy.Leader, "is for 127.0.0.1 (its common name) and not for node1.example; "},
		"common name beside SAN": {issued(t, good, both), policy.NotOurs, "is for node2.example and not for node1.example; "},
	} {
		t.Run(name, func(t *testing.T) {
			addr := tlsPatroni(t, c.server, nil)
			client := ask(t, addr, known(caFile(t, good)))
			if w := client.Reply(t.Context()); w.Kind != policy.Leader {
				t.Errorf("%+v", w)
			}
			switch warnings := client.Warnings(); {
			case c.why == "" && warnings != nil:
				t.Errorf("%q", warnings)
			case c.why != "" && (len(warnings) != 1 || !strings.HasPrefix(warnings[0], "https://"+addr+": the certificate of the REST API "+c.why)):
				t.Errorf("%q", warnings)
			}
			peers := []policy.Peer{{Name: "n1", URL: "https://" + addr}}
			if said := client.Poll(t.Context(), peers); said[0].Reply.Kind != c.peer {
				t.Errorf("as a peer: %+v", said[0].Reply)
			}
		})
	}
}

// TestExpiredPeer: the members' certificates expire together, and two leaders must see each other.
func TestExpiredPeer(t *testing.T) {
	good := ca(t, nil, spec(-hour, hour), "ours")
	addr := tlsPatroni(t, issued(t, good, spec(-9*days, -days, "127.0.0.1")), nil)
	client := ask(t, "127.0.0.1:1", known(caFile(t, good)))
	said := client.Poll(t.Context(), []policy.Peer{{Name: "n1", URL: "https://" + addr}})
	if warnings := client.Warnings(); said[0].Reply.Kind != policy.Leader || len(warnings) != 1 || !strings.Contains(warnings[0], " expired at ") {
		t.Errorf("%+v, %q", said[0].Reply, warnings)
	}
}

// pipe is a connection between two addresses.
type pipe struct {
	net.Conn
	from, to net.Addr
}

func (p pipe) LocalAddr() net.Addr  { return p.from }
func (p pipe) RemoteAddr() net.Addr { return p.to }

func TestStaysHere(t *testing.T) {
	at := func(ip string) net.Addr { return &net.TCPAddr{IP: net.ParseIP(ip), Port: 8008} }
	for _, c := range []struct {
		from, to net.Addr
		want     bool
	}{
		{at("127.0.0.1"), at("127.0.0.1"), true},
		{at("10.0.0.1"), at("127.0.0.2"), true},
		{at("10.0.0.1"), at("10.0.0.1"), true},
		{at("::1"), at("::1"), true},
		{at("10.0.0.1"), at("10.0.0.2"), false},
		{&net.UnixAddr{}, &net.UnixAddr{}, false},
	} {
		if got := staysHere(pipe{from: c.from, to: c.to}); got != c.want {
			t.Errorf("from %v to %v: %t", c.from, c.to, got)
		}
	}
}

// TestExpiredClientCertificate: it is kept back where no Patroni requires one, and blamed where one
// does.
func TestExpiredClientCertificate(t *testing.T) {
	good := newAuthority(t, "ours")
	server, _, _ := good.issue(time.Now().Add(hour), "node1.example")
	_, certFile, keyFile := good.sign(spec(-9*days, -days))
	ctl := "ctl: {certfile: " + certFile + ", keyfile: " + keyFile + "}\n"
	for name, c := range map[string]struct {
		auth   tls.ClientAuthType
		extra  string
		answer policy.ReplyKind
		why    string // of the answer, or said beside it
	}{
		"none":                {tls.NoClientCert, "", policy.Leader, "FILE:8: ctl.certfile: got " + certFile + ", which expired at "},
		"optional":            {tls.VerifyClientCertIfGiven, "", policy.Leader, "FILE:8: ctl.certfile: got " + certFile + ", which expired at "},
		"required":            {tls.RequireAndVerifyClientCert, "  verify_client: required\n", policy.NotOurs, "FILE:9: ctl.certfile: got " + certFile + ", which expired at "},
		"required, not known": {tls.RequireAndVerifyClientCert, "", policy.NotOurs, "ours was not presented: FILE:8: ctl.certfile: got " + certFile + ", which expired at "},
	} {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			t.Run(name+" "+tls.VersionName(version), func(t *testing.T) {
				addr := tlsPatroni(t, server, &good, func(s *httptest.Server) { s.TLS.ClientAuth, s.TLS.MaxVersion = c.auth, version })
				client := ask(t, addr, known(good.file)+c.extra+ctl)
				w := client.Reply(t.Context())
				said := strings.Join(append(client.Warnings(), w.Why), "\n")
				if w.Kind != c.answer || !strings.Contains(said, strings.ReplaceAll(c.why, "FILE", client.opts.Config)) {
					t.Errorf("%+v, %s", w, said)
				}
				if err := client.Check(); err != nil {
					t.Errorf("a file that can be read: %v", err)
				}
			})
		}
	}
}
