package patroni

import (
	"crypto/x509"
	"net"
	"slices"
	"strings"
	"time"
)

// undated returns a copy of a certificate that is good at all times. Signatures and the rest are
// verified in what the certificate was read from, the dates in these two fields (crypto/x509,
// Certificate.isValid).
func undated(c *x509.Certificate) *x509.Certificate {
	u := *c
	u.NotBefore, u.NotAfter = time.Time{}, time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
	return &u
}

// lastsLongest returns, of several ways to a CA, one that is good now, if there is any, and of
// these the one that ends last.
func lastsLongest(chains [][]*x509.Certificate, now time.Time) []*x509.Certificate {
	for i, chain := range chains {
		chains[i] = dated(chain)
	}
	return slices.MaxFunc(chains, func(a, b []*x509.Certificate) int {
		if good := goodAt(a, now); good != goodAt(b, now) {
			return map[bool]int{true: 1, false: -1}[good]
		}
		return end(a).Compare(end(b))
	})
}

// dated undoes [undated].
func dated(chain []*x509.Certificate) []*x509.Certificate {
	with := make([]*x509.Certificate, len(chain))
	for i, c := range chain {
		var err error
		if with[i], err = x509.ParseCertificate(c.Raw); err != nil {
			with[i] = c // cannot be: it was parsed before
		}
	}
	return with
}

func goodAt(chain []*x509.Certificate, now time.Time) bool {
	return !slices.ContainsFunc(chain, func(c *x509.Certificate) bool { return outOfDate(c, now) != "" })
}

// end is when the first of them expires.
func end(chain []*x509.Certificate) time.Time {
	first := slices.MinFunc(chain, func(a, b *x509.Certificate) int { return a.NotAfter.Compare(b.NotAfter) })
	return first.NotAfter
}

// checkName verifies a certificate for a host. One without any in its subjectAltName is for the one
// in its common name, as Python's ssl.match_hostname and urllib3 1.26 have it, by which Patroni
// asks other members on Debian 12 and before.
func checkName(c *x509.Certificate, host string) (byCommonName bool, err error) {
	if len(c.DNSNames)+len(c.IPAddresses) > 0 || c.Subject.CommonName == "" {
		return false, c.VerifyHostname(host)
	}
	named := &x509.Certificate{DNSNames: []string{c.Subject.CommonName}}
	if ip := net.ParseIP(c.Subject.CommonName); ip != nil {
		named = &x509.Certificate{IPAddresses: []net.IP{ip}}
	}
	return true, named.VerifyHostname(host)
}

// holders are the hosts that a certificate is for, as people read them.
func holders(c *x509.Certificate) string {
	names := slices.Clone(c.DNSNames)
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	switch {
	case len(names) > 0:
		return plain(strings.Join(names, ", "))
	case c.Subject.CommonName != "":
		return plain(c.Subject.CommonName) + " (its common name)"
	}
	return "nobody"
}
