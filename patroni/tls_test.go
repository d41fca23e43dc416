package patroni

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/vipctl/vipctl/patroni/catest"
	"github.com/vipctl/vipctl/reconcile/policy"
)

// authority is a CA with its file.
type authority struct {
	*catest.CA
	t    testing.TB
	file string
}

// newAuthority returns a CA that is good for an hour.
func newAuthority(t testing.TB, name string) authority {
	t.Helper()
	s := catest.Between(-time.Hour, time.Hour)
	s.CommonName = name
	ca, err := catest.New(s)
	if err != nil {
		t.Fatal(err)
	}
	return authority{ca, t, write(t, "ca.pem", string(ca.PEM()))}
}

// issue returns a certificate for the given hosts and files with it and its key.
func (a authority) issue(until time.Time, hosts ...string) (pair tls.Certificate, certFile, keyFile string) {
	a.t.Helper()
	return a.sign(catest.Spec{From: time.Now().Add(-2 * time.Hour), Until: until, Hosts: hosts})
}

func (a authority) sign(s catest.Spec, through ...*catest.CA) (pair tls.Certificate, certFile, keyFile string) {
	a.t.Helper()
	p, err := a.Issue(s, through...)
	if err != nil {
		a.t.Fatal(err)
	}
	return p.TLS, write(a.t, "cert.pem", string(p.Cert)), write(a.t, "key.pem", string(p.Key))
}

// tlsPatroni serves n1's word over TLS and returns the address; clients is the CA that clients must
// come from, or nil.
func tlsPatroni(t testing.TB, pair tls.Certificate, clients *authority, change ...func(*httptest.Server)) string {
	t.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(leaderBody("demo", "n1")))
	}))
	s.Config.ErrorLog = quiet()
	s.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	if clients != nil {
		s.TLS.ClientAuth, s.TLS.ClientCAs = tls.RequireAndVerifyClientCert, x509.NewCertPool()
		s.TLS.ClientCAs.AddCert(clients.Cert)
	}
	for _, f := range change {
		f(s)
	}
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

func TestTLS(t *testing.T) {
	ca, stranger := newAuthority(t, "ours"), newAuthority(t, "another")
	hour := time.Now().Add(time.Hour)
	named, _, _ := ca.issue(hour, "node1.example")
	numbered, _, _ := ca.issue(hour, "127.0.0.1")
	expired, _, _ := ca.issue(time.Now().Add(-time.Hour), "node1.example")
	const unknown = "x509: certificate signed by unknown authority"
	for name, c := range map[string]struct {
		server tls.Certificate
		extra  string // behind certfile
		why    string // "" for a leader's word
	}{
		"restapi.cafile":         {named, "  connect_address: node1.example:8008\n  cafile: " + ca.file, ""},
		"ctl.cacert wins":        {named, "  connect_address: node1.example:8008\n  cafile: " + stranger.file + "\nctl: {cacert: " + ca.file + "}", ""},
		"wrong CA":               {named, "  connect_address: node1.example:8008\n  cafile: " + stranger.file, "patroni.yml:7: restapi.cafile)"},
		"the system's CAs":       {named, "  connect_address: node1.example:8008", unknown},
		"ctl.insecure":           {expired, "ctl: {insecure: true}", ""},
		"another host":           {named, "  connect_address: node2.example:8008\n  cafile: " + ca.file, ""},
		"no connect_address":     {numbered, "  cafile: " + ca.file, ""},
		"listens at one address": {numbered, "  connect_address: 127.0.0.1:8008\n  cafile: " + ca.file, ""},
		"expired":                {expired, "  connect_address: node1.example:8008\n  cafile: " + ca.file, ""},
		"expired, wrong CA":      {expired, "  connect_address: node1.example:8008\n  cafile: " + stranger.file, unknown},
		"no CA in the file":      {named, "  cafile: conf/testdata/keys/plain.pem", "patroni.yml:6: restapi.cafile: got conf/testdata/keys/plain.pem: no certificate in it, want CA certificates in PEM"},
		"no such file":           {named, "  cafile: /nonexistent", "patroni.yml:6: restapi.cafile: got /nonexistent: no such file or directory, want a file of CA certificates that vipctl can read"},
	} {
		t.Run(name, func(t *testing.T) {
			addr := tlsPatroni(t, c.server, nil)
			got := ask(t, addr, "  certfile: /patroni/reads/this\n"+c.extra+"\n").Reply(t.Context())
			switch {
			case c.why == "" && got.Kind != policy.Leader:
				t.Errorf("%+v", got)
			case c.why != "" && (got.Kind != policy.NotOurs || !strings.Contains(got.Why, c.why)):
				t.Errorf("got %+v, want %q", got, c.why)
			}
		})
	}
	t.Run("ca_file over ctl.insecure", func(t *testing.T) {
		addr := tlsPatroni(t, named, nil)
		got := ask(t, addr, "  certfile: x\nctl: {insecure: true}\n", func(o *Options) { o.CAFile = stranger.file }).Reply(t.Context())
		if got.Kind != policy.NotOurs {
			t.Errorf("%+v", got)
		}
	})
	t.Run("plain HTTP from a TLS server", func(t *testing.T) {
		if got := ask(t, tlsPatroni(t, named, nil), "").Reply(t.Context()); got.Kind != policy.NotOurs || got.Why != "HTTP 400 Bad Request" {
			t.Errorf("%+v", got)
		}
	})
	t.Run("TLS from a plain HTTP server", func(t *testing.T) {
		s := serve(t, func(c net.Conn, _ int) { speak(c, http.StatusBadRequest, "") })
		const why = "it speaks no TLS, but HTTPS is asked for: look at restapi.certfile in patroni.yml"
		if got := ask(t, s.addr, "  certfile: x\n").Reply(t.Context()); got.Kind != policy.NotOurs || !strings.HasPrefix(got.Why, why) {
			t.Errorf("%+v", got)
		}
	})
	t.Run("accepts and never shakes hands", func(t *testing.T) {
		s := serve(t, func(c net.Conn, _ int) {
			_, _ = c.Read(make([]byte, 1))
			_, _ = c.Read(make([]byte, 1<<16))
			<-t.Context().Done()
		})
		if got := ask(t, s.addr, "  certfile: x\n", within(brief)).Reply(t.Context()); !strings.HasPrefix(got.Why, late) {
			t.Errorf("%+v", got)
		}
	})
}

// TestCheckReadsWhatPeersNeed: they may speak TLS where this host's Patroni does not.
func TestCheckReadsWhatPeersNeed(t *testing.T) {
	err := ask(t, "*:8008", "ctl: {cacert: /nonexistent/ca.pem}\n").Check()
	if err == nil || !strings.Contains(err.Error(), "patroni.yml:5: ctl.cacert: got /nonexistent/ca.pem: ") {
		t.Errorf("without the CA of ctl.cacert: %v", err)
	}
	if err := ask(t, "*:8008", "ctl: {cacert: "+newAuthority(t, "ours").file+"}\n").Check(); err != nil {
		t.Error(err)
	}
}
