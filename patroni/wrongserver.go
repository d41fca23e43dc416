package patroni

import (
	"context"
	"crypto/tls"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/reconcile/policy"
)

// schemeWithin bounds the question whether a server speaks TLS. It takes milliseconds on this host.
const schemeWithin = 500 * time.Millisecond

// findWrongServer finds that a reply which does not count came from something else than this
// member's Patroni. It may ask the server once, in the other scheme.
func findWrongServer(ctx context.Context, found *reconcile.Findings, base string, reply policy.PatroniReply) {
	switch {
	case speaksTLS(ctx, base):
		found.Add(reconcile.Problem, "%s: it speaks HTTPS, and is asked in plain HTTP: restapi.certfile is not in patroni.yml (in the environment of "+
			"Patroni's unit perhaps: set patroni.environment_file), or patroni.url should begin with https://", base)
	case reply.Kind == policy.NotOurs:
		found.Add(reconcile.Problem, "%s (from restapi.listen or patroni.url): what answers there is not this member's Patroni, and counts as silence: %s",
			base, reply.Why)
	}
}

// speaksTLS reports whether a server that should speak plain HTTP speaks TLS. Python's resets a
// plain connection, others answer with an error.
func speaksTLS(ctx context.Context, base string) bool {
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "http" {
		return false
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", u.Host)
	if err != nil {
		return false
	}
	defer func() { _ = conn.Close() }()
	err = tls.Client(conn, &tls.Config{InsecureSkipVerify: true}).HandshakeContext(ctx) //nolint:gosec // nothing is asked
	return err == nil || strings.HasPrefix(err.Error(), "remote error: tls: ")
}
