package patroni

import (
	"cmp"
	"crypto/x509"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/vipctl/vipctl/reconcile"
)

// renewAhead is how long before a certificate's end people are told. Of one that is renewed more often it is the last third:
// ACME clients renew one of 90 days at 30.
const renewAhead = 30 * 24 * time.Hour

// presented is what a server presented, and was believed for.
type presented struct {
	addr, name   string // where it was asked, and the name that its certificate has to be for
	local        bool
	chain        []*x509.Certificate // its own first, the CA's last
	misnamed     bool                // it is for another name
	byCommonName bool                // its name is no subjectAltName
}

// shown collects what servers presented in this process.
type shown struct {
	mu    sync.Mutex
	all   []presented
	unfit error    // why our own was not presented
	odd   []string // what [Client.Oddities] has returned
}

// add replaces what the same server presented before.
func (s *shown) add(p presented) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = slices.DeleteFunc(s.all, func(q presented) bool { return q.addr == p.addr })
	s.all = append(s.all, p)
}

// missed keeps why no client certificate is presented, although one is set.
func (s *shown) missed(why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unfit = why
}

// list returns what servers presented last, in the order of their addresses.
func (s *shown) list() []presented {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.SortedFunc(slices.Values(s.all), func(a, b presented) int { return cmp.Compare(a.addr, b.addr) })
}

// Oddities returns what is wrong with certificates although answers count, each once: without these texts nobody would
// hear of it.
func (c *Client) Oddities() (odd []string) {
	w, err := c.settings()
	if err != nil {
		return nil
	}
	found := w.presented(time.Now())
	w.shown.mu.Lock()
	defer w.shown.mu.Unlock()
	if w.shown.unfit != nil {
		found.Add(reconcile.Problem, "%v (asked without it, since restapi.verify_client is not required)", w.shown.unfit)
	}
	for _, f := range found {
		if f.Level == reconcile.Problem && !slices.Contains(w.shown.odd, f.Text) {
			odd = append(odd, f.Text)
		}
	}
	w.shown.odd = append(w.shown.odd, odd...)
	return odd
}

// presented looks at what servers presented.
func (w *way) presented(now time.Time) (found reconcile.Findings) {
	for _, p := range w.shown.list() {
		p.look(&found, now)
	}
	return found
}

// believed is what follows from a certificate that is no good.
const believed = "vipctl believes it all the same, patronictl and the other members do not"

// look adds what is wrong with it, or will be soon.
func (p presented) look(found *reconcile.Findings, now time.Time) {
	where := "https://" + p.addr
	addDates(found, p.chain[0], now, where+": the certificate of the REST API", believed+": renew the file of restapi.certfile on that member and reload its Patroni")
	for _, ca := range p.chain[1:] {
		addDates(found, ca, now, fmt.Sprintf("%s: the CA certificate %q", where, plain(ca.Subject.CommonName)), believed+": renew it, and what it has signed")
	}
	const next = "issue one with that name as subjectAltName"
	switch {
	case p.misnamed:
		found.Add(reconcile.Problem, "%s: the certificate of the REST API is for %s and not for %s; %s: %s",
			where, holders(p.chain[0]), p.name, believed, next)
	case p.byCommonName:
		found.Add(reconcile.Warning, "%s: the certificate of the REST API has its name, %s, as common name alone, which Patroni on newer systems "+
			"(urllib3 2, in Debian 13) does not accept from other members: %s", where, p.name, next)
	}
}

// addDates adds that a certificate is out of date, with what that means, or will be soon.
func addDates(found *reconcile.Findings, c *x509.Certificate, now time.Time, what, then string) {
	if why := outOfDate(c, now); why != "" {
		found.Add(reconcile.Problem, "%s %s; %s", what, why, then)
	} else if why := endsSoon(c, now); why != "" {
		found.Add(reconcile.Warning, "%s %s; then %s", what, why, then)
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

// lastsLongest returns, of several ways to a CA, one that is good now, if there is any, and of these the one that ends last.
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
