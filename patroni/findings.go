package patroni

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/reconcile/policy"
)

// Findings is what people should know about the last answer of the local Patroni, about the certificates that it and the
// peers presented in this process, and about those that vipctl has itself. It may ask once more, in the other scheme.
// That nobody answers is none of them.
func (c *Client) Findings(ctx context.Context) (found reconcile.Findings) {
	w, err := c.settings()
	if err != nil {
		return nil // Check says it
	}
	said := c.said.Load()
	switch {
	case said == nil || said.Counts():
	case c.speaksTLS(ctx, w.url):
		found.Add(reconcile.Problem, "%s: it speaks HTTPS, and is asked in plain HTTP: restapi.certfile is not in patroni.yml (in the environment of "+
			"Patroni's unit perhaps: set patroni.environment_file), or patroni.url should begin with https://", w.url)
	case said.Kind == policy.NotOurs:
		found.Add(reconcile.Problem, "%s (from restapi.listen or patroni.url): what answers there is not this member's Patroni, and counts as silence: %s",
			w.url, said.Why)
	}
	in := inspection{now: time.Now(), found: found}
	all, _ := w.shown.list()
	for _, p := range all {
		in.look(p)
	}
	in.files(w.settings)
	return in.found
}

// speaksTLS reports whether a server that should speak plain HTTP speaks TLS. Python's
// resets a plain connection, others answer with an error.
func (c *Client) speaksTLS(ctx context.Context, base string) bool {
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "http" {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, min(c.opts.Timeout, 500*time.Millisecond)) // milliseconds on this host
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", u.Host)
	if err != nil {
		return false
	}
	defer func() { _ = conn.Close() }()
	err = tls.Client(conn, &tls.Config{InsecureSkipVerify: true}).HandshakeContext(ctx) //nolint:gosec // nothing is asked
	return err == nil || strings.HasPrefix(err.Error(), "remote error: tls: ")
}

// files looks at what vipctl reads itself. What cannot be read is [Client.Check]'s. Of several CAs one that is good is enough.
func (in *inspection) files(s settings) {
	if s.certFile != "" {
		if pair, err := s.certificate(); err == nil {
			in.dates(pair.Leaf, s.from.cert.orKept()+": the client certificate "+s.certFile, "a Patroni with restapi.verify_client refuses it: renew it")
		}
	}
	if s.caFile == "" || s.insecure {
		return
	}
	if cas, err := s.authorities(); err == nil {
		last := slices.MaxFunc(cas, func(a, b *x509.Certificate) int { return a.NotAfter.Compare(b.NotAfter) })
		in.authority(last, fmt.Sprintf("%s: the CA certificate %q in %s", s.from.ca.orKept(), plain(last.Subject.CommonName), s.caFile))
	}
}
