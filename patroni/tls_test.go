package patroni

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vipctl/vipctl/patroni/catest"
	"github.com/vipctl/vipctl/reconcile"
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

// tlsPatroni serves n1's word over TLS and returns the address; clients is the CA that clients must come from, or nil.
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
		"wrong CA":               {named, "  connect_address: node1.example:8008\n  cafile: " + stranger.file, unknown},
		"the system's CAs":       {named, "  connect_address: node1.example:8008", unknown},
		"ctl.insecure":           {expired, "ctl: {insecure: true}", ""},
		"another host":           {named, "  connect_address: node2.example:8008\n  cafile: " + ca.file, ""},
		"no connect_address":     {numbered, "  cafile: " + ca.file, ""},
		"listens at one address": {numbered, "  connect_address: 127.0.0.1:8008\n  cafile: " + ca.file, ""},
		"expired":                {expired, "  connect_address: node1.example:8008\n  cafile: " + ca.file, ""},
		"expired, wrong CA":      {expired, "  connect_address: node1.example:8008\n  cafile: " + stranger.file, unknown},
		"no CA in the file":      {named, "  cafile: testdata/keys/plain.pem", "patroni.yml:6: restapi.cafile: got testdata/keys/plain.pem: no certificate in it, want CA certificates in PEM"},
		"no such file":           {named, "  cafile: /nonexistent", "patroni.yml:6: restapi.cafile: got /nonexistent: no such file or directory, want a file of CA certificates that vipctl can read"},
	} {
		t.Run(name, func(t *testing.T) {
			addr := tlsPatroni(t, c.server, nil)
			got := ask(t, addr, "  certfile: /patroni/reads/this\n"+c.extra+"\n").Word(t.Context())
			switch {
			case c.why == "" && got.Answer != reconcile.Leader:
				t.Errorf("%+v", got)
			case c.why != "" && (got.Answer != reconcile.NotOurs || !strings.Contains(got.Why, c.why)):
				t.Errorf("got %+v, want %q", got, c.why)
			}
		})
	}
	t.Run("ca_file over ctl.insecure", func(t *testing.T) {
		addr := tlsPatroni(t, named, nil)
		got := ask(t, addr, "  certfile: x\nctl: {insecure: true}\n", func(o *Options) { o.CAFile = stranger.file }).Word(t.Context())
		if got.Answer != reconcile.NotOurs {
			t.Errorf("%+v", got)
		}
	})
	t.Run("plain HTTP from a TLS server", func(t *testing.T) {
		if got := ask(t, tlsPatroni(t, named, nil), "").Word(t.Context()); got.Answer != reconcile.NotOurs || got.Why != "HTTP 400 Bad Request" {
			t.Errorf("%+v", got)
		}
	})
	t.Run("TLS from a plain HTTP server", func(t *testing.T) {
		s := serve(t, func(c net.Conn, _ int) { speak(c, http.StatusBadRequest, "") })
		const why = "it speaks no TLS, but HTTPS is asked for: look at restapi.certfile in patroni.yml"
		if got := ask(t, s.addr, "  certfile: x\n").Word(t.Context()); got.Answer != reconcile.NotOurs || !strings.HasPrefix(got.Why, why) {
			t.Errorf("%+v", got)
		}
	})
	t.Run("accepts and never shakes hands", func(t *testing.T) {
		s := serve(t, func(c net.Conn, _ int) {
			_, _ = c.Read(make([]byte, 1))
			_, _ = c.Read(make([]byte, 1<<16))
			<-t.Context().Done()
		})
		if got := ask(t, s.addr, "  certfile: x\n", within(brief)).Word(t.Context()); !strings.HasPrefix(got.Why, late) {
			t.Errorf("%+v", got)
		}
	})
}

func TestClientCertificate(t *testing.T) {
	ca := newAuthority(t, "ours")
	server, _, _ := ca.issue(time.Now().Add(time.Hour), "127.0.0.1")
	_, certFile, keyFile := ca.issue(time.Now().Add(time.Hour), "n1")
	addr := tlsPatroni(t, server, &ca)
	both := filepath.Join(t.TempDir(), "both.pem")
	cert, _ := os.ReadFile(certFile)
	key, _ := os.ReadFile(keyFile)
	if err := os.WriteFile(both, append(cert, key...), 0o600); err != nil {
		t.Fatal(err)
	}
	base := "  certfile: x\n  cafile: " + ca.file + "\n"
	for name, c := range map[string]struct {
		extra  string
		change func(*Options)
		why    string
	}{
		"from ctl":         {extra: "ctl: {certfile: " + certFile + ", keyfile: " + keyFile + "}\n"},
		"one file":         {extra: "ctl: {certfile: " + both + "}\n"},
		"from vipctl.yml":  {change: func(o *Options) { o.CertFile, o.KeyFile = certFile, keyFile }},
		"none":             {why: "it refuses us in TLS (certificate required): it wants a client certificate, and none is set: set ctl.certfile and ctl.keyfile"},
		"none, and known":  {extra: "  verify_client: required\n", why: "patroni.yml:5: restapi.certfile: got x: no such file or directory, want a client certificate that vipctl can read"},
		"key of another":   {extra: "ctl: {certfile: " + certFile + ", keyfile: testdata/keys/plain.pem}\n", why: "patroni.yml:7: ctl.keyfile: got " + certFile + " and testdata/keys/plain.pem: tls: private key does not match public key, want the key of " + certFile},
		"encrypted, alone": {extra: "ctl: {certfile: " + certFile + ", keyfile: testdata/keys/aes256.pem}\n", why: "neither ctl.keyfile_password nor restapi.keyfile_password is set"},
	} {
		t.Run(name, func(t *testing.T) {
			if c.change == nil {
				c.change = func(*Options) {}
			}
			client := ask(t, addr, base+c.extra, c.change)
			got := client.Word(t.Context())
			switch {
			case c.why == "" && got.Answer != reconcile.Leader:
				t.Errorf("%+v", got)
			case c.why != "" && (got.Answer != reconcile.NotOurs || !strings.Contains(got.Why, c.why)):
				t.Errorf("got %+v, want %q", got, c.why)
			}
			if err := client.Check(); (err == nil) != (c.why == "" || name == "none") {
				t.Errorf("Check: %v", err)
			}
		})
	}
}

