package patroni

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/vipctl/vipctl/patroni/conf"
)

// dialer opens TLS connections to the local Patroni, or to the peers.
type dialer struct {
	conf.TLS
	local bool
	roots *x509.CertPool // undated; nil for the system's
	pairs []tls.Certificate
	unfit error // why the client certificate that is configured is not presented
	shown *shown
}

// unfit is why a connection that was opened does not speak TLS as it must, as a sentence.
type unfit string

func (u unfit) Error() string { return string(u) }

// newDialer reads the CA file and the client certificate. Without a CA file the system's CAs are
// loaded by the first handshake, so that plain HTTP loads none.
func newDialer(t conf.TLS, local bool, shown *shown) (*dialer, error) {
	d := &dialer{TLS: t, local: local, shown: shown}
	if t.CAFile != "" && !t.Insecure {
		cas, err := t.Authorities()
		if err != nil {
			return nil, err
		}
		d.roots = x509.NewCertPool()
		for _, ca := range cas {
			d.roots.AddCert(undated(ca))
		}
	}
	if t.CertFile == "" {
		return d, nil
	}
	pair, err := d.presentable(time.Now())
	switch {
	case err == nil:
		d.pairs = []tls.Certificate{pair}
	case t.CertRequired:
		return nil, err
	default: // most members answer without it
		d.unfit = err
		shown.missed(err)
	}
	return d, nil
}

// presentable returns the client certificate if it helps to present it. One that is out of date
// does not, where none is required: a Patroni that merely accepts certificates refuses it, and
// answers whoever has none.
func (d *dialer) presentable(now time.Time) (tls.Certificate, error) {
	pair, err := d.ClientCertificate()
	if err != nil {
		return tls.Certificate{}, err
	}
	if why := outOfDate(pair.Leaf, now); why != "" && !d.CertRequired {
		return tls.Certificate{}, d.untimely(why)
	}
	return pair, nil
}

// untimely is the error of a client certificate that is out of date.
func (d *dialer) untimely(why string) error {
	return d.From.Cert.Unusable("a client certificate that is valid today: renew it", fmt.Errorf("%s, which %s", d.CertFile, why))
}

// dial is a [net/http.Transport]'s DialTLSContext.
func (d *dialer) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	c := tls.Client(conn, d.config(addr, d.local && staysHere(conn)))
	if err := c.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, d.explain(err)
	}
	return &tlsConn{c, d}, nil
}

// tlsConn explains what it reads: in TLS 1.3 a client certificate is refused after the handshake
// (RFC 8446, 4.4.2.4).
type tlsConn struct {
	*tls.Conn
	d *dialer
}

func (c *tlsConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	return n, c.d.explain(err)
}

// config is crypto/tls's, for one connection. It verifies nothing itself: what
// docs/decisions/0007-certificates.md asks for is more than it can be told.
func (d *dialer) config(addr string, forgiving bool) *tls.Config {
	host, _, _ := net.SplitHostPort(addr)
	c := &tls.Config{
		MinVersion: tls.VersionTLS12, InsecureSkipVerify: true, Certificates: d.pairs, //nolint:gosec // verified below
	}
	c.ServerName = host
	if d.local {
		c.ServerName = cmp.Or(d.ServerName, host)
	}
	if !d.Insecure {
		c.VerifyConnection = func(s tls.ConnectionState) error {
			return d.verify(s.PeerCertificates, addr, c.ServerName, forgiving)
		}
	}
	return c
}

// staysHere reports whether a connection never leaves this host: its ends have one address, or the
// other one is loopback.
func staysHere(c net.Conn) bool {
	from, _ := c.LocalAddr().(*net.TCPAddr)
	to, _ := c.RemoteAddr().(*net.TCPAddr)
	return from != nil && to != nil && (to.IP.IsLoopback() || to.IP.Equal(from.IP))
}

