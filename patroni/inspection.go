package patroni

import (
	"crypto/x509"
	"fmt"
	"slices"
	"time"

	"github.com/vipctl/vipctl/patroni/conf"
	"github.com/vipctl/vipctl/reconcile"
)

// believed is what follows from a certificate that is no good.
const believed = "vipctl believes it all the same, patronictl and the other members do not"

// inspection collects what is wrong with certificates at one moment.
type inspection struct {
	now   time.Time
	found reconcile.Findings
	seen  []*x509.Certificate // of CAs, since one CA stands behind many servers
}

// server adds what is wrong with what a server presented, or will be soon.
func (in *inspection) server(p presented) {
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

// files adds what is wrong with the files that vipctl reads itself. A file that cannot be read is
// the error of [Client.Check]. Of several CAs one that is good is enough.
func (in *inspection) files(t conf.TLS) {
	if t.CertFile != "" {
		if pair, err := t.ClientCertificate(); err == nil {
			in.dates(pair.Leaf, t.From.Cert.OrSaved()+": the client certificate "+t.CertFile, "a Patroni with restapi.verify_client refuses it: renew it")
		}
	}
	if t.CAFile == "" || t.Insecure {
		return
	}
	if cas, err := t.Authorities(); err == nil {
		last := slices.MaxFunc(cas, func(a, b *x509.Certificate) int { return a.NotAfter.Compare(b.NotAfter) })
		in.authority(last, fmt.Sprintf("%s: the CA certificate %q in %s", t.From.CA.OrSaved(), plain(last.Subject.CommonName), t.CAFile))
	}
}

// warnings returns what is wrong with certificates although answers count, and why our own
// certificate was not presented.
func warnings(s *shown, now time.Time) (texts []string) {
	all, unfit := s.list()
	if unfit != nil {
		texts = append(texts, unfit.Error()+" (asked without it, since restapi.verify_client is not required)")
	}
	in := inspection{now: now}
	for _, p := range all {
		in.server(p)
	}
	for _, f := range in.found {
		if f.Level == reconcile.Problem {
			texts = append(texts, f.Text)
		}
	}
	return texts
}
