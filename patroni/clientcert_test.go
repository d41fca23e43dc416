package patroni

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vipctl/vipctl/reconcile/policy"
)

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
		"key of another":   {extra: "ctl: {certfile: " + certFile + ", keyfile: conf/testdata/keys/plain.pem}\n", why: "patroni.yml:7: ctl.keyfile: got " + certFile + " and conf/testdata/keys/plain.pem: tls: private key does not match public key, want the key of " + certFile},
		"encrypted, alone": {extra: "ctl: {certfile: " + certFile + ", keyfile: conf/testdata/keys/aes256.pem}\n", why: "neither ctl.keyfile_password nor restapi.keyfile_password is set"},
	} {
		t.Run(name, func(t *testing.T) {
			if c.change == nil {
				c.change = func(*Options) {}
			}
			client := ask(t, addr, base+c.extra, c.change)
			got := client.Reply(t.Context())
			switch {
			case c.why == "" && got.Kind != policy.Leader:
				t.Errorf("%+v", got)
			case c.why != "" && (got.Kind != policy.NotOurs || !strings.Contains(got.Why, c.why)):
				t.Errorf("got %+v, want %q", got, c.why)
			}
			if err := client.Check(); (err == nil) != (c.why == "" || name == "none") {
				t.Errorf("Check: %v", err)
			}
		})
	}
}

// TestMutualTLS: without ctl.certfile, and where Patroni asks everybody for a certificate, the REST
// API's own is shown, as Patroni up to 3.0 does. A key that ctl does not name is restapi.keyfile,
// or stands beside the certificate.
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
		if w := client.Reply(t.Context()); w.Kind != policy.Leader || client.Check() != nil {
			t.Errorf("%s: %+v, %v", name, w, client.Check())
		}
	}
	for name, extra := range map[string]string{
		"false":    rest + "  keyfile: /nonexistent\n  verify_client: false\n",
		"optional": rest + "  keyfile: /nonexistent\n  verify_client: optional\n",
	} {
		client := ask(t, tlsPatroni(t, pair, nil), extra)
		if w := client.Reply(t.Context()); w.Kind != policy.Leader || client.Check() != nil {
			t.Errorf("%s: %+v, %v", name, w, client.Check())
		}
	}
	if err := ask(t, "*:8008", "  verify_client: required\n").Check(); err != nil {
		t.Errorf("over plain HTTP nobody is asked for a certificate: %v", err)
	}
}