// verify decides whether a server's certificates are those of the Patroni that is meant. Dates do
// not count. The name does not count either where forgiving is set. What is wrong with them is
// remembered in shown, for people.
func (d *dialer) verify(certs []*x509.Certificate, addr, name string, forgiving bool) error {
	chains, err := d.chains(certs)
	if err != nil {
		return d.untrusted(err)
	}
	p := presented{addr: addr, local: d.local, name: name, chain: lastsLongest(chains, time.Now())}
	byCommonName, err := checkName(certs[0], name)
	p.byCommonName, p.misnamed = byCommonName, err != nil
	if p.misnamed && !forgiving {
		return unfit(fmt.Sprintf("its certificate is for %s and not for %s: issue one with that name as subjectAltName", holders(certs[0]), name))
	}
	d.shown.add(p)
	return nil
}

// chains returns the ways from a server's certificate to a CA, whatever their dates.
func (d *dialer) chains(certs []*x509.Certificate) (chains [][]*x509.Certificate, err error) {
	through := x509.NewCertPool()
	for _, c := range certs[1:] {
		through.AddCert(undated(c))
	}
	leaf := undated(certs[0])
	// Only the system's CAs have dates here. They are good today; where this host's clock is wrong,
	// on the certificate's last day.
	for _, at := range []time.Time{time.Now(), certs[0].NotAfter} {
		chains, err = leaf.Verify(x509.VerifyOptions{Roots: d.roots, Intermediates: through, CurrentTime: at})
		if err == nil {
			break
		}
	}
	return chains, err
}

// untrusted says whose signature was missed.
func (d *dialer) untrusted(err error) error {
	if !errors.As(err, new(x509.UnknownAuthorityError)) {
		return unfit("its certificate cannot be verified: " + plain(err.Error()))
	}
	if d.CAFile == "" {
		return unfit(fmt.Sprintf("its certificate is from no CA of this system's (%s): name the CA by patroni.ca_file in vipctl.yml, "+
			"or ctl.cacert or restapi.cafile in patroni.yml", plain(err.Error())))
	}
	return unfit(fmt.Sprintf("its certificate is from no CA in %s (%s): put its CA there (%s)", d.CAFile, plain(err.Error()), d.From.CA.OrSaved()))
}

// explain says what is wrong with a server that speaks no TLS, or refuses ours, and the next step.
// crypto/tls exports no type for the alerts of the other side, so that their text is read.
func (d *dialer) explain(err error) error {
	if errors.As(err, new(tls.RecordHeaderError)) {
		return unfit("it speaks no TLS, but HTTPS is asked for: " + d.whyTLS())
	}
	if err == nil {
		return nil
	}
	alert, refused := strings.CutPrefix(err.Error(), "remote error: tls: ")
	switch {
	case !refused:
		return err
	case strings.Contains(alert, "certificate"), alert == "handshake failure": // in TLS 1.2, where one is required
		return unfit(fmt.Sprintf("it refuses us in TLS (%s): %s", alert, d.whyRefused()))
	}
	return unfit(fmt.Sprintf("it refuses us in TLS: %s", alert))
}

// whyTLS names the setting that made us ask by HTTPS.
func (d *dialer) whyTLS() string {
	if !d.local {
		return "the cluster's member list has its address as https://; reload or restart its Patroni where restapi.certfile has changed"
	}
	return "look at restapi.certfile in patroni.yml, and reload or restart Patroni where that has changed; where patroni.url is set, at its https://"
}

// whyRefused says what can be wrong with the client certificate.
func (d *dialer) whyRefused() string {
	const next = "ctl.certfile and ctl.keyfile in patroni.yml, or patroni.cert_file and patroni.key_file in vipctl.yml"
	switch {
	case d.unfit != nil:
		return fmt.Sprintf("it wants a client certificate, and ours was not presented: %v", d.unfit)
	case len(d.pairs) == 0:
		return "it wants a client certificate, and none is set: set " + next
	}
	if why := outOfDate(d.pairs[0].Leaf, time.Now()); why != "" {
		return d.untimely(why).Error()
	}
	return fmt.Sprintf("it was shown the client certificate %s (%s): its CA must be in restapi.cafile there", d.CertFile, d.From.Cert.OrSaved())
}
