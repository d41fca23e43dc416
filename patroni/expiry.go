package patroni

import (
	"crypto/x509"
	"fmt"
	"slices"
	"time"

	"github.com/vipctl/vipctl/reconcile"
)

// renewAhead is how long before a certificate's end people are told. Of one that is renewed more often it is the last third:
// ACME clients renew one of 90 days at 30.
const renewAhead = 30 * 24 * time.Hour

// believed is what follows from a certificate that is no good.
const believed = "vipctl believes it all the same, patronictl and the other members do not"

// inspection looks at certificates at one moment.
type inspection struct {
	now   time.Time
	found reconcile.Findings
	seen  []*x509.Certificate // of CAs: what one has signed is in many places
}

// Oddities returns what is wrong with certificates although answers count: without these texts nobody would hear of it.
func (c *Client) Oddities() (odd []string) {
	w, err := c.settings()
	if err != nil {
		return nil
	}
	all, unfit := w.shown.list()
	if unfit != nil {
		odd = append(odd, unfit.Error()+" (asked without it, since restapi.verify_client is not required)")
	}
	in := inspection{now: time.Now()}
	for _, p := range all {
		in.look(p)
	}
	for _, f := range in.found {
		if f.Level == reconcile.Problem {
			odd = append(odd, f.Text)
		}
	}
	return odd
}

// look adds what is wrong with what a server presented, or will be soon.
func (in *inspection) look(p presented) {
	where := "https://" + p.addr
	in.dates(p.chain[0], where+": the certificate of the REST API",
		believed+": renew the file of restapi.certfile on that member and reload its Patroni")
	for _, ca := range p.chain[1:] {
		in.authority(ca, fmt.Sprintf("%s: the CA certificate %q", where, plain(ca.Subject.CommonName)))
	}
	const next = "issue one with that name as subjectAltName"
	switch {
	case p.misnamed:
		in.found.Add(reconcile.Problem, "%s: the certificate of the REST API is for %s and not for %s; %s: %s",
			where, holders(p.chain[0]), p.name, believed, next)
	case p.byCommonName:
		in.found.Add(reconcile.Warning, "%s: the certificate of the REST API has its name, %s, as common name alone, which Patroni on newer systems "+
			"(urllib3 2, in Debian 13) does not accept from other members: %s", where, p.name, next)
	}
}

// authority adds what is wrong with the dates of a CA's certificate, once.
func (in *inspection) authority(ca *x509.Certificate, what string) {
	if !slices.ContainsFunc(in.seen, ca.Equal) {
		in.seen = append(in.seen, ca)
		in.dates(ca, what, believed+": renew it, and what it has signed")
	}
}

// dates adds that a certificate is out of date, and what follows, or that it will be soon.
func (in *inspection) dates(c *x509.Certificate, what, then string) {
	if why := outOfDate(c, in.now); why != "" {
		in.found.Add(reconcile.Problem, "%s %s; %s", what, why, then)
	} else if why := endsSoon(c, in.now); why != "" {
		in.found.Add(reconcile.Warning, "%s %s; then %s", what, why, then)
	}
}

// outOfDate says why a certificate does not count at that time, "" where it does.
func outOfDate(c *x509.Certificate, now time.Time) string {
	switch {
	case now.After(c.NotAfter):
		return fmt.Sprintf("expired at %s (this host's clock says %s)", day(c.NotAfter), day(now))
	case now.Before(c.NotBefore):
		return fmt.Sprintf("is not valid before %s, and this host's clock says %s", day(c.NotBefore), day(now))
	}
	return ""
}

// endsSoon says when a certificate ends, "" where that is not soon.
func endsSoon(c *x509.Certificate, now time.Time) string {
	left := c.NotAfter.Sub(now)
	if left > min(renewAhead, c.NotAfter.Sub(c.NotBefore)/3) {
		return ""
	}
	return fmt.Sprintf("expires at %s, in %d days", day(c.NotAfter), left/(24*time.Hour))
}

func day(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }
