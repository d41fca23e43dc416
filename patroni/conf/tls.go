package conf

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
)

// Authorities reads the certificates in CAFile, whatever their dates. It wants one at least. The
// error names the setting.
func (t TLS) Authorities() ([]*x509.Certificate, error) {
	data, err := ReadFile(t.CAFile)
	if err != nil {
		return nil, t.From.CA.Unusable("a file of CA certificates that vipctl can read", err)
	}
	all := certificates(data)
	if len(all) == 0 {
		return nil, t.From.CA.Unusable("CA certificates in PEM", fmt.Errorf("%s: no certificate in it", t.CAFile))
	}
	return all, nil
}

// certificates are those of a PEM file that can be read, as [x509.CertPool.AppendCertsFromPEM]
// takes them.
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

// ClientCertificate reads CertFile and its key, whatever the dates. The error names the setting. A
// key that stands beside the certificate counts where the one in KeyFile is of no use: without
// ctl.keyfile Patroni up to 3.0 takes restapi.keyfile, and since 3.1.0 the certificate's own file.
func (t TLS) ClientCertificate() (tls.Certificate, error) {
	cert, err := ReadFile(t.CertFile)
	if err != nil {
		return tls.Certificate{}, t.From.Cert.Unusable("a client certificate that vipctl can read", err)
	}
	pair, err := t.pair(cert, t.KeyFile)
	if err != nil && t.KeyFile != t.CertFile {
		if own, ownErr := t.pair(cert, t.CertFile); ownErr == nil {
			return own, nil
		}
	}
	if err != nil {
		return tls.Certificate{}, t.From.Key.Unusable("the key of "+t.CertFile+" that vipctl can read", err)
	}
	return pair, nil
}

// pair adds the key in a file to the certificate.
func (t TLS) pair(cert []byte, keyFile string) (tls.Certificate, error) {
	key, err := ReadFile(keyFile)
	if err != nil {
		return tls.Certificate{}, err
	}
	if key, err = plainKey(key, t.KeyPassword); err != nil {
		return tls.Certificate{}, fmt.Errorf("%s: %w", keyFile, err)
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("%s and %s: %w", t.CertFile, keyFile, err)
	}
	return pair, nil
}

// plainKey takes the encryption off the first encrypted key in a PEM file.
func plainKey(data []byte, password Secret) ([]byte, error) {
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