// TestMutualTLS: without ctl.certfile, and where Patroni asks everybody for a certificate, the REST API's own is shown, as
// Patroni up to 3.0 does. A key that ctl does not name is restapi.keyfile, or stands beside the certificate.
func TestMutualTLS(t *testing.T) {
	ca := newAuthority(t, "ours")
	pair, certFile, keyFile := ca.issue(time.Now().Add(time.Hour), "127.0.0.1")
	cert, _ := os.ReadFile(certFile)
	key, _ := os.ReadFile(keyFile)
	both := write(t, "both.pem", string(cert)+string(key))
	_, _, another := ca.issue(time.Now().Add(time.Hour), "n9")
	rest := "  certfile: " + certFile + "\n  cafile: " + ca.file + "\n"
	for name, extra := range map[string]string{
		"required":           rest + "  keyfile: " + keyFile + "\n  verify_client: required\n",
		"Required":           rest + "  keyfile: " + keyFile + "\n  verify_client: Required\n",
		"empty in ctl":       rest + "  keyfile: " + keyFile + "\n  verify_client: required\nctl: {certfile: '', keyfile: false}\n",
		"one file":           "  certfile: " + both + "\n  cafile: " + ca.file + "\n  verify_client: required\n",
		"without its key":    rest + "  keyfile: " + keyFile + "\n  verify_client: required\nctl: {cacert: " + ca.file + ", certfile: " + certFile + "}\n",
		"beside another key": rest + "  keyfile: " + another + "\n  verify_client: required\nctl: {certfile: " + both + "}\n",
		"beside no key":      rest + "  keyfile: /nonexistent\nctl: {certfile: " + both + "}\n",
	} {
		client := ask(t, tlsPatroni(t, pair, &ca), extra)
		if w := client.Word(t.Context()); w.Answer != reconcile.Leader || client.Check() != nil {
			t.Errorf("%s: %+v, %v", name, w, client.Check())
		}
	}
	for name, extra := range map[string]string{
		"false":    rest + "  keyfile: /nonexistent\n  verify_client: false\n",
		"optional": rest + "  keyfile: /nonexistent\n  verify_client: optional\n",
	} {
		client := ask(t, tlsPatroni(t, pair, nil), extra)
		if w := client.Word(t.Context()); w.Answer != reconcile.Leader || client.Check() != nil {
			t.Errorf("%s: %+v, %v", name, w, client.Check())
		}
	}
	if err := ask(t, "*:8008", "  verify_client: required\n").Check(); err != nil {
		t.Errorf("over plain HTTP nobody is asked for a certificate: %v", err)
	}
}

// TestEncryptedKeys reads what openssl wrote; see testdata/keys/README.md.
func TestEncryptedKeys(t *testing.T) {
	read := func(name string) []byte {
		data, err := os.ReadFile(filepath.Join("testdata", "keys", name))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	want := read("plain.pem")
	for _, name := range []string{"plain.pem", "aes256.pem", "aes128-sha1.pem", "aes192-sha512.pem"} {
		got, err := plainKey(read(name), "a password")
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, why := range map[string]string{
		"des3.pem":  "encrypted by PBES2 in an unknown way, want PBES2, PBKDF2 and AES-CBC; convert it: openssl pkcs8 -topk8 -v2 aes-256-cbc -in OLD -out NEW",
		"pbes1.pem": "encrypted by pbeWithMD5AndDES-CBC, which vipctl cannot read, want", "pkcs12.pem": "encrypted by pbeWithSHA1And3-KeyTripleDES-CBC, which",
		"traditional.pem": "OpenSSL's old format, which vipctl cannot read, want",
	} {
		if _, err := plainKey(read(name), "a password"); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := plainKey(read("aes256.pem"), "another"); err == nil {
		t.Error("a wrong password is taken")
	}
}

func FuzzDecryptPKCS8(f *testing.F) {
	data, err := os.ReadFile("testdata/keys/aes256.pem")
	if err != nil {
		f.Fatal(err)
	}
	block, _ := pem.Decode(data)
	f.Add(block.Bytes)
	f.Fuzz(func(_ *testing.T, der []byte) {
		if len(der) < 400 { // not for long in PBKDF2
			_, _ = decryptPKCS8(der, "a password")
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
