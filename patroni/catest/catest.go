// Package catest makes certificates for tests: of any dates, with names where a test wants them.
package catest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"time"
)

// Spec is what a certificate says.
type Spec struct {
	CommonName  string
	Hosts       []string // names and IP addresses, as subjectAltName
	From, Until time.Time
}

// Between returns a Spec that is good from one time to another, both counted from now.
func Between(from, until time.Duration) Spec {
	now := time.Now()
	return Spec{From: now.Add(from), Until: now.Add(until)}
}

// CA is a certification authority.
type CA struct {
	Cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// New returns a CA that signs itself.
func New(s Spec) (*CA, error) { return (*CA)(nil).Under(s) }

// Under returns a CA that this one has signed.
func (ca *CA) Under(s Spec) (*CA, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	return ca.sign(s, key)
}

// Renewed returns the same CA, name and key, with a certificate of other dates, which it has signed
// itself.
func (ca *CA) Renewed(s Spec) (*CA, error) {
	s.CommonName = ca.Cert.Subject.CommonName
	return (*CA)(nil).sign(s, ca.key)
}

func (ca *CA) sign(s Spec, key *ecdsa.PrivateKey) (*CA, error) {
	t := s.template()
	t.IsCA, t.BasicConstraintsValid, t.KeyUsage = true, true, x509.KeyUsageCertSign
	der, err := ca.certify(t, key)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	return &CA{cert, key}, err
}

// PEM is the CA's certificate.
func (ca *CA) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.Cert.Raw})
}

// Pair is a certificate and its key.
type Pair struct {
	TLS       tls.Certificate
	Cert, Key []byte // PEM
}

// Issue returns a certificate for servers and clients. Those of through follow it, as a server
// presents intermediates.
func (ca *CA) Issue(s Spec, through ...*CA) (Pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Pair{}, err
	}
	t := s.template()
	t.KeyUsage, t.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	der, err := ca.certify(t, key)
	if err != nil {
		return Pair{}, err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return Pair{}, err
	}
	p := Pair{
		Cert: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		Key:  pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}),
	}
	for _, c := range through {
		p.Cert = append(p.Cert, c.PEM()...)
	}
	p.TLS, err = tls.X509KeyPair(p.Cert, p.Key)
	return p, err
}

// certify signs a certificate for a key; without a CA, by that key.
func (ca *CA) certify(t *x509.Certificate, key *ecdsa.PrivateKey) ([]byte, error) {
	if ca == nil {
		ca = &CA{t, key}
	}
	return x509.CreateCertificate(rand.Reader, t, ca.Cert, key.Public(), ca.key)
}

func (s Spec) template() *x509.Certificate {
	serial, _ := rand.Int(rand.Reader, big.NewInt(1<<62)) // never fails (crypto/rand)
	t := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: s.CommonName}, NotBefore: s.From, NotAfter: s.Until,
	}
	for _, h := range s.Hosts {
		if ip := net.ParseIP(h); ip != nil {
			t.IPAddresses = append(t.IPAddresses, ip)
		} else {
			t.DNSNames = append(t.DNSNames, h)
		}
	}
	return t
}
