package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/vipctl/vipctl/patroni/catest"
)

// fakeCertificates are what the fake Patroni presents, and whom it lets in.
type fakeCertificates struct {
	ca, stranger *catest.CA // the first is /etc/patroni/ca.pem
	rest         tls.Certificate
	required     bool // a client certificate
}

func newFakeCertificates() (*fakeCertificates, error) {
	s := catest.Between(-24*time.Hour, 3650*24*time.Hour)
	s.CommonName = "the CA"
	ca, err := catest.New(s)
	if err != nil {
		return nil, err
	}
	stranger, err := catest.New(s)
	return &fakeCertificates{ca: ca, stranger: stranger}, errors.Join(err, os.WriteFile("/etc/patroni/ca.pem", ca.PEM(), 0o644))
}

// serverConfig is how the REST API speaks TLS.
func (f *fakeCertificates) serverConfig() *tls.Config {
	c := &tls.Config{Certificates: []tls.Certificate{f.rest}, ClientCAs: x509.NewCertPool()}
	c.ClientCAs.AddCert(f.ca.Cert)
	if f.required {
		c.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return c
}

// schemeListener has each connection speak TLS where Patroni has a certificate then. The port stays
// as it is: one that is closed is not free while another test starts a program, which has it until
// its exec.
type schemeListener struct {
	net.Listener
	p *fakePatroni
}

func (l schemeListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	l.p.mu.Lock()
	defer l.p.mu.Unlock()
	if err != nil || l.p.certificates == nil {
		return c, err
	}
	return tls.Server(c, l.p.certificates.serverConfig()), nil
}

// issue signs a certificate as the words of a script ask: until=-24h, from=1h (from now), name=a,b,
// cn=NAME, by=stranger.
func (f *fakeCertificates) issue(words []string) (catest.Pair, error) {
	by, s := f.ca, catest.Between(-365*24*time.Hour, 365*24*time.Hour)
	for _, w := range words {
		key, value, _ := strings.Cut(w, "=")
		var d time.Duration
		var err error
		switch key {
		case "from", "until":
			if d, err = time.ParseDuration(value); key == "from" {
				s.From = time.Now().Add(d)
			} else {
				s.Until = time.Now().Add(d)
			}
		case "name":
			s.Hosts = strings.Split(value, ",")
		case "cn":
			s.CommonName = value
		case "by":
			by = f.stranger
		case "required":
			f.required = true
		default:
			err = fmt.Errorf("got %q, want from, until, name, cn, by or required", w)
		}
		if err != nil {
			return catest.Pair{}, err
		}
	}
	return by.Issue(s)
}

// scriptCertificate has Patroni present a certificate from now on, or speak plain HTTP, or writes a
// certificate for clients.
func scriptCertificate(ts *testscript.TestScript, neg bool, args []string) {
	wants(ts, !neg && len(args) > 0, "certificate none, or certificate rest|client [from=-48h] [until=-24h] [name=HOST,...] [cn=NAME] [by=stranger] [required]")
	p := hostOf(ts).patroni
	p.mu.Lock()
	defer p.mu.Unlock()
	if args[0] == "none" {
		p.certificates = nil
		return
	}
	if p.certificates == nil {
		var err error
		p.certificates, err = newFakeCertificates()
		ts.Check(err)
	}
	pair, err := p.certificates.issue(args[1:])
	ts.Check(err)
	switch args[0] {
	case "rest":
		p.certificates.rest = pair.TLS
	case "client":
		ts.Check(os.WriteFile("/etc/patroni/client.pem", append(pair.Cert, pair.Key...), 0o600))
	default:
		ts.Fatalf("certificate: got %q, want rest or client", args[0])
	}
}
