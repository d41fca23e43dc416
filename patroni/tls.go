package patroni

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
)

// tls returns how to speak TLS with the local Patroni, or with a peer. Without a CA of its own it leaves the choice of
// the system's to the first handshake, so that nothing is loaded for plain HTTP.
func (s settings) tls(local bool) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: s.insecure} //nolint:gosec // ctl.insecure is the user's word
	if local {
		c.ServerName = s.serverName
	}
	if s.caFile != "" && !s.insecure {
		data, err := readFile(s.caFile)
		if err != nil {
			return nil, fmt.Errorf("CA certificates: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(data) {
			return nil, fmt.Errorf("CA certificates: %s: no certificate in it, want PEM", s.caFile)
		}
	}
	if s.certFile != "" {
		pair, err := s.certificate()
		if err != nil {
			return nil, fmt.Errorf("client certificate: %w", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	if s.certRequired && s.certFile == "" {
		return nil, errors.New("restapi.verify_client is required, but there is no client certificate: " +
			"set ctl.certfile and ctl.keyfile in patroni.yml, or patroni.cert_file and patroni.key_file")
	}
	return c, nil
}

// certificate reads the client certificate and its key.
func (s settings) certificate() (tls.Certificate, error) {
	cert, err := readFile(s.certFile)
	if err != nil {
		return tls.Certificate{}, err
	}
	key := cert
	if s.keyFile != s.certFile {
		if key, err = readFile(s.keyFile); err != nil {
			return tls.Certificate{}, err
		}
	}
	if key, err = plainKey(key, s.KeyPassword); err != nil {
		return tls.Certificate{}, fmt.Errorf("%s: %w", s.keyFile, err)
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("%s and %s: %w", s.certFile, s.keyFile, err)
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
			return nil, errors.New("encrypted in OpenSSL's old format, want PKCS #8 (openssl pkcs8 -topk8 -v2 aes-256-cbc)")
		}
	}
}
