package patroni

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"time"
)

// newDialer returns how to speak TLS with the local Patroni, or with the peers. Without a CA of its own it leaves the choice of
// the system's to the first handshake, so that nothing is loaded for plain HTTP.
func (s settings) newDialer(local bool, shown *shown) (*dialer, error) {
	d := &dialer{settings: s, local: local, shown: shown}
	if s.caFile != "" && !s.insecure {
		cas, err := s.authorities()
		if err != nil {
			return nil, err
		}
		d.roots = x509.NewCertPool()
		for _, ca := range cas {
			d.roots.AddCert(undated(ca))
		}
	}
	if s.certFile == "" {
		return d, nil
	}
	pair, err := s.presentable(time.Now())
	switch {
	case err == nil:
		d.pairs = []tls.Certificate{pair}
	case s.certRequired:
		return nil, err
	default: // most members answer without it
		d.unfit = err
		shown.missed(err)
	}
	return d, nil
}

// presentable returns the client certificate if it helps to present it. One that is out of date does not, where none is
// required: a Patroni that merely accepts certificates refuses it, and answers whoever has none.
func (s settings) presentable(now time.Time) (tls.Certificate, error) {
	pair, err := s.certificate()
	if err != nil {
		return tls.Certificate{}, err
	}
	if why := outOfDate(pair.Leaf, now); why != "" && !s.certRequired {
		return tls.Certificate{}, s.untimely(why)
	}
	return pair, nil
}

// untimely is the error of a client certificate that is out of date.
func (s settings) untimely(why string) error {
	return s.from.cert.unusable("a client certificate that is valid today: renew it", fmt.Errorf("%s, which %s", s.certFile, why))
}

// authorities reads the CA file.
func (s settings) authorities() ([]*x509.Certificate, error) {
	data, err := readFile(s.caFile)
	if err != nil {
		return nil, s.from.ca.unusable("a file of CA certificates that vipctl can read", err)
	}
	all := certificates(data)
	if len(all) == 0 {
		return nil, s.from.ca.unusable("CA certificates in PEM", fmt.Errorf("%s: no certificate in it", s.caFile))
	}
	return all, nil
}

// certificates are those of a PEM file that can be read, as [x509.CertPool.AppendCertsFromPEM] takes them.
func certificates(data []byte) (all []*x509.Certificate) {
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" || len(block.Headers) > 0 {
			continue
		}
		if c, err := x509.ParseCertificate(block.Bytes); err == nil {
			all = append(all, c)
		}
	}
	return all
}

// certificate reads the client certificate and its key. A key that stands beside the certificate counts where the one that is
// named is of no use: without ctl.keyfile Patroni up to 3.0 takes restapi.keyfile, and since 3.1.0 the certificate's own file.
func (s settings) certificate() (tls.Certificate, error) {
	cert, err := readFile(s.certFile)
	if err != nil {
		return tls.Certificate{}, s.from.cert.unusable("a client certificate that vipctl can read", err)
	}
	pair, err := s.pair(cert, s.keyFile)
	if err != nil && s.keyFile != s.certFile {
		if own, ownErr := s.pair(cert, s.certFile); ownErr == nil {
			return own, nil
		}
	}
	if err != nil {
		return tls.Certificate{}, s.from.key.unusable("the key of "+s.certFile+" that vipctl can read", err)
	}
	return pair, nil
}

// pair adds the key in a file to the certificate.
func (s settings) pair(cert []byte, keyFile string) (tls.Certificate, error) {
	key, err := readFile(keyFile)
	if err != nil {
		return tls.Certificate{}, err
	}
	if key, err = plainKey(key, s.KeyPassword); err != nil {
		return tls.Certificate{}, fmt.Errorf("%s: %w", keyFile, err)
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("%s and %s: %w", s.certFile, keyFile, err)
	}
	return pair, nil
}

// plainKey takes the encryption off the first encrypted key in a PEM file.
func plainKey(data []byte, password secret) ([]byte, error) {
	for rest := data; ; {
		var block *pem.Block
		block, rest = pem.Decode(rest)
		switch {
		case block == nil:
			return data, nil
		case block.Type == "ENCRYPTED PRIVATE KEY":
			der, err := decryptPKCS8(block.Bytes, string(password))
			return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), err
		case block.Headers["DEK-Info"] != "":
			return nil, errors.New("the key is encrypted in OpenSSL's old format, which vipctl cannot read, " + wantKey)
		}
	}
}
