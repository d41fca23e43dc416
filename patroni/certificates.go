package patroni

import (
	"cmp"
	"crypto/x509"
	"slices"
	"sync"
	"time"
)

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
	unfit error // why our own certificate was not presented
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

// list returns what servers presented last, in the order of their addresses, and why our own certificate was not.
func (s *shown) list() (all []presented, unfit error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	byAddr := func(a, b presented) int { return cmp.Compare(a.addr, b.addr) }
	return slices.SortedFunc(slices.Values(s.all), byAddr), s.unfit
}

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
